"""Where an event stands: whether it counts, and what took it out since when; what a control covers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import duckdb

from .controls import ACTS, ADMISSION, as_controlled, covering
from .copies import NAMES
from .decode import CONTROL
from .selection import named_rows
from .timeline import COLUMNS, event_of, shown

MAX_COPIES = 100

_STATED = COLUMNS.removesuffix(", subject, entity")
_MORE = f'body_hash, "partition", "offset", {CONTROL} AS control'
_HELD = f"SELECT recorded_at, {_MORE} FROM events WHERE event_id = $id"
_ASIDE = f"""
SELECT {_STATED}, person, entity_ref, recorded_at AS came, taken, {_MORE}
FROM copies WHERE event_id = $id ORDER BY {ADMISSION} LIMIT {MAX_COPIES}
"""
# Of the effective controls that cover a copy, the one that the log had first.
_COVERING = covering(
    'p."partition", p."offset", k.event_id, k.recorded_at',
    as_controlled("(FROM copies WHERE event_id = $id AND taken)"),
    "k.effective",
)
_CAUSES = f"""
SELECT "partition", "offset", arg_min(event_id, (recorded_at, event_id)) AS event_id,
       min(recorded_at) AS recorded_at
FROM ({_COVERING}) GROUP BY ALL
"""
_FIRST = f"SELECT recorded_at, body_hash, effective, {ACTS} AS acts FROM controls WHERE event_id = $id"
_TARGETS = f"""
SELECT coalesce(target_event, replaced_event), target_entity, target_import
FROM controls WHERE event_id = $id AND {ACTS}
"""

_THING = "{'kind': $kind, 'namespace': $namespace, 'id': $name}"
_OF_EVENT = "event_id = $id"
_OF_IMPORT = "import_id = $id"
_EVENTS_OF_ENTITY = f"""
(entity IN (SELECT entity FROM entities WHERE kind = $kind AND namespace = $namespace AND id = $name)
 OR company IN (SELECT subject FROM identifiers WHERE kind = 'company' AND kind = $kind AND value = $name)
 OR contains(entities, to_json({_THING})::VARCHAR))
"""
_COPIES_OF_ENTITY = NAMES.format(row="copies", entity=f"({_THING})")


class Target(NamedTuple):
    """What a control takes out: one of the three. `entity` is (kind, namespace, id), as it is kept."""

    event_id: UUID | None = None
    entity: tuple[str, str, str] | None = None
    import_id: str | None = None


class Covered(NamedTuple):
    """How many events there are of a target that count, without retractions; how many `copies` do not; and
    when the last of all was received, naive and in UTC."""

    events: int
    copies: int
    last_received_at: datetime | None


def read_event(snapshot: duckdb.DuckDBPyConnection, event_id: UUID) -> dict[str, object] | None:
    """The event of an id as people see it: the copy that counts, else the first in admission order. Its
    `standing` and that of its other `copies` is counts, duplicate, conflict or taken_out; `since` says when
    the log had both it and what it gives way to, `taken_out_by` which control that is. `effective`: of a
    control, whether it acts. None when the log has no such event."""
    key = {"id": event_id}
    events = shown(snapshot, f"SELECT {COLUMNS} FROM events WHERE event_id = ?", [event_id])
    held = named_rows(snapshot, _HELD, key)
    aside = snapshot.execute(_ASIDE, key)
    names = [column[0] for column in aside.description or ()]
    rows = aside.fetchall()
    if not events and not rows:
        return None
    controls = named_rows(snapshot, _FIRST, key)
    # What the others give way to, where nothing took them out: the copy that counts, or the first of an id
    # that a control has, though it is taken out itself.
    before: dict[str, object] | None = held[0] if held else controls[0] if controls else None
    causes = {(one["partition"], one["offset"]): one for one in named_rows(snapshot, _CAUSES, key)}
    width = COLUMNS.count(",") + 1
    copies = []
    for row in rows:
        copy = dict(zip(names[width:], row[width:], strict=True))
        cause = causes.get((copy["partition"], copy["offset"]))
        copies.append((event_of(row[:width], row[width - 2], row[width - 1]), _standing(copy, cause, before)))
    if events:
        event = {**events[event_id], **_COUNTS}
    else:
        first, standing = copies.pop(0)
        event = first | standing
    event["effective"] = controls[0]["effective"] if controls and controls[0]["acts"] else None
    event["copies"] = [
        {"received_at": one["received_at"], "recorded_at": one["recorded_at"], "source": one["source"]}
        | {"import_id": one.get("import_id")}
        | standing
        for one, standing in copies
    ]
    return event


_COUNTS = {"standing": "counts", "since": None, "taken_out_by": None}


def _standing(
    copy: dict[str, Any], cause: dict[str, object] | None, before: dict[str, Any] | None
) -> dict[str, object]:
    if cause is not None:
        since = max(copy["came"], cast(datetime, cause["recorded_at"]))
        return {"standing": "taken_out", "since": since, "taken_out_by": cause["event_id"]}
    since = copy["came"] if before is None else max(copy["came"], before["recorded_at"])
    clashes = before is not None and before.get("body_hash", copy["body_hash"]) != copy["body_hash"]
    return {"standing": "conflict" if clashes else "duplicate", "since": since, "taken_out_by": None}


def read_place(snapshot: duckdb.DuckDBPyConnection, event_id: UUID) -> tuple[int, int] | None:
    """Partition and offset of the event that counts; None when none does."""
    rows = named_rows(snapshot, _HELD, {"id": event_id})
    return (cast(int, rows[0]["partition"]), cast(int, rows[0]["offset"])) if rows else None


def covered(snapshot: duckdb.DuckDBPyConnection, target: Target) -> Covered:
    """What there is of a target."""
    values: dict[str, object]
    if target.entity is not None:
        kind, namespace, name = target.entity
        values = {"kind": kind, "namespace": namespace, "name": name}
        events, copies = _EVENTS_OF_ENTITY, _COPIES_OF_ENTITY
    else:
        values = {"id": target.event_id or target.import_id}
        events = copies = _OF_EVENT if target.event_id else _OF_IMPORT
    row = snapshot.execute(
        "SELECT coalesce(sum(held), 0)::BIGINT, coalesce(sum(aside), 0)::BIGINT, max(received_at) FROM ("
        f"SELECT (type <> 'event.retracted')::INTEGER AS held, 0 AS aside, received_at "
        f"FROM events WHERE {events} "
        f"UNION ALL SELECT 0, 1, received_at FROM copies WHERE {copies})",
        values,
    ).fetchone()
    assert row is not None
    return Covered(*row)


def chain(snapshot: duckdb.DuckDBPyConnection, target: Target) -> Sequence[Target]:
    """The target, and as long as it is a control what that takes out itself."""
    found = [target]
    while found[-1].event_id is not None:
        rows = snapshot.execute(_TARGETS, {"id": found[-1].event_id}).fetchall()
        if not rows:
            break
        event_id, entity, import_id = rows[0]
        following = Target(event_id, tuple(entity.values()) if entity else None, import_id)
        if following in found:
            break
        found.append(following)
    return found
