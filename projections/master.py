"""Master data and notes: what events last said of each product, store, member of staff and note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import duckdb
import orjson

from .profiles import public_ids
from .selection import Column, Key, Order, Page, Values, named_rows, page
from .timeline import COLUMNS, shown

HISTORY = "{'occurred_at': occurred_at, 'received_at': received_at, 'event_id': event_id}"


@dataclass(frozen=True, slots=True)
class MasterKind:
    """Things that events of one type describe; `id` is the property that names one in the whole workspace."""

    event_type: str
    id: str


PRODUCTS = MasterKind("product.updated", "product_id")
STORES = MasterKind("store.updated", "store_id")
STAFF = MasterKind("staff.updated", "staff_id")


def list_master(snapshot: duckdb.DuckDBPyConnection, kind: MasterKind, after: Key | None, limit: int) -> Page:
    """What is known of each thing, by its id: every property as it was last given, in history order."""
    values = Values()
    column = Column("id", "VARCHAR")
    order = Order(column, column, descending=False)
    beyond = order.beyond(after, values) if after is not None else "true"
    rows = named_rows(
        snapshot,
        f"""
        WITH told AS (
            SELECT json_extract_string(properties, '$.{kind.id}') AS id, properties, occurred_at,
                   {HISTORY} AS said
            FROM events WHERE type = '{kind.event_type}' AND NOT test
        ), shown AS (
            SELECT id, max(occurred_at) AS updated_at, {order.keys} FROM told WHERE {beyond}
            GROUP BY id ORDER BY id LIMIT {limit + 1}
        ), given AS (
            SELECT id, said, properties, unnest(json_keys(properties)) AS field
            FROM told SEMI JOIN shown USING (id)
        ), last AS (
            SELECT id, field, arg_max(json_extract(properties, '$."' || field || '"')::VARCHAR, said) AS value
            FROM given WHERE NOT contains(field, '"') GROUP BY id, field
        )
        SELECT id, any_value(updated_at) AS updated_at,
               list({{'field': field, 'value': value}} ORDER BY field) AS fields,
               any_value(_value) AS _value, any_value(_tie) AS _tie
        FROM shown JOIN last USING (id) GROUP BY id ORDER BY id
        """,
        values.bound,
    )
    for row in rows:
        fields = cast(list[dict[str, str]], row["fields"])
        row["fields"] = {one["field"]: orjson.loads(one["value"]) for one in fields}
    return page(rows, limit)


# A note that carries an id is the last that was told of it; one without stands for itself.
NOTES = f"""
SELECT arg_max(event_id, {HISTORY}) AS event_id, max(occurred_at) AS told_at FROM events
WHERE type = 'note.added' AND NOT test
GROUP BY source, coalesce(json_extract_string(properties, '$.note_id'), event_id::VARCHAR)
"""


def list_notes(snapshot: duckdb.DuckDBPyConnection, after: Key | None, limit: int) -> Page:
    """Notes, newest first, each as the event that told it, with the profiles it is about."""
    values = Values()
    order = Order(Column("told_at", "TIMESTAMP"), Column("event_id", "UUID"))
    beyond = order.beyond(after, values) if after is not None else "true"
    chosen, further = page(
        named_rows(
            snapshot,
            f"SELECT event_id, {order.keys} FROM ({NOTES}) WHERE {beyond} "
            f"ORDER BY {order.by} LIMIT {limit + 1}",
            values.bound,
        ),
        limit,
    )
    ids = [cast(UUID, row["event_id"]) for row in chosen]
    these = "event_id IN (SELECT unnest(?::UUID[]))"
    told = shown(snapshot, f"SELECT {COLUMNS} FROM events WHERE {these}", [ids])
    about = {
        event_id: pair
        for event_id, *pair in snapshot.execute(
            "SELECT e.event_id, coalesce(e.subject, n.owner), coalesce(e.company, n.company) "
            f"FROM events e LEFT JOIN entities n USING (entity) WHERE {these}",
            [ids],
        ).fetchall()
    }
    people = public_ids(snapshot, (one for pair in about.values() for one in pair))
    items = [
        {
            **told[id_],
            "profile_id": people.get(about[id_][0]),
            "company_profile_id": people.get(about[id_][1]),
        }
        for id_ in ids
    ]
    return Page(items, further)
