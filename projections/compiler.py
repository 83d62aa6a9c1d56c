"""One trait definition to SQL: what each row contributes, how contributions merge, what is read at the end.

Everything here merges: the state of two sets of events is the merge of their states, whatever the order.
Values of a definition are always bound parameters; fields come from an allow-list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from kizuna.schemas.definitions import Comparison, Scalar, Trait
from kizuna.schemas.errors import ConfigurationError

from . import sources
from .sources import Source

LEDGER = "movement"
"""The origin of sums over `order.net_total`: movements, so that a refund of no known order counts too."""

Merge = Literal["sum", "min", "max"]
Place = Literal["totals", "values"]
OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class Component:
    """One column of a state table. `value` is what one row `r` says, null where it says nothing; `merge` is
    the aggregate that makes the state of many rows, and of many states. `r.sign` is 1 of a row that comes and
    -1 of one that goes: it is in the value of a sum; a smallest or largest that goes has to be found anew.
    `drawn` is drawn out of each row once, as `r.<column>__drawn`, for a value that needs it twice.

    The condition stands in the value and not in a FILTER: DuckDB gives each filtered aggregate of a statement
    a copy of all columns to work on, which made up half of a small batch."""

    column: str
    sql_type: str
    value: str
    merge: Merge
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """`origin` is `event`, an entity kind, or LEDGER. `place` says where the state lives: in the columns of
    `totals`, or in the rows of `values`, which count how often each value was seen. `read` turns the merged
    columns into the trait's value."""

    trait: Trait
    origin: str
    event_type: str | None
    place: Place
    read: str
    components: tuple[Component, ...] = ()
    value: str = ""
    predicate: str = "true"


@dataclass(slots=True)
class Parameters:
    """Bound values by name, numbered as they come."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def compile_trait(trait: Trait, currency: str, parameters: Parameters) -> Compiled:
    """Raises ConfigurationError when the definition names what does not exist."""
    aggregate, path = trait.aggregate()
    source = sources.parse(path, trait.name)
    if not source.field and aggregate != "count":
        raise ConfigurationError(
            f"trait {trait.name}: {aggregate} needs a field.", hint=f"Write {path}.<field>, or use count."
        )
    if source.field and aggregate == "count":
        raise ConfigurationError(
            f"trait {trait.name}: count takes a whole event or entity.", hint="Use distinct to count values."
        )
    ledger = aggregate == "sum" and path == "order.net_total" and not trait.where
    conditions = [source.filter()] if not ledger else []
    conditions += list(_conditions(trait, source, parameters))
    in_currency = "r.currency" if ledger else source.currency(source.field) if source.field else None
    if in_currency:
        conditions.append(f"{in_currency} = {parameters.bind(currency)}")
    shape = _Shape(
        trait,
        origin=LEDGER if ledger else source.kind or sources.ANY_EVENT,
        event_type=source.event_type,
        predicate=" AND ".join(one for one in conditions if one != "true") or "true",
        at=source.model.at if source.kind is not None else "r.occurred_at",
    )
    if aggregate == "count":
        return shape.count()
    if ledger:
        return shape.sum("r.amount", "DECIMAL(38,4)")
    sql_type = source.sql_type(source.field, numeric=aggregate in ("sum", "avg", "min", "max"))
    value = source.value(source.field, sql_type)
    match aggregate:
        case "sum" | "avg":
            if not sql_type.startswith(("DECIMAL", "BIGINT")):
                raise ConfigurationError(
                    f"trait {trait.name}: {path} is no number.", hint="Use count, first or last."
                )
            wide = "DECIMAL(38,4)" if sql_type == "DECIMAL(18,4)" else "DECIMAL(38,9)"
            return shape.sum(value, wide) if aggregate == "sum" else shape.average(value, wide)
        case "min" | "max":
            return shape.extreme(value, sql_type, aggregate)
        case "first" | "last":
            return shape.end(value, sql_type, "min" if aggregate == "first" else "max")
        case "distinct" | "top" | "list":
            return shape.seen(value, aggregate)
    raise AssertionError(aggregate)


@dataclass(frozen=True, slots=True)
class _Shape:
    trait: Trait
    origin: str
    event_type: str | None
    predicate: str
    at: str

    def _compiled(self, read: str, *components: Component) -> Compiled:
        return Compiled(self.trait, self.origin, self.event_type, "totals", read, components)

    def _component(self, column: str, sql_type: str, value: str, merge: Merge, given: str = "") -> Component:
        """`given` is a condition more, beside the trait's own."""
        condition = " AND ".join(one for one in (self.predicate, given) if one not in ("", "true"))
        value = f"CASE WHEN {condition} THEN {value} END" if condition else value
        return Component(column, sql_type, value, merge)

    @property
    def name(self) -> str:
        return self.trait.name

    def count(self) -> Compiled:
        return self._compiled(
            f'coalesce("{self.name}", 0)', self._component(self.name, "BIGINT", "r.sign", "sum")
        )

    def sum(self, value: str, sql_type: str) -> Compiled:
        return self._compiled(
            f'coalesce("{self.name}", 0)',
            self._component(self.name, sql_type, f"r.sign * ({value})::{sql_type}", "sum"),
        )

    def average(self, value: str, sql_type: str) -> Compiled:
        total, number = f"{self.name}__sum", f"{self.name}__n"
        return self._compiled(
            _quotient(f'"{total}"', f'"{number}"'),
            self._component(total, sql_type, f"r.sign * ({value})::{sql_type}", "sum"),
            self._component(number, "BIGINT", "r.sign", "sum", given=f"({value}) IS NOT NULL"),
        )

    def extreme(self, value: str, sql_type: str, merge: Merge) -> Compiled:
        return self._compiled(f'"{self.name}"', self._component(self.name, sql_type, value, merge))

    def end(self, value: str, sql_type: str, merge: Merge) -> Compiled:
        """The value with its order key. Entities are ordered by their own date; one that has none yet comes
        neither first nor last."""
        drawn = f'r."{self.name}__drawn"'
        condition = self.predicate
        if self.event_type is None:
            order, packed = f"'dated': {self.at}", "dated TIMESTAMP"
            condition += f" AND {self.at} IS NOT NULL"
        else:
            order = "'occurred_at': r.occurred_at, 'received_at': r.received_at, 'event_id': r.event_id"
            packed = "occurred_at TIMESTAMP, received_at TIMESTAMP, event_id UUID"
        part = Component(
            self.name,
            f"STRUCT({packed}, v {sql_type})",
            f"CASE WHEN {drawn} IS NOT NULL THEN {{{order}, 'v': {drawn}}} END",
            merge,
            f"CASE WHEN {condition} THEN {value} END",
        )
        return self._compiled(f'"{self.name}".v', part)

    def seen(self, value: str, aggregate: str) -> Compiled:
        mine = f"FILTER (trait = '{self.name}')"
        read = {
            "distinct": f"count(*) {mine}",
            # The most frequent value; of equals the first in the alphabet.
            "top": f"arg_min(value, {{'n': -n, 'value': value}}) {mine}",
            "list": f"coalesce(list(value ORDER BY value) {mine}, [])[:{MAX_LISTED}]",
        }[aggregate]
        return Compiled(self.trait, self.origin, self.event_type, "values", read, (), value, self.predicate)


def _quotient(total: str, number: str) -> str:
    """total / number to four decimals, halves away from zero, in whole numbers: DuckDB divides DECIMALs as
    floats."""
    whole = f"({total} * 10000)::HUGEINT"
    return (
        f"CASE WHEN {number} > 0 THEN (sign({whole}) * ((2 * abs({whole}) + {number}) // (2 * {number})))"
        "::DECIMAL(38,0) * 0.0001::DECIMAL(4,4) END"
    )


def _conditions(trait: Trait, source: Source, parameters: Parameters) -> Iterator[str]:
    for path, asked in trait.where.items():
        comparison = asked if isinstance(asked, Comparison) else Comparison(eq=asked)
        for operator, wanted in comparison.model_dump(exclude_none=True, by_alias=True).items():
            yield _condition(trait, source, path, operator, wanted, parameters)


def _condition(
    trait: Trait,
    source: Source,
    path: str,
    operator: str,
    wanted: Scalar | list[Scalar],
    parameters: Parameters,
) -> str:
    values = wanted if isinstance(wanted, list) else [wanted]
    numeric = all(isinstance(one, int | Decimal) and not isinstance(one, bool) for one in values)
    sql_type = source.sql_type(path, numeric=numeric and operator != "exists")
    value = source.value(path, sql_type)
    if operator == "exists":
        return f"({value}) IS {'NOT ' if wanted else ''}NULL"

    def bound(one: Scalar) -> str:
        return (
            f"CAST({parameters.bind(str(one).lower() if isinstance(one, bool) else str(one))} AS {sql_type})"
        )

    if operator == "in":
        return f"coalesce(({value}) IN ({', '.join(bound(one) for one in values)}), false)"
    if operator == "ne":
        return f"({value}) IS DISTINCT FROM {bound(values[0])}"
    return f"coalesce(({value}) {OPERATORS[operator]} {bound(values[0])}, false)"
