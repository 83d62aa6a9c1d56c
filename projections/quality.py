"""Data quality: what is left out of traits, or doubtful."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypedDict

import duckdb

from .entities import MODELS
from .ledger import MOVED
from .sources import ANY_EVENT, NUMBER, parse
from .traits import Plan

NUMERIC = ("sum", "avg", "min", "max")


class QualityWarning(TypedDict):
    code: str
    message: str
    count: int


class _Check(NamedTuple):
    """`sql` counts what the message is about."""

    code: str
    message: str
    sql: str
    values: dict[str, object]


def warnings(snapshot: duckdb.DuckDBPyConnection, plan: Plan) -> list[QualityWarning]:
    """What there is any of."""
    found: list[QualityWarning] = []
    for check in _checks(plan):
        row = snapshot.execute(check.sql, check.values).fetchone()
        if row is not None and row[0]:
            found.append({"code": check.code, "message": check.message, "count": row[0]})
    return found


def _checks(plan: Plan) -> Iterator[_Check]:
    currency = plan.workspace.currency
    for table, what in _with_currency():
        yield _Check(
            "foreign_currency",
            f"{what} in another currency than {currency}: left out of traits about money",
            f"SELECT count(*) FROM {table} WHERE currency <> $currency",
            {"currency": currency},
        )
    yield _Check(
        "unknown_order",
        "orders that were updated, cancelled or refunded, but whose completion is not known",
        "SELECT count(*) FROM orders WHERE status = 'unknown'",
        {},
    )
    yield _Check(
        "future_time",
        "events dated later than they were received: their time was cut to that",
        "SELECT count(*) FROM events WHERE contains(more, '\"clamped\":true')",
        {},
    )
    for one in plan.compiled:
        aggregate, path = one.trait.aggregate()
        if one.origin == ANY_EVENT and aggregate in NUMERIC and path.startswith("custom."):
            yield _Check(
                "not_a_number",
                f"values of {path} that are no number, or too large: trait {one.trait.name} leaves them out",
                _no_numbers(path),
                {},
            )


def _with_currency() -> Iterator[tuple[str, str]]:
    """Relations with amounts in a currency, and what is in them."""
    yield f"(FROM movements WHERE {MOVED})", "movements of order money"
    for model in MODELS:
        if model.kind != "order" and any(one.name == "currency" for one in model.fields):
            yield model.table, model.table


def _no_numbers(path: str) -> str:
    """Counts the events that give a property, and no number with it."""
    source = parse(path, path)
    given = source.value(source.field, "VARCHAR")
    return (
        f"SELECT count(*) FROM events r WHERE {source.filter()} AND NOT r.test AND {given} IS NOT NULL "
        f"AND ({source.value(source.field, NUMBER)}) IS NULL"
    )
