"""Master data: what events last said of each product, store, member of staff and exchange rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import duckdb
import orjson

from .fields import MEMBER
from .selection import Column, Key, Order, Page, Values, named_rows, page

HISTORY = "{'occurred_at': occurred_at, 'received_at': received_at, 'event_id': event_id}"


@dataclass(frozen=True, slots=True)
class MasterKind:
    """Things that events of one type describe; the properties `key`, one space between them, name one in the
    whole workspace."""

    event_type: str
    key: tuple[str, ...]


PRODUCTS = MasterKind("product.updated", ("product_id",))
STORES = MasterKind("store.updated", ("store_id",))
STAFF = MasterKind("staff.updated", ("staff_id",))
EXCHANGE_RATES = MasterKind("exchange_rate.updated", ("base_currency", "quote_currency", "date"))


def list_master(snapshot: duckdb.DuckDBPyConnection, kind: MasterKind, after: Key | None, limit: int) -> Page:
    """What is known of each thing, by its id: every property as it was last given, in history order."""
    values = Values()
    column = Column("id", "VARCHAR")
    order = Order(column, column, descending=False)
    beyond = order.beyond(after, values) if after is not None else "true"
    named = " || ' ' || ".join(f"json_extract_string(properties, '$.{name}')" for name in kind.key)
    rows = named_rows(
        snapshot,
        f"""
        WITH told AS (
            SELECT {named} AS id, properties, occurred_at,
                   {HISTORY} AS said
            FROM events WHERE type = '{kind.event_type}' AND NOT test
        ), shown AS (
            SELECT id, max(occurred_at) AS updated_at, {order.keys} FROM told WHERE {beyond}
            GROUP BY id ORDER BY id LIMIT {limit + 1}
        ), given AS (
            SELECT id, said, properties, unnest(json_keys(properties)) AS field
            FROM told SEMI JOIN shown USING (id)
        ), last AS (
            SELECT id, field, arg_max({MEMBER}, said) AS value FROM given GROUP BY id, field
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
