"""Traits: one value of a profile, over its events, its entities as they stand, or its ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

from tests.reference.definitions import aggregate
from tests.reference.entities import DATED, STATES
from tests.reference.events import OWNED, Event

MONEY = {"total", "subtotal", "amount", "refunded", "net_total", "shipping", "tax", "discount", "price"}
NUMBERS = {"score", "scale", "points_used", "duration_minutes", "replies", "reopened"}
MOMENTS = {"starts_at", "next_booking", "due_at", "created_at"}
DATES = {"close_date", "business_date", "starts_on", "ends_on", "ended_on"}
"""Kinds of the catalogue's fields, by name; any other one is text."""

TYPES = {"order.refunded", "ticket.reopened"}
"""What is an event type and a field of an entity too means the event."""

LISTED = 100
LARGEST = Decimal(10) ** 20


@dataclass(frozen=True)
class Row:
    """One thing that a trait runs over. `order` tells first from last; `currency` is that of its money.
    `get` gives the value of a field; the fields of a `custom` event have no type: of such a one the text, or
    when that is asked for the number, that it is."""

    get: Callable[[str, bool], Any]
    order: tuple[Any, ...]
    currency: str | None
    custom: bool = False


def of_event(event: Event) -> Row:
    custom = event.type.startswith("custom.")

    def get(field: str, number: bool) -> Any:
        if field in ("occurred_at", "received_at") and field not in event.properties:
            return event.occurred_at if field == "occurred_at" else event.received_at
        if field in ("source", "channel", "store") and field not in event.properties:
            return event.source if field == "source" else event.fields[field]
        value: Any = event.properties
        for step in field.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return None
        return (_number(value) if number else _text(value)) if custom else _typed(field, value)

    return Row(get, event.history, event.properties.get("currency"), custom)


def of_entity(kind: str, state: Mapping[str, Any]) -> Row:
    return Row(lambda field, number: state[field], (state[DATED[kind]],), state.get("currency"))


def rows_of(
    path: str,
    events: Sequence[Event],
    entities: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[list[Row], str]:
    """What a path runs over, and the field it names there."""
    first, *rest = path.split(".")
    if first == "event":
        return [of_event(one) for one in events], ".".join(rest)
    fields = STATES.get(first, {})
    if first in OWNED and path not in TYPES and ".".join(rest) in ("", *fields):
        held = [one for one in entities.get(first, []) if first != "order" or counted(one)]
        return [of_entity(first, one) for one in held], ".".join(rest)
    type_ = f"{first}.{rest[0]}"
    return [of_event(one) for one in events if one.type == type_], ".".join(rest[1:])


def counted(order: Mapping[str, Any]) -> bool:
    """An order counts by its completion, unless the receipt was voided."""
    return order["completed_at"] is not None and order["status"] != "void"


def evaluate(
    trait: Mapping[str, Any],
    events: Sequence[Event],
    entities: Mapping[str, Sequence[Mapping[str, Any]]],
    moved: Mapping[str | None, Decimal],
    currency: str,
) -> Any:
    """`events`, `entities` by kind and `moved` by currency are those of one profile."""
    how, path = aggregate(dict(trait))
    if (how, path) == ("sum", "order.net_total") and not trait.get("where"):
        return moved.get(currency, Decimal(0))
    rows, field = rows_of(path, events, entities)
    rows = [row for row in rows if all(holds(row, *one) for one in trait.get("where", {}).items())]
    if how == "count":
        return len(rows)
    if field in MONEY:
        rows = [row for row in rows if row.custom or row.currency == currency]
    number = how in ("sum", "avg", "min", "max")
    given = [(row, value) for row in rows if (value := row.get(field, number)) is not None]
    values = [value for _, value in given]
    match how:
        case "sum":
            return sum(values, Decimal(0))
        case "avg":
            return average(values)
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case "first":
            return min(_dated(given), default=(None, None))[1]
        case "last":
            return max(_dated(given), default=(None, None))[1]
    seen = Counter(_text(value) for value in values)
    match how:
        case "distinct":
            return len(seen)
        case "top":
            return min(seen, key=lambda value: (-seen[value], value), default=None)
    return sorted(seen)[:LISTED]


def average(values: Sequence[Decimal]) -> Decimal | None:
    """To four decimals, halves away from zero."""
    if not values:
        return None
    with localcontext(prec=80):
        return (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def holds(row: Row, field: str, asked: Any) -> bool:
    """All comparisons hold. With a missing value only `exists: false` and `ne` do."""
    comparisons = asked if isinstance(asked, Mapping) else {"eq": asked}
    return all(_compare(row, field, how, wanted) for how, wanted in comparisons.items())


def _compare(row: Row, field: str, how: str, wanted: Any) -> bool:
    wanted_all = wanted if isinstance(wanted, list) else [wanted]
    number = how != "exists" and all(isinstance(one, int | Decimal) and one is not True for one in wanted_all)
    value = row.get(field, number)
    if how == "exists":
        return (value is not None) is wanted
    if value is None:
        return how == "ne"
    like = [type(value)(one) if isinstance(value, Decimal | str) else one for one in wanted_all]
    match how:
        case "eq":
            return bool(value == like[0])
        case "ne":
            return bool(value != like[0])
        case "in":
            return value in like
        case "gt":
            return bool(value > like[0])
        case "gte":
            return bool(value >= like[0])
        case "lt":
            return bool(value < like[0])
    return bool(value <= like[0])


def _typed(field: str, value: Any) -> Any:
    if field in MONEY or field in NUMBERS:
        return Decimal(value)
    if field in MOMENTS:
        return datetime.fromisoformat(value).astimezone(UTC)
    return date.fromisoformat(value) if field in DATES else _text(value)


def _number(value: Any) -> Decimal | None:
    """A number that DECIMAL(38,9) holds and that many can be added of; anything else is left out."""
    try:
        number = Decimal(str(value)).quantize(Decimal("1e-9"), ROUND_HALF_UP)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < LARGEST else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dated(given: Iterable[tuple[Row, Any]]) -> Iterator[tuple[Any, Any]]:
    """Values with what orders them. An entity that has no date yet is neither first nor last."""
    return ((row.order, value) for row, value in given if None not in row.order)
