"""What a list shows: filters, order and the place to go on from, as SQL with bound values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import duckdb

from kizuna.schemas import times

SIGNS = {"eq": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

Key = tuple[str | None, str]
"""Where a row stands in its list: the value that orders it, as text, and its tie."""


@dataclass(frozen=True, slots=True)
class Column:
    """A value of each row: the SQL that gives it, and its SQL type."""

    sql: str
    sql_type: str


class Filter(NamedTuple):
    """A comparison that a row must pass; a missing value passes none. `operator` is one of SIGNS."""

    name: str
    operator: str
    value: str


class Page(NamedTuple):
    """Rows of a list, and the key of the last one where more follow."""

    items: list[dict[str, object]]
    after: Key | None


@dataclass(slots=True)
class Values:
    """Values bound by name."""

    bound: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> str:
        name = f"v{len(self.bound)}"
        self.bound[name] = value
        return f"${name}"


@dataclass(frozen=True, slots=True)
class Order:
    """Rows by `column`, missing values last, equal ones by `tie`, which is unique."""

    column: Column
    tie: Column
    descending: bool = True

    @property
    def keys(self) -> str:
        """Select list of a row's key, for `page`."""
        return f"({self.column.sql})::VARCHAR AS _value, ({self.tie.sql})::VARCHAR AS _tie"

    @property
    def by(self) -> str:
        direction = "DESC" if self.descending else "ASC"
        return f"({self.column.sql}) IS NULL, ({self.column.sql}) {direction}, {self.tie.sql}"

    def beyond(self, after: Key, values: Values) -> str:
        """Which rows follow the one at `after`. Raises ValueError when that is no key of this order."""
        value, tie = after
        column = self.column.sql
        further = f"{self.tie.sql} > {values.bind(parsed(tie, self.tie.sql_type))}"
        if value is None:
            return f"(({column}) IS NULL AND {further})"
        bound = f"{values.bind(parsed(value, self.column.sql_type))}::{self.column.sql_type}"
        sign = "<" if self.descending else ">"
        return f"(({column}) IS NULL OR ({column}) {sign} {bound} OR (({column}) = {bound} AND {further}))"


def narrow(filters: Sequence[Filter], columns: Mapping[str, Column], values: Values) -> list[str]:
    """A condition for each filter. Raises ValueError for what is no column, or no value of its type."""
    conditions = []
    for name, operator, value in filters:
        if name not in columns:
            raise ValueError(f"there is no {name} to filter by: use {', '.join(columns)}")
        if operator not in SIGNS:
            raise ValueError(f"{name}.{operator} is no comparison: use {', '.join(SIGNS)}")
        column = columns[name]
        if column.sql_type.endswith("[]"):
            if operator != "eq":
                raise ValueError(f"{name} is a list: it can only be compared by eq, which finds one value")
            conditions.append(f"list_contains({column.sql}, {values.bind(value)})")
            continue
        try:
            bound = values.bind(parsed(value, column.sql_type))
        except ValueError as error:
            raise ValueError(f"{name} cannot be compared with that: {error}") from None
        conditions.append(f"({column.sql}) {SIGNS[operator]} {bound}::{column.sql_type}")
    return conditions


def parsed(value: str, sql_type: str) -> object:
    """A value in its SQL type. Raises ValueError; the message does not repeat the value."""
    if sql_type == "BIGINT" or sql_type == "INTEGER":
        try:
            number = int(value)
        except ValueError:
            raise ValueError("give a whole number") from None
        if not -(2**63) <= number < 2**63:
            raise ValueError("the number is too large")
        return number
    if sql_type.startswith("DECIMAL"):
        return _decimal(value)
    if sql_type == "TIMESTAMP":
        return _moment(value)
    if sql_type == "DATE":
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("give a day such as 2026-01-31") from None
    if sql_type == "BOOLEAN":
        if value not in ("true", "false"):
            raise ValueError("give true or false")
        return value == "true"
    return value


def _decimal(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number.adjusted() > 27:
        raise ValueError("give a number such as 12.50")
    return number


def _moment(value: str) -> object:
    """A time with an offset, or as the store writes it, which is UTC."""
    try:
        return times.parse(value if value[-1:] == "Z" or value[-6:-5] in ("+", "-") else f"{value}Z").replace(
            tzinfo=None
        )
    except ValueError:
        raise ValueError("give a time such as 2026-01-31T09:30:00Z") from None


def page(rows: Sequence[dict[str, object]], limit: int) -> Page:
    """The page that rows are, each with its key; one row more than `limit` says that others follow."""
    shown = [
        {name: value for name, value in row.items() if name not in ("_value", "_tie")} for row in rows[:limit]
    ]
    if len(rows) <= limit:
        return Page(shown, None)
    value, tie = rows[limit - 1]["_value"], str(rows[limit - 1]["_tie"])
    return Page(shown, (None if value is None else str(value), tie))


def named_rows(
    snapshot: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    """The rows of a query, each by the names of its columns."""
    cursor = snapshot.execute(sql, dict(values or {}))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
