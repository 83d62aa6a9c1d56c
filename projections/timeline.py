"""The timeline of a profile: its events, newest first by history order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import duckdb
import orjson

from .lookups import among, rows_of
from .traits import OWNER, SUBJECT, Of


class Moment(NamedTuple):
    """Where an event stands in history order. Times are naive and in UTC."""

    occurred_at: datetime
    received_at: datetime
    event_id: UUID


class Stretch(NamedTuple):
    """A stretch of a timeline, and where it ends when older events follow."""

    items: list[dict[str, object]]
    after: Moment | None


NEWEST_FIRST = "occurred_at DESC, received_at DESC, event_id DESC"
COLUMNS = (
    "event_id, type, version, occurred_at, received_at, recorded_at, source, secret, test, channel, store, "
    '"register", import_id, corrects, ids, entities, properties, context, more, subject, entity'
)
"""What `shown` makes events of."""


def timeline(
    snapshot: duckdb.DuckDBPyConnection,
    of: Of,
    subjects: Sequence[int],
    *,
    types: Collection[str] = (),
    after: Moment | None = None,
    limit: int,
) -> Stretch:
    """Events of the profile that these subjects are: those that name it, and those that name nobody but
    belong to an entity of it. Only of `types`, where given."""
    mine, owned = among(SUBJECT[of], subjects), among(OWNER[of], subjects)
    conditions = ["true"]
    values: list[object] = []
    if types:
        conditions.append("list_contains(?, type)")
        values.append(list(types))
    if after is not None:
        conditions.append(
            "occurred_at <= ? AND (occurred_at < ? OR received_at < ? OR (received_at = ? AND event_id < ?))"
        )
        values += [after.occurred_at, after.occurred_at, after.received_at, after.received_at, after.event_id]
    chosen = snapshot.execute(
        'SELECT occurred_at, received_at, event_id, "offset" FROM ('
        f'SELECT occurred_at, received_at, event_id, "offset", type FROM events WHERE {mine} UNION ALL '
        f'SELECT occurred_at, received_at, event_id, "offset", type FROM events WHERE {SUBJECT[of]} IS NULL '
        f"AND entity IN (SELECT entity FROM entities WHERE {owned})"
        f") WHERE {' AND '.join(conditions)} ORDER BY {NEWEST_FIRST} LIMIT {limit + 1}",
        values,
    ).fetchall()
    wanted = [Moment(*moment) for *moment, _ in chosen[:limit]]
    found = _whole(snapshot, {event_id: offset for _, _, event_id, offset in chosen[:limit]})
    return Stretch([found[one.event_id] for one in wanted], wanted[-1] if len(chosen) > limit else None)


def _whole(snapshot: duckdb.DuckDBPyConnection, offsets: Mapping[UUID, int]) -> dict[UUID, dict[str, object]]:
    """Events by their ids. Their offsets let DuckDB skip the parts of the table where none of them stands."""
    if not offsets:
        return {}
    return shown(
        snapshot,
        f'SELECT {COLUMNS} FROM events WHERE "offset" IN (SELECT unnest(?::BIGINT[])) '
        "AND event_id IN (SELECT unnest(?::UUID[]))",
        [list(offsets.values()), list(offsets)],
    )


def shown(
    snapshot: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object]
) -> dict[UUID, dict[str, object]]:
    """The events of a query for COLUMNS, by their ids and in its order, as they are shown to people."""
    rows = snapshot.execute(sql, list(values)).fetchall()
    # Two look-ups: DuckDB would make a hash table of all identifiers to join them to a few events.
    people = _named(snapshot, "subject, kind, value", "identifiers", "subject", {row[-2] for row in rows})
    things = _named(snapshot, "entity, kind, namespace, id", "entities", "entity", {row[-1] for row in rows})
    return {row[0]: event_of(row, people.get(row[-2]), things.get(row[-1])) for row in rows}


def _named(
    snapshot: duckdb.DuckDBPyConnection, columns: str, table: str, key: str, wanted: set[int | None]
) -> dict[int, dict[str, str]]:
    numbers = [one for one in wanted if one is not None]
    if not numbers:
        return {}
    rows = rows_of(snapshot, f"SELECT {columns} FROM {table}", key, numbers)
    names = columns.split(", ")[1:]
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def event_of(
    row: Sequence[object], person: dict[str, str] | None, thing: dict[str, str] | None
) -> dict[str, object]:
    """A row of COLUMNS as an event that is shown, with the person and the thing in the place of the last two.
    What the event does not say is left out."""
    names = COLUMNS.replace('"', "").split(", ")
    event = {name: value for name, value in zip(names[:-2], row[:-2], strict=True) if value is not None}
    event["rights"] = "secret" if event.pop("secret") else "public"
    for name in ("ids", "entities", "properties", "context"):
        if name in event:
            event[name] = orjson.loads(str(event[name]))
    if person is not None:
        event.setdefault("ids", [person])
    if thing is not None:
        event.setdefault("entities", [thing])
    place = {name: event.pop(name) for name in ("store", "register") if name in event}
    more = event.pop("more", None)
    return event | ({"place": place} if place else {}) | (orjson.loads(str(more)) if more else {})
