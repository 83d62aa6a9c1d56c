"""What is submitted to correct or take out an event. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .readmission import Item, merge, reopened

_NOT_OF_THE_EVENT = ("event_id", "message_id", "sent_at")


class Correcting(NamedTuple):
    """The `item` of type `event.corrected`. `instead` is the earlier correction whose place it takes: that
    has to be retracted, as it would count beside this one."""

    item: Item
    instead: str | None


def correcting(envelope: Item, patch: Item, reason: str | None, actor: Item) -> Correcting:
    """The correction of an event in the log by a JSON Merge Patch for the item that it was: its type, ids,
    entities, properties and so on, with the time it has after its client's clock was corrected. A correction
    is always one of the event that came first: else taking out the second would let the first and the event
    itself count both."""
    item = reopened(envelope)
    corrects = envelope.get("corrects")
    if corrects is not None:
        properties = item["properties"]
        assert isinstance(properties, Mapping)
        item = properties["event"]
    event = {name: value for name, value in item.items() if name not in _NOT_OF_THE_EVENT}
    event["occurred_at"] = envelope["occurred_at"]
    if envelope.get("test"):
        event["test"] = True
    target = envelope["event_id"] if corrects is None else corrects
    properties = {"event_id": target, "event": merge(event, patch)}
    return Correcting(
        _by(actor, "event.corrected", properties, reason),
        None if corrects is None else str(envelope["event_id"]),
    )


def retracting(target: Item, reason: str | None, actor: Item) -> Item:
    """The item that takes out a target: an `event_id`, an `entity` or an `import_id`."""
    return _by(actor, "event.retracted", dict(target), reason)


def _by(actor: Item, type_: str, properties: dict[str, object], reason: str | None) -> Item:
    if reason is not None:
        properties["reason"] = reason
    return {"type": type_, "actor": dict(actor), "properties": properties}
