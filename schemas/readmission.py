"""Re-admission: a failed event passes the door again, repaired, under its own id and times. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import TypeAdapter, ValidationError

from . import codec
from .admission import Accepted, Origin, admit, event_id_for
from .envelope import Replaced, Rights, ShortText
from .refusal import Code, Refusal
from .submission import MessageId
from .times import Moment

Item = Mapping[str, object]

NEW_IDS = uuid5(NAMESPACE_URL, "kizuna:readmitted")

_FORMS: dict[str, TypeAdapter[object]] = {
    "event_id": TypeAdapter(UUID),
    "message_id": TypeAdapter(MessageId),
    "received_at": TypeAdapter(Moment),
    "source": TypeAdapter(ShortText),
    "rights": TypeAdapter(Rights),
    "import_id": TypeAdapter(ShortText),
}
"""What an item, or a record of the log, can say of its own id and of how it came in."""

_IDS = ("event_id", "message_id")
_ORIGIN = ("source", "rights", "received_at", "import_id")
_CORRECTION = ("corrects", "correction")
_ENVELOPE_ONLY = (
    *_ORIGIN, "body_hash", "clamped", "original_timestamp", "repairs", "replaces", *_CORRECTION
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """A failed event as it is kept, with the `item` as text. Of a record that the fold could not read (`via`
    is fold) the item is the record: what it says of its origin goes before `source` and the others. The id
    of a conflict is held by another event, `holder`; it has the `body_hash` and happened at `occurred_at`."""

    failed_id: UUID
    code: Code
    via: Literal["http", "import", "fold"]
    item: str
    source: str
    rights: Rights
    received_at: datetime
    import_id: str | None = None
    holder: UUID | None = None
    body_hash: str | None = None
    occurred_at: str | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """What is done to the item first: `patch`, a JSON Merge Patch (RFC 7396), or `item`, which takes its
    place; nothing where both are None. With `new_id` the event takes a new id, as a conflict always does.
    With `corrected_at`, now, a conflict takes out the event that holds its id, and stands in its place."""

    patch: Item | None = None
    item: Item | None = None
    new_id: bool = False
    corrected_at: datetime | None = None


def readmit(kept: Kept, repair: Repair, workspace_key: str) -> Accepted | Refusal:
    """The repaired item through the door, with the source, rights, times and import of the failed event. Its
    id is the one that the item names, as it came or else as it was repaired, so that a retry that the client
    sent meanwhile counts once; without a name it follows from the failed event."""
    came = _came(kept)
    repaired = _repaired(kept, came, repair)
    if isinstance(repaired, Refusal):
        return repaired
    own = _said(came, _IDS)
    said = own | _said(repaired, _IDS)
    held = kept.code == "conflict"
    for name in _IDS:
        if repaired.get(name) is not None and said.get(name) != own.get(name) and (held or name in own):
            return Refusal("invalid", name, _KEEPS_ID)
    if repair.corrected_at is not None:
        return _correct(kept, came, repaired, repair.corrected_at, workspace_key)
    origin = _origin(kept, came, repaired)
    if isinstance(origin, Refusal):
        return origin
    of_log = kept.via == "fold"
    event_id = None
    if not held and not repair.new_id:
        event_id = _named(own, origin, of_log=of_log) or _named(said, origin, of_log=of_log)
    origin = Origin(
        origin.source,
        origin.rights,
        origin.received_at,
        origin.import_id,
        event_id=event_id or uuid5(NEW_IDS, str(kept.failed_id)),
        repairs=kept.failed_id,
        replaces=_replaced(kept),
    )
    item = reopened(repaired) if of_log else repaired
    if of_log and "event_id" in said:
        # An envelope has it whatever its rights; the door takes it from a secret key alone.
        item = {name: value for name, value in item.items() if name != "event_id"}
    return admit(item, origin, workspace_key, _unneeded)


def merge(target: object, patch: object) -> object:
    """JSON Merge Patch (RFC 7396): members of `patch` take the place of those of `target`, null takes a
    member out, objects are merged member by member."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def reopened(record: Item) -> Item:
    """An envelope, whole or not, as the submission that it was; anything else as it is. Ids stay where they
    cannot be read: the door says what is wrong with them."""
    ids = record.get("ids")
    if not isinstance(ids, list) and not any(name in record for name in _ENVELOPE_ONLY):
        return record
    item = {name: value for name, value in record.items() if name not in _ENVELOPE_ONLY}
    if isinstance(ids, list) and all(
        isinstance(one, Mapping) and one.keys() == {"kind", "value"} for one in ids
    ):
        by_kind: dict[str, list[object]] = {}
        for one in ids:
            by_kind.setdefault(str(one["kind"]), []).append(one["value"])
        item["ids"] = by_kind
    entities = record.get("entities")
    if entities == []:
        del item["entities"]
    elif isinstance(entities, list):
        item["entities"] = [_without_namespace(one, record.get("source")) for one in entities]
    if record.get("original_timestamp") is not None:
        item["occurred_at"] = record["original_timestamp"]
    elif record.get("occurred_at") == record.get("received_at"):
        item.pop("occurred_at", None)  # the client gave none
    else:
        item.pop("sent_at", None)  # the time is corrected already
    corrects, correction = (record.get(name) for name in _CORRECTION)
    return item if corrects is None else _correction(item, corrects, correction)


def conflicting(failed_id: UUID, record: bytes, source: str, received_at: datetime, holder: UUID) -> Kept:
    """The failed event that a copy is with another content than the event that holds its id, `holder`. Its
    item is the submission that the record was, without an id: it takes a new one."""
    try:
        said = codec.loads(record)
    except ValueError:
        said = None
    envelope: Item = said if isinstance(said, dict) else {}
    origin = _said(envelope, _ORIGIN)
    item = {name: value for name, value in reopened(envelope).items() if name not in _IDS}
    return Kept(
        failed_id,
        "conflict",
        "fold",
        codec.dumps(item).decode(),
        source,
        "secret" if origin.get("rights") == "secret" else "public",
        received_at,
        _text(origin.get("import_id")),
        holder,
        _text(envelope.get("body_hash")),
        _text(envelope.get("occurred_at")),
    )


_KEEPS_ID = (
    "a repair keeps the id that the failed event has, and a conflict takes a new one: leave it as it was"
)


def _correct(
    kept: Kept, came: object, repaired: Item, now: datetime, workspace_key: str
) -> Accepted | Refusal:
    """A correction is an act of today, by whoever repairs: only so it comes after all copies of the id."""
    if kept.holder is None:
        return Refusal("invalid", "", "only a conflict can correct an event, the one that holds its id")
    item = {name: value for name, value in repaired.items() if name != "sent_at"}
    if isinstance(came, Mapping) and item.get("occurred_at") == came.get("occurred_at"):
        item["occurred_at"] = kept.occurred_at  # the client's clock is corrected in it
    event_id = uuid5(NEW_IDS, str(kept.failed_id))
    origin = Origin(kept.source, "secret", now, kept.import_id, event_id, repairs=kept.failed_id)
    return admit(_correction(item, str(kept.holder), None), origin, workspace_key, _unneeded)


def _came(kept: Kept) -> object:
    """The item as it came, parsed; None for no JSON. A row of a file that could not be mapped is no item."""
    if kept.code == "unmapped":
        return None
    try:
        return codec.loads(kept.item)
    except ValueError:
        return None


def _repaired(kept: Kept, came: object, repair: Repair) -> Item | Refusal:
    given = repair.patch if repair.item is None else repair.item
    refusal = None if given is None else codec.check(dict(given))
    if refusal is not None:
        return refusal
    if repair.item is not None:
        return repair.item
    if kept.code == "unmapped":
        return Refusal("unmapped", "", "the item is a row of a file: give an event in its place as `item`")
    if not isinstance(came, dict):
        reason = "the item is no JSON object, so nothing can be patched: give another in its place as `item`"
        return Refusal("invalid_json", "", reason)
    if repair.patch is None:
        return came
    merged = merge(came, repair.patch)
    assert isinstance(merged, dict)
    return merged


def _origin(kept: Kept, came: object, repaired: Item) -> Origin | Refusal:
    """How the failed event came in. A record of the log says it itself, where it can be read."""
    if kept.via != "fold" or kept.code == "conflict":
        return Origin(kept.source, kept.rights, kept.received_at, kept.import_id)
    own = _said(came, _ORIGIN)
    said = own | _said(repaired, _ORIGIN)
    for name, value in own.items():
        if said[name] != value:
            return Refusal("invalid", name, f"a repair keeps the {name} of its record: leave it as it was")
    received_at = said.get("received_at")
    return Origin(
        _text(said.get("source")) or kept.source,
        # Whoever writes to the log itself may write anything.
        "public" if said.get("rights") == "public" else "secret",
        received_at if isinstance(received_at, datetime) else kept.received_at,
        _text(said.get("import_id")),
    )


def _said(item: object, names: tuple[str, ...]) -> dict[str, object]:
    """Those of the names that the item gives a valid value for."""
    found: dict[str, object] = {}
    if isinstance(item, Mapping):
        for name in names:
            try:
                found[name] = _FORMS[name].validate_python(item.get(name))
            except ValidationError:
                continue
    return found


def _named(said: Mapping[str, object], origin: Origin, *, of_log: bool) -> UUID | None:
    """The id that the door would give it, or had given it."""
    event_id, message_id = said.get("event_id"), said.get("message_id")
    if isinstance(event_id, UUID) and (of_log or origin.rights == "secret"):
        return event_id
    return event_id_for(origin.source, message_id) if isinstance(message_id, str) else None


def _without_namespace(entity: object, source: object) -> object:
    """Without the namespace that it has anyway."""
    if isinstance(entity, Mapping) and entity.get("namespace") in ("", source):
        return {name: value for name, value in entity.items() if name != "namespace"}
    return entity


def _correction(item: Item, corrects: object, why: object) -> Item:
    """The submission of a correction, which holds the event that stands in for another."""
    outer = {name: item[name] for name in (*_IDS, "sent_at") if name in item}
    said = dict(why) if isinstance(why, Mapping) else {}
    properties = {
        "event_id": corrects,
        "event": {name: value for name, value in item.items() if name not in outer},
        **({"reason": said.pop("reason")} if "reason" in said else {}),
    }
    return {**outer, **said, "type": "event.corrected", "properties": properties}


def _replaced(kept: Kept) -> Replaced | None:
    """The copy that a conflict is, by which its repair keeps it out."""
    if kept.holder is None or kept.body_hash is None:
        return None
    return Replaced(event_id=kept.holder, body_hash=kept.body_hash)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _unneeded() -> UUID:
    raise AssertionError("a re-admitted event has its id")
