"""Imports: what came of each file, counted where its records stand, and whether it was undone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import duckdb

from .failed_events import ALL, CONFLICTS, READMISSIONS
from .selection import Column, Key, Order, Page, Values, named_rows, page

SHOWN_FAILURES = 20

# Every record of an import once, but what was repaired: that counts as the event that it became.
_PARTS = f"""
SELECT import_id, type, source, received_at, 1 AS events, 0 AS duplicates, 0 AS failed, 0 AS taken_out
FROM events WHERE import_id IS NOT NULL
UNION ALL
SELECT import_id, type, source, received_at, 0, (NOT taken)::INTEGER, 0, taken::INTEGER
FROM copies WHERE import_id IS NOT NULL
UNION ALL
SELECT import_id, type, source, received_at, 0, -1, (failed_id NOT IN (FROM repaired))::INTEGER, 0
FROM ({CONFLICTS}) WHERE import_id IS NOT NULL
UNION ALL
SELECT import_id, NULL, source, received_at, 0, 0, 1, 0
FROM failed_items WHERE import_id IS NOT NULL AND failed_id NOT IN (FROM repaired)
"""
_SUMS = ", ".join(
    f"sum({name})::BIGINT AS {name}" for name in ("events", "duplicates", "failed", "taken_out")
)
_REPAIRED = f"repaired AS MATERIALIZED (SELECT failed_id FROM ({READMISSIONS}) WHERE failed_id IS NOT NULL)"
# A correction or a repair of one of its events came later than the import itself.
IMPORTS = f"""
WITH {_REPAIRED}, counted AS (
    SELECT import_id, arg_min(source, received_at) AS source, min(received_at) AS began_at, {_SUMS}
    FROM ({_PARTS}) GROUP BY import_id
), described AS (
    SELECT substr(name, 8) AS import_id, received_at AS began_at, json_extract_string(body, '$.file') AS file,
           json_extract_string(body, '$.source') AS source, json_extract(body, '$.rows')::BIGINT AS "rows"
    FROM definitions WHERE kind = 'import'
), undone AS (
    SELECT target_import AS import_id, arg_min(event_id, (recorded_at, event_id)) AS undone_by,
           min(recorded_at) AS undone_at
    FROM controls WHERE effective AND target_import IS NOT NULL GROUP BY target_import
)
SELECT import_id AS id, coalesce(d.source, c.source) AS source, d.file,
       coalesce(d.began_at, c.began_at) AS began_at, d."rows", coalesce(c.events, 0) AS events,
       coalesce(c.duplicates, 0) AS duplicates, coalesce(c.failed, 0) AS failed,
       coalesce(c.taken_out, 0) AS taken_out, u.undone_by, u.undone_at
FROM counted c FULL JOIN described d USING (import_id) LEFT JOIN undone u USING (import_id)
"""
_ORDER = Order(Column("i.began_at", "TIMESTAMP"), Column("i.id", "VARCHAR"))


def list_imports(snapshot: duckdb.DuckDBPyConnection, after: Key | None, limit: int) -> Page:
    """Every import, the newest first. `rows` and `file` are null where the import did not tell them; what
    came of it is `events` that count, `duplicates`, `failed` events that are not repaired, and records that
    were `taken_out`."""
    values = Values()
    beyond = "true" if after is None else _ORDER.beyond(after, values)
    rows = named_rows(
        snapshot,
        f"SELECT i.*, {_ORDER.keys} FROM ({IMPORTS}) i WHERE {beyond} ORDER BY {_ORDER.by} LIMIT {limit + 1}",
        values.bound,
    )
    return page(rows, limit)


def read_import(snapshot: duckdb.DuckDBPyConnection, import_id: str) -> dict[str, object] | None:
    """One of them, with its records by type and the first of its failed events by line; None when there is no
    such import."""
    key = {"id": import_id}
    rows = named_rows(snapshot, f"SELECT * FROM ({IMPORTS}) WHERE id = $id", key)
    if not rows:
        return None
    types = named_rows(
        snapshot,
        f"WITH {_REPAIRED} SELECT type, {_SUMS} FROM ({_PARTS}) WHERE import_id = $id AND type IS NOT NULL "
        "GROUP BY type ORDER BY type",
        key,
    )
    failures = named_rows(
        snapshot,
        f"SELECT id, code, path, reason, line FROM ({ALL}) WHERE import_id = $id AND repaired_by IS NULL "
        f"ORDER BY line NULLS LAST, id LIMIT {SHOWN_FAILURES}",
        key,
    )
    return {**rows[0], "types": types, "failures": failures}


def undone_by(snapshot: duckdb.DuckDBPyConnection, import_id: str) -> Sequence[UUID]:
    """The retractions that keep it out."""
    rows = snapshot.execute(
        "SELECT event_id FROM controls WHERE effective AND target_import = $id ORDER BY event_id",
        {"id": import_id},
    ).fetchall()
    return [event_id for (event_id,) in rows]


def elsewhere(snapshot: duckdb.DuckDBPyConnection, import_id: str) -> int:
    """How many events that it brought too count by a copy from elsewhere."""
    row = snapshot.execute(
        "SELECT count(*) FROM events WHERE import_id IS DISTINCT FROM $id AND event_id IN "
        "(SELECT event_id FROM copies WHERE import_id = $id)",
        {"id": import_id},
    ).fetchone()
    assert row is not None
    return int(row[0])
