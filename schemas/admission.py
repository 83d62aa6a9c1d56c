"""The door: one submitted item becomes an envelope, or a refusal. Pure: time and new ids are arguments."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from orjson import Fragment
from pydantic import ValidationError

from . import codec, identifiers, times
from .catalogue import CUSTOM_PREFIX, model_of
from .controls import EventCorrected, EventRetracted
from .envelope import Correction, EntityKind, Replaced, Rights
from .identifiers import COMPANY, Identifier
from .payload import MODELS, OWNED_KINDS, Payload
from .refusal import Refusal
from .submission import Submission
from .upcasting import upcast

_MAX_PATH = 200
_MAX_MISTAKES = 1_000
"""Pydantic lists them all to give the first; a list of thousands holds up others."""
_FOREIGN = {
    "userId": "ids.user_id",
    "anonymousId": "ids.anonymous_id",
    "messageId": "message_id",
    "timestamp": "occurred_at",
    "originalTimestamp": "occurred_at",
    "sentAt": "sent_at",
    "event": "type",
    "traits": "properties of customer.identified",
}
"""What others call a submission's fields, and where they go here."""
_INNER = "properties.event"
_CONTROLS = ("event.corrected", "event.retracted")
_OF_A_CORRECTION = {
    *("type", "version", "message_id", "event_id", "occurred_at", "sent_at", "actor", "properties", "test"),
}
"""What belongs to the act of correcting; all else is said of the event itself."""
_UUID_VALUE = ~(0xF000 << 64 | 0xC000 << 48)
_UUID_5 = 5 << 76 | 0x8000 << 48
"""Version and variant of a UUIDv5 (RFC 9562, section 5.5), and the bits that they leave."""


class Origin(NamedTuple):
    """Where an item came in: the key's source and rights, and the moment Kizuna first got it. Of a
    re-admission also the failed event that it `repairs`, the `event_id` that it takes, whatever the item
    says, and the conflict that it `replaces`."""

    source: str
    rights: Rights
    received_at: datetime
    import_id: str | None = None
    event_id: UUID | None = None
    repairs: UUID | None = None
    replaces: Replaced | None = None


class Accepted(NamedTuple):
    """An envelope ready for the log."""

    event_id: UUID
    type: str
    key: bytes
    value: bytes


def admit(item: object, origin: Origin, workspace_key: str, new_id: Callable[[], UUID]) -> Accepted | Refusal:
    """Validate one item and seal it. `new_id` gives an id where the client gave none."""
    try:
        sent = Submission.model_validate(item)
    except ValidationError as error:
        return _invalid(error, item)
    checked = _check(sent, origin)
    if isinstance(checked, _Checked) and isinstance(checked.payload, EventCorrected):
        checked = _corrected(sent, checked.payload, origin)
    return checked if isinstance(checked, Refusal) else _seal(checked, origin, workspace_key, new_id)


def event_id_for(source: str, message_id: str) -> UUID:
    """UUIDv5 of the source and the client's message id."""
    digest = hashlib.sha1(_source_namespace(source) + message_id.encode(), usedforsecurity=False).digest()
    # What uuid5 does, in half of the time.
    return UUID(int=int.from_bytes(digest[:16], "big") & _UUID_VALUE | _UUID_5)


_received = lru_cache(maxsize=8)(times.text)
"""All items of a request, or an import, are received in one moment."""


@lru_cache(maxsize=1_000)
def _source_namespace(source: str) -> bytes:
    return uuid5(NAMESPACE_URL, f"kizuna:source:{source}").bytes


def occurrence(original: datetime | None, sent: datetime | None, received: datetime) -> tuple[datetime, bool]:
    """The corrected time, and whether it had to be cut to the time received.

    received - (sent - original), the correction of the Segment protocol; without `sent` the client's own.
    """
    if original is None:
        return received, False
    try:
        corrected = original if sent is None else times.in_range(received - (sent - original))
    except (ValueError, OverflowError):
        corrected = original
    return (received, True) if corrected > received else (corrected, False)


class _Entity(NamedTuple):
    kind: EntityKind
    namespace: str
    id: str


class _Checked(NamedTuple):
    """A valid item: as it was sent, and what was read out of it."""

    sent: Submission
    properties: bytes  # as sent, in canonical JSON
    context: bytes
    payload: Payload
    ids: list[Identifier]
    entities: list[_Entity]
    corrects: UUID | None = None
    correction: Correction | None = None


def _check(sent: Submission, origin: Origin) -> _Checked | Refusal:
    model = model_of(sent.type)
    if model is None:
        return Refusal("unknown_type", "type", _unknown(sent.type))
    if origin.rights == "public" and not model.PUBLIC:
        return Refusal("not_allowed", "type", f"{sent.type} takes a secret write key")
    if origin.rights == "public" and sent.event_id:
        # Whoever reads the key in a web page could else take the ids of another source's events.
        return Refusal("not_allowed", "event_id", "event_id takes a secret write key: send message_id")
    if origin.rights == "public" and any(ref.namespace for ref in sent.entities):
        # It could else refund what another source sold.
        return Refusal("not_allowed", "entities", "a namespace takes a secret write key: leave it out")
    if sent.version is not None and sent.version > model.VERSION:
        return Refusal("invalid", "version", f"the latest version of {sent.type} is {model.VERSION}")
    properties = codec.canonical(sent.properties)
    if isinstance(properties, Refusal):
        return replace(properties, path="properties")
    context = codec.canonical(sent.context) if sent.context else b""
    if isinstance(context, Refusal):
        return replace(context, path="context")
    current = upcast(sent.type, sent.version, sent.properties) if sent.version else sent.properties
    try:
        payload = model.model_validate(current)
    except ValidationError as error:
        return _invalid(error, current, "properties")
    try:
        ids = _identifiers(sent.ids)
        entities = _entities(sent, payload, origin.source)
        if isinstance(payload, EventRetracted):
            payload = _of_source(payload, origin.source)
    except _BadIdentifier as error:
        return Refusal("invalid", error.path[:_MAX_PATH], str(error))
    if len(ids) < model.MIN_IDS:
        wanted = "an identifier of the person" if model.MIN_IDS == 1 else "two identifiers, to join them"
        return Refusal("no_identity", "ids", f"{sent.type} needs at least {wanted}")
    if model.ONE_THING and (refusal := _not_one_thing(sent.type, entities)):
        return refusal
    if len(ids) + len(entities) < model.MIN_NAMED:
        return Refusal("no_identity", "ids", f"{sent.type} needs a person or an entity that it is about")
    if origin.rights == "public" and not ids:
        return Refusal(
            "no_identity", "ids", "a public key must name the person: send anonymous_id or user_id"
        )
    return _Checked(sent, properties, context, payload, ids, entities)


def _not_one_thing(type_: str, entities: list[_Entity]) -> Refusal | None:
    things = [one.kind for one in entities if one.kind in OWNED_KINDS]
    if not things:
        kinds = ", ".join(OWNED_KINDS)
        return Refusal("no_identity", "entities", f"{type_} needs the thing that it is about, one of {kinds}")
    if len(things) > 1:
        reason = f"{type_} is about one thing, not {' and '.join(things)}: send one event for each"
        return Refusal("invalid", "entities", reason)
    return None


def _corrected(sent: Submission, payload: EventCorrected, origin: Origin) -> _Checked | Refusal:
    """The event that stands in for another, under the id that the correction was sent with."""
    for field in sorted(sent.model_fields_set - _OF_A_CORRECTION):
        if getattr(sent, field):
            return Refusal("invalid", field, f"belongs to the event: send it as {_INNER}.{field}")
    if payload.event.type in _CONTROLS:
        reason = f"takes no {payload.event.type}: send that by itself"
        return Refusal("invalid", f"{_INNER}.type", f"event.corrected {reason}")
    whole: dict[str, Any] = dict(payload.event)
    whole |= {"message_id": sent.message_id, "event_id": sent.event_id, "sent_at": sent.sent_at}
    whole["test"] = sent.test or payload.event.test
    checked = _check(Submission.model_construct(None, **whole), origin)
    if isinstance(checked, Refusal):
        return replace(checked, path=f"{_INNER}.{checked.path}"[:_MAX_PATH])
    correction = Correction(
        reason=payload.reason, actor=sent.actor, occurred_at=sent.occurred_at, test=sent.test
    )
    return checked._replace(corrects=payload.event_id, correction=correction)


def _seal(checked: _Checked, origin: Origin, workspace_key: str, new_id: Callable[[], UUID]) -> Accepted:
    sent, ids, entities = checked.sent, checked.ids, checked.entities
    event_id = (
        origin.event_id
        or sent.event_id
        or (event_id_for(origin.source, sent.message_id) if sent.message_id is not None else new_id())
    )
    occurred_at, clamped = occurrence(sent.occurred_at, sent.sent_at, origin.received_at)
    occurred = times.text(occurred_at)
    original = sent.occurred_at and (
        occurred if occurred_at is sent.occurred_at else times.text(sent.occurred_at)
    )
    body: dict[str, object] = {
        "type": sent.type,
        "ids": [[kind, value] for kind, value in ids],
        "properties": Fragment(checked.properties),
        "occurred_at": original,
    }
    if checked.corrects:
        body["corrects"] = checked.corrects
    envelope: dict[str, object] = {
        "event_id": event_id,
        "type": sent.type,
        "version": checked.payload.VERSION,
        "occurred_at": occurred,
        "received_at": _received(origin.received_at),
        "source": origin.source,
        "rights": origin.rights,
        "ids": [{"kind": kind, "value": value} for kind, value in ids],
        "entities": [{"kind": kind, "namespace": space, "id": id_} for kind, space, id_ in entities],
        "properties": Fragment(checked.payload.model_dump_json(exclude_none=True)),
        "body_hash": codec.body_hash(body),
    }
    if checked.context:
        envelope["context"] = Fragment(checked.context)
    if sent.sent_at:
        envelope["sent_at"] = times.text(sent.sent_at)
    if original:
        envelope["original_timestamp"] = original
    if clamped:
        envelope["clamped"] = True
    if origin.import_id:
        envelope["import_id"] = origin.import_id
    if sent.actor:
        envelope["actor"] = sent.actor.model_dump(exclude_none=True)
    if sent.channel:
        envelope["channel"] = sent.channel
    if sent.place:
        envelope["place"] = sent.place.model_dump(exclude_none=True, by_alias=True)
    if sent.caused_by:
        envelope["caused_by"] = sent.caused_by
    if sent.attachments:
        envelope["attachments"] = [part.model_dump() for part in sent.attachments]
    if sent.test:
        envelope["test"] = True
    if origin.repairs:
        envelope["repairs"] = origin.repairs
    if checked.corrects:
        envelope["corrects"] = checked.corrects
    if checked.correction and (
        why := checked.correction.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    ):
        envelope["correction"] = why
    if origin.replaces:
        envelope["replaces"] = origin.replaces.model_dump()
    return Accepted(event_id, sent.type, _key(checked, event_id, workspace_key), codec.dumps(envelope))


def _key(checked: _Checked, event_id: UUID, workspace_key: str) -> bytes:
    """The record's key: the subject it is about, hashed, so that no raw value stands in it."""
    if checked.ids:
        return identifiers.subject_bytes(workspace_key, *checked.ids[0])
    for kind, space, id_ in sorted(checked.entities, key=lambda entity: entity.kind != COMPANY):
        return identifiers.subject_bytes(workspace_key, kind, id_ if kind == COMPANY else f"{space}\x1f{id_}")
    return event_id.bytes


class _BadIdentifier(ValueError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def _identifiers(sent: Mapping[str, list[str]]) -> list[Identifier]:
    """In normal form, strongest first, each once."""
    found: dict[Identifier, None] = {}
    for kind, values in sent.items():
        if not identifiers.is_person_kind(kind):
            known = ", ".join(identifiers.KINDS)
            raise _BadIdentifier(f"ids.{kind}", f"is no kind of identifier: use {known} or x_<system>")
        for value in values:
            found[Identifier(kind, _normal(kind, value, f"ids.{kind}"))] = None
    if len(found) > 1:
        return sorted(found, key=lambda one: (identifiers.strength(one.kind), one.kind))
    return list(found)


def _normal(kind: str, value: str, path: str) -> str:
    try:
        return identifiers.normalise(kind, value)
    except ValueError as error:
        raise _BadIdentifier(path, str(error)) from None


def _entities(sent: Submission, payload: Payload, source: str) -> list[_Entity]:
    """The event's own entity first, then its company, then what other fields name, then what the client
    named. A company has no namespace: its id is an identifier."""
    if not payload.ENTITY_FIELDS and not sent.entities:
        return []
    named = [
        (ref.kind, ref.namespace, ref.id, f"entities.{number}.id") for number, ref in enumerate(sent.entities)
    ]
    spaces = {(kind, id_): space for kind, space, id_, _ in named}
    for kind, field in reversed(payload.ENTITY_FIELDS):
        if id_ := getattr(payload, field):
            named.insert(0, (kind, spaces.get((kind, id_)), id_, f"properties.{field}"))
    entities = [_entity(kind, space, id_, source, path) for kind, space, id_, path in named]
    return list(dict.fromkeys(entities)) if len(entities) > 1 else entities


def _entity(kind: EntityKind, space: str | None, id_: str, source: str, path: str) -> _Entity:
    if kind == COMPANY:
        return _Entity(kind, "", _normal(kind, id_, path))
    return _Entity(kind, space or source, id_)


def _of_source(payload: EventRetracted, source: str) -> EventRetracted:
    """A retracted entity is named as the entities of events are kept."""
    named = payload.entity
    if named is None:
        return payload
    entity = _entity(named.kind, named.namespace, named.id, source, "properties.entity.id")
    return payload.model_copy(update={"entity": named.model_copy(update=entity._asdict())})


@lru_cache(maxsize=1_000)
def _unknown(type_: str) -> str:
    near = difflib.get_close_matches(type_, MODELS, n=1)
    advice = f"did you mean {near[0]}? " if near else ""
    return (
        f"no such event type: {advice}Your own types start with {CUSTOM_PREFIX}, such as custom.quiz_finished"
    )


def _invalid(error: ValidationError, item: object, under: str = "") -> Refusal:
    """The first error, at its place in the item; of pydantic's location only what the sender can follow."""
    if error.error_count() > _MAX_MISTAKES:
        return Refusal("invalid", under, f"{error.error_count():,} of its parts are wrong")
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    steps = [under] if under else []
    node = item
    for step in first["loc"]:
        if isinstance(node, dict):
            steps.append(str(step))
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int):
            steps.append(str(step))
            node = node[step]
    path = ".".join(steps)[:_MAX_PATH]
    reason = first["msg"].removeprefix("Value error, ")
    if not under and isinstance(item, dict):
        foreign = "event" if path == "type" and "event" in item else path
        if foreign in _FOREIGN:
            reason += f": send {_FOREIGN[foreign]} instead of {foreign}"
    return Refusal("invalid", path, reason)
