"""What is submitted to correct or take out an event. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .readmission import Item, merge, reopened

_NOT_OF_THE_EVENT = ("event_id", "message_id", "sent_at")


def correcting(envelope: Item, patch: Item, reason: str | None, actor: Item) -> Item:
    """The correction of an event in the log by a JSON Merge Patch for the item that it was: its type, ids,
    entities, properties and so on, with the time it has after its client's clock was corrected."""
    item = reopened(envelope)
    if envelope.get("corrects") is not None:
        properties = item["properties"]
        assert isinstance(properties, Mapping)
        item = properties["event"]
    event = {name: value for name, value in item.items() if name not in _NOT_OF_THE_EVENT}
    event["occurred_at"] = envelope["occurred_at"]
    if envelope.get("test"):
        event["test"] = True
    properties = {"event_id": envelope["event_id"], "event": merge(event, patch)}
    return _by(actor, "event.corrected", properties, reason)


def retracting(target: Item, reason: str | None, actor: Item) -> Item:
    """The item that takes out a target: an `event_id`, an `entity` or an `import_id`."""
    return _by(actor, "event.retracted", dict(target), reason)


def _by(actor: Item, type_: str, properties: dict[str, object], reason: str | None) -> Item:
    if reason is not None:
        properties["reason"] = reason
    return {"type": type_, "actor": dict(actor), "properties": properties}
