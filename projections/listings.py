"""Lists of entities: orders, tickets, deals, visits, contracts and tasks, each with its history; and of
orders the ledger of movements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast
from uuid import UUID

import duckdb
import orjson

from .entities import BY_KIND, EntityModel
from .ledger import MOVED
from .lookups import among
from .profiles import public_ids
from .selection import Column, Filter, Key, Order, Page, Values, named_rows, narrow, page
from .timeline import COLUMNS, NEWEST_FIRST, shown

WIDE = ("lines", "menu")
"""Fields that hold JSON: shown with the one entity, not in lists."""

TIE = Column("n.entity_id", "UUID")


def columns(model: EntityModel) -> dict[str, Column]:
    """What a list of the kind can be filtered by."""
    narrow_ones = (one for one in model.fields if one.name not in WIDE)
    fields = {one.name: Column(f'r."{one.name}"', one.sql_type) for one in narrow_ones}
    return {"id": Column("n.id", "VARCHAR"), "source": Column("r.source", "VARCHAR"), **fields}


def list_entities(
    snapshot: duckdb.DuckDBPyConnection,
    kind: str,
    *,
    filters: Sequence[Filter] = (),
    owners: Sequence[int] | None = None,
    companies: Sequence[int] | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """Entities of a kind, the newest by their own date first; where given, only those that belong to one of
    the subjects `owners` or `companies`. Raises ValueError for a filter by what does not exist."""
    model = BY_KIND[kind]
    values = Values()
    conditions = narrow(filters, columns(model), values)
    if owners is not None:
        conditions.append(among("r.owner", owners))
    if companies is not None:
        conditions.append(among("r.company", companies))
    order = Order(Column(model.at, "TIMESTAMP"), TIE)
    if after is not None:
        conditions.append(order.beyond(after, values))
    names = [one.name for one in model.fields if one.name not in WIDE]
    rows = named_rows(
        snapshot,
        f"SELECT {_select(names)}, {order.keys} FROM {model.table} r JOIN entities n USING (entity) "
        f"WHERE {' AND '.join(conditions) or 'true'} ORDER BY {order.by} LIMIT {limit + 1}",
        values.bound,
    )
    chosen, further = page(rows, limit)
    return Page(_named(snapshot, chosen), further)


def read_entity(snapshot: duckdb.DuckDBPyConnection, kind: str, entity_id: UUID) -> dict[str, object] | None:
    """One entity with its whole present state and its history, newest event first; of an order, `movements`
    too. None when there is none of that kind."""
    model = BY_KIND[kind]
    names = [one.name for one in model.fields]
    rows = named_rows(
        snapshot,
        f"SELECT n.entity, {_select(names)} FROM {model.table} r JOIN entities n USING (entity) "
        "WHERE n.entity_id = $entity_id",
        {"entity_id": entity_id},
    )
    if not rows:
        return None
    entity = rows[0].pop("entity")
    item = _named(snapshot, rows)[0]
    for name in WIDE:
        if name in item:
            item[name] = orjson.loads(str(item[name])) if item[name] is not None else []
    item["history"] = _history(snapshot, entity)
    if kind == "order":
        item["movements"] = _movements(snapshot, entity)
    return item


def _select(names: Iterable[str]) -> str:
    fields = ", ".join(f'r."{name}"' for name in names)
    return f"n.entity_id, n.id, n.namespace, r.source, r.owner, r.company, {fields}"


def _named(snapshot: duckdb.DuckDBPyConnection, rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """With public ids in the place of internal numbers."""
    pairs = [(cast(int | None, row.pop("owner")), cast(int | None, row.pop("company"))) for row in rows]
    people = public_ids(snapshot, (one for pair in pairs for one in pair))
    return [
        {
            **row,
            "entity_id": cast(UUID, row["entity_id"]).hex,
            "profile_id": people.get(owner),
            "company_profile_id": people.get(company),
        }
        for row, (owner, company) in zip(rows, pairs, strict=True)
    ]


def _history(snapshot: duckdb.DuckDBPyConnection, entity: object) -> list[dict[str, object]]:
    sql = f"SELECT {COLUMNS} FROM events WHERE entity = ? ORDER BY {NEWEST_FIRST}"
    return list(shown(snapshot, sql, [entity]).values())


def _movements(snapshot: duckdb.DuckDBPyConnection, entity: object) -> list[dict[str, object]]:
    """What each event added to the net total, or took from it; oldest first."""
    return named_rows(
        snapshot,
        "SELECT event_id, m.type, m.occurred_at, amount, currency FROM movements m "
        "JOIN (SELECT event_id, received_at FROM events WHERE entity = $entity) USING (event_id) "
        f"WHERE m.entity = $entity AND {MOVED} ORDER BY occurred_at, received_at, event_id",
        {"entity": entity},
    )
