"""Failed events as people see them: items that were refused, and copies that clash with the event that holds
their id; which of them were repaired, and by what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import UUID

import duckdb

from .controls import ADMISSION
from .failures import NAMESPACE
from .selection import Column, Filter, Key, Order, Page, Values, named_rows, narrow, page

# The failed event of a conflict is named after its place, as `failures` names records that are no envelopes:
# a UUIDv5 (RFC 9562, section 5.5), in SQL.
_PLACED = """
(left(h, 12) || '5' || substr(h, 14, 3) || substr('89ab', ('0x' || substr(h, 17, 1))::INTEGER % 4 + 1, 1)
 || substr(h, 18, 15))::UUID
"""
REPAIRS = "TRY_CAST(json_extract_string(more, '$.repairs') AS UUID)"
READMISSIONS = " UNION ALL ".join(
    f'SELECT {REPAIRS} AS failed_id, event_id, source, "partition", "offset", {counts} AS counts, '
    "coalesce(corrects, replaces) AS instead_of, "
    f"({ADMISSION}) AS admission "
    f"FROM {table} WHERE contains(more, '\"repairs\"')"
    for table, counts in (("events", "true"), ("copies", "false"))
)
"""Records that repair a failed event, and whether they count."""

_PLACE = f"""
sha1(unhex('{NAMESPACE.hex}') || encode('touchpoints/' || c."partition" || '/' || c."offset")) AS h
"""
CONFLICTS = f"""
SELECT * EXCLUDE (h), {_PLACED} AS failed_id FROM (
    SELECT c.*, {_PLACE} FROM copies c JOIN events e USING (event_id)
    WHERE c.body_hash <> e.body_hash AND NOT c.taken
)
UNION ALL
SELECT * EXCLUDE (h), {_PLACED} AS failed_id FROM (
    SELECT c.*, {_PLACE} FROM copies c
    WHERE c.taken AND c.event_id IN (SELECT instead_of FROM ({READMISSIONS}))
) WHERE {_PLACED} IN (SELECT failed_id FROM ({READMISSIONS}))
"""
"""Copies of an id whose body is not that of the event that counts. One that was repaired stays a failed
event, though its repair keeps it out."""

REASON = "the id is held by an earlier event with another content"

TYPE = """
CASE WHEN json_valid(item) AND json_type(item, '$.type') = 'VARCHAR'
     THEN json_extract_string(item, '$.type') END
"""
"""The type that a kept item claims. It is text from outside: often no JSON, and the type no text."""

# What differs from item to item: places in lists, sizes, positions.
_PATH = r"regexp_replace(path, '\b\d+\b', '*', 'g')"
_REASON = r"regexp_replace(reason, '\d+([.,]\d+)*', '#', 'g')"
_GROUP = f"left(sha256(concat_ws(chr(31), code, {_PATH}, {_REASON})), 16)"

KEPT = f"""
SELECT failed_id, code, path, reason, via, source, received_at, recorded_at, topic, "partition", "offset",
       NULL::UUID AS event_id, {TYPE} AS type, file, line, import_id, repeats, rights, item
FROM failed_items
UNION ALL
SELECT failed_id, 'conflict', '', '{REASON}', 'fold', source, received_at, recorded_at, 'touchpoints',
       "partition", "offset", event_id, type, NULL, NULL, import_id, 0, NULL, NULL
FROM ({CONFLICTS})
"""
ALL = f"""
SELECT failed_id::VARCHAR AS id, {_GROUP} AS "group", k.* EXCLUDE (failed_id, rights, item), r.repaired_by,
       rights, item
FROM ({KEPT}) k LEFT JOIN (
    SELECT failed_id, arg_min(event_id, (NOT counts, admission)) AS repaired_by
    FROM ({READMISSIONS}) GROUP BY failed_id
) r USING (failed_id)
"""

FILTERS = {
    name: Column(f'f."{name}"', "VARCHAR")
    for name in ("code", "path", "reason", "group", "via", "source", "type", "file", "import_id")
} | {
    "received_at": Column("f.received_at", "TIMESTAMP"),
    "repaired": Column("f.repaired_by IS NOT NULL", "BOOLEAN"),
}
_ORDER = Order(Column("f.received_at", "TIMESTAMP"), Column("f.id", "VARCHAR"))


class Found(NamedTuple):
    """A failed event. `item` is the text where the store has it: a conflict's stands in the log alone, at
    `topic`, `partition` and `offset`. `rights` are those of the key it came with, where one is known."""

    shown: dict[str, object]
    rights: str | None
    item: str | None


def list_failed(
    snapshot: duckdb.DuckDBPyConnection, filters: Sequence[Filter], after: Key | None, limit: int
) -> Page:
    """Newest first; repaired ones only where a filter asks for them. Raises ValueError for a filter by what
    does not exist."""
    return page(_rows(snapshot, "f.* EXCLUDE (rights, item)", filters, after, limit + 1), limit)


def read_many(
    snapshot: duckdb.DuckDBPyConnection, filters: Sequence[Filter], after: Key | None, limit: int
) -> tuple[list[Found], Key | None]:
    """The same with their items, and the key to go on from."""
    items, following = page(_rows(snapshot, "f.*", filters, after, limit + 1), limit)
    return [_found(row) for row in items], following


def group_failed(
    snapshot: duckdb.DuckDBPyConnection, filters: Sequence[Filter], limit: int
) -> list[dict[str, object]]:
    """How many there are of each code, path and reason, with places in lists as * and numbers as #; the most
    first. `example` is the newest of the group, `example_reason` its reason as it stands. Raises ValueError
    as `list_failed`."""
    values = Values()
    conditions = narrow(_open(filters), FILTERS, values)
    return named_rows(
        snapshot,
        f'SELECT "group", code, {_PATH} AS path, {_REASON} AS reason, count(*) AS failed_events, '
        "list_sort(list(DISTINCT source)) AS sources, min(received_at) AS first_at, "
        "max(received_at) AS last_at, arg_max(id, (received_at, id)) AS example, "
        "arg_max(reason, (received_at, id)) AS example_reason "
        f"FROM ({ALL}) f WHERE {' AND '.join(conditions)} GROUP BY ALL "
        f"ORDER BY failed_events DESC, code, path, reason LIMIT {limit}",
        values.bound,
    )


def read_failed(snapshot: duckdb.DuckDBPyConnection, id_: str) -> Found | None:
    """One failed event by its id, repaired or not."""
    try:
        key = str(UUID(id_))
    except ValueError:
        return None
    rows = named_rows(snapshot, f"SELECT f.* FROM ({ALL}) f WHERE f.id = $key", {"key": key})
    return _found(rows[0]) if rows else None


def held_ids(snapshot: duckdb.DuckDBPyConnection, event_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Those of the ids that an event holds, with the first 128 bits of its body hash in hex."""
    rows = snapshot.execute(
        "SELECT event_id, body_hash FROM events WHERE event_id IN (SELECT unnest($ids::UUID[]))",
        {"ids": list(event_ids)},
    ).fetchall()
    return {event_id: body_hash.hex for event_id, body_hash in rows}


def _open(filters: Sequence[Filter]) -> Sequence[Filter]:
    if any(one.name == "repaired" for one in filters):
        return filters
    return [*filters, Filter("repaired", "eq", "false")]


def _rows(
    snapshot: duckdb.DuckDBPyConnection,
    columns: str,
    filters: Sequence[Filter],
    after: Key | None,
    limit: int,
) -> list[dict[str, object]]:
    values = Values()
    conditions = narrow(_open(filters), FILTERS, values)
    if after is not None:
        conditions.append(_ORDER.beyond(after, values))
    return named_rows(
        snapshot,
        f"SELECT {columns}, {_ORDER.keys} FROM ({ALL}) f WHERE {' AND '.join(conditions)} "
        f"ORDER BY {_ORDER.by} LIMIT {limit}",
        values.bound,
    )


def _found(row: dict[str, object]) -> Found:
    shown = {name: value for name, value in row.items() if name not in ("rights", "item")}
    return Found(shown, cast("str | None", row["rights"]), cast("str | None", row["item"]))
