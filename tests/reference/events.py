"""A record of the topic `touchpoints`, read with the standard library alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

OWNED = ("order", "visit", "ticket", "deal", "contract", "task")
"""Kinds of entities with a present state. A company is a subject of its own; a campaign has no state."""

_KINDS = re.compile("user_id|card|email|phone|line_id|device_id|anonymous_id|x_[a-z0-9_]{1,40}")
_HASH = re.compile("[0-9a-f]{64}")


class Record(NamedTuple):
    """What the log holds."""

    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    value: bytes


class Identifier(NamedTuple):
    kind: str
    value: str


class Entity(NamedTuple):
    kind: str
    namespace: str
    id: str


@dataclass(frozen=True)
class Event:
    """One copy of an event. `place` is its partition and offset."""

    place: tuple[int, int]
    recorded_at: datetime
    event_id: UUID
    type: str
    occurred_at: datetime
    received_at: datetime
    source: str
    secret: bool
    ids: tuple[Identifier, ...]
    entities: tuple[Entity, ...]
    properties: Mapping[str, Any]
    fields: Mapping[str, str | None]
    """What every event may say beside its properties: channel, store, register."""
    body_hash: str
    test: bool
    import_id: str | None
    corrects: UUID | None
    test_act: bool
    replaces: tuple[UUID, str] | None
    repairs: UUID | None

    @property
    def admission(self) -> tuple[datetime, datetime, UUID]:
        return self.received_at, self.occurred_at, self.event_id

    @property
    def history(self) -> tuple[datetime, datetime, UUID]:
        return self.occurred_at, self.received_at, self.event_id

    @property
    def person(self) -> Identifier | None:
        """The strongest identifier: the envelope has them strongest first."""
        return self.ids[0] if self.ids else None

    @property
    def company(self) -> Identifier | None:
        return next((Identifier("company", one.id) for one in self.entities if one.kind == "company"), None)

    @property
    def entity(self) -> Entity | None:
        """The thing the event is about: its own entity comes first."""
        return next((one for one in self.entities if one.kind in OWNED), None)


def read(record: Record) -> Event | None:
    """None when the record is no envelope."""
    try:
        body = json.loads(record.value, parse_float=Decimal)
        ids = tuple(Identifier(one["kind"], one["value"]) for one in body.get("ids", []))
        place = body.get("place") or {}
        event = Event(
            place=(record.partition, record.offset),
            recorded_at=record.recorded_at,
            event_id=UUID(body["event_id"]),
            type=body["type"],
            occurred_at=datetime.fromisoformat(body["occurred_at"]),
            received_at=datetime.fromisoformat(body["received_at"]),
            source=body["source"],
            secret=body.get("rights") == "secret",
            ids=ids,
            entities=tuple(
                Entity(one["kind"], one["namespace"], one["id"]) for one in body.get("entities", [])
            ),
            properties=dict(body.get("properties", {})),
            fields={
                "channel": body.get("channel"),
                "store": place.get("store"),
                "register": place.get("register"),
            },
            body_hash=body["body_hash"],
            test=body.get("test", False),
            import_id=body.get("import_id"),
            corrects=_uuid(body.get("corrects")),
            test_act=(body.get("correction") or {}).get("test", False),
            replaces=_replaced(body.get("replaces")),
            repairs=_uuid(body.get("repairs")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if event.occurred_at > event.received_at or not _HASH.fullmatch(event.body_hash):
        return None
    return event if all(_KINDS.fullmatch(kind) and value for kind, value in ids) else None


def _replaced(said: dict[str, str] | None) -> tuple[UUID, str] | None:
    return None if said is None else (UUID(said["event_id"]), said["body_hash"])


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
