"""Failed events as people see them: items that were refused, and copies that clash with the event that holds
their id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import duckdb

from .selection import Column, Filter, Key, Order, Page, Values, named_rows, narrow, page

CONFLICTS = """
SELECT c.* FROM copies c JOIN events e USING (event_id) WHERE c.body_hash <> e.body_hash
"""
"""Copies of an id whose body is not that of the event that counts."""

REASON = "the id is held by an earlier event with another content"

TYPE = """
CASE WHEN json_valid(item) AND json_type(item, '$.type') = 'VARCHAR'
     THEN json_extract_string(item, '$.type') END
"""
"""The type that a kept item claims. It is text from outside: often no JSON, and the type no text."""

ALL = f"""
SELECT failed_id::VARCHAR AS id, code, path, reason, via, source, received_at, recorded_at, topic,
       "partition", "offset", NULL::UUID AS event_id, {TYPE} AS type, file, line, import_id, repeats
FROM failed_items
UNION ALL
SELECT 'conflict-' || "partition" || '-' || "offset", 'conflict', '', '{REASON}', 'fold', source, received_at,
       recorded_at, 'touchpoints', "partition", "offset", event_id, type, NULL, NULL, NULL, 0
FROM ({CONFLICTS})
"""

FILTERS = {
    name: Column(f"f.{name}", "VARCHAR")
    for name in ("code", "path", "reason", "via", "source", "type", "file", "import_id")
}
_CONFLICT = re.compile(r"conflict-(\d{1,9})-(\d{1,18})")


class Found(NamedTuple):
    """A failed event; `text` is the item where the store has it. A conflict's stands in the log, at `topic`,
    `partition` and `offset`."""

    item: dict[str, object]
    text: str | None


def list_failed(
    snapshot: duckdb.DuckDBPyConnection, filters: Sequence[Filter], after: Key | None, limit: int
) -> Page:
    """Newest first. Raises ValueError for a filter by what does not exist."""
    values = Values()
    conditions = narrow(filters, FILTERS, values)
    order = Order(Column("f.received_at", "TIMESTAMP"), Column("f.id", "VARCHAR"))
    if after is not None:
        conditions.append(order.beyond(after, values))
    rows = named_rows(
        snapshot,
        f"SELECT f.*, {order.keys} FROM ({ALL}) f WHERE {' AND '.join(conditions) or 'true'} "
        f"ORDER BY {order.by} LIMIT {limit + 1}",
        values.bound,
    )
    return page(rows, limit)


def group_failed(snapshot: duckdb.DuckDBPyConnection, limit: int) -> list[dict[str, object]]:
    """How many there are of each code, path, reason and source; the most first."""
    return named_rows(
        snapshot,
        "SELECT code, path, reason, source, count(*) AS failed_events, min(received_at) AS first_at, "
        f"max(received_at) AS last_at FROM ({ALL}) GROUP BY code, path, reason, source "
        f"ORDER BY failed_events DESC, code, path, reason, source LIMIT {limit}",
    )


def read_failed(snapshot: duckdb.DuckDBPyConnection, id_: str) -> Found | None:
    """One failed event by its id."""
    conflict = _CONFLICT.fullmatch(id_)
    try:
        key = id_ if conflict else str(UUID(id_))
    except ValueError:
        return None
    rows = named_rows(snapshot, f"SELECT f.* FROM ({ALL}) f WHERE f.id = $key", {"key": key})
    if not rows:
        return None
    text = None
    if not conflict:
        kept = snapshot.execute("SELECT item FROM failed_items WHERE failed_id = ?", [key]).fetchall()
        text = kept[0][0]
    return Found(rows[0], text)
