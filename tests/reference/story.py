"""A story, the events of one entity in history order, and ways to read a field of the entity out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.reference.events import Event

Story = Sequence[Event]
Reader = Callable[[Story], Any]


def said(field: str, *types: str, of: Callable[[Any], Any] = lambda value: value) -> Reader:
    """What was said last of a property, by events of `types` (of any of the entity's family without), brought
    into its type `of`."""

    def read(story: Story) -> Any:
        values = [one.properties.get(field) for one in story if (one.type in types if types else own(one))]
        return next((of(value) for value in reversed(values) if value is not None), None)

    return read


def own(event: Event) -> bool:
    """Whether an event is of the family of its entity: a payment in an order's history is not."""
    return event.entity is not None and event.type.partition(".")[0] == event.entity.kind


def each(*fields: str, of: Callable[[Any], Any] = lambda value: value) -> dict[str, Reader]:
    return {field: said(field, of=of) for field in fields}


def amount(value: str) -> Decimal:
    return Decimal(value)


def day(value: str) -> date:
    return date.fromisoformat(value)


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


def placed(field: str) -> Reader:
    """The store or register named last."""
    return lambda story: next(
        (one.fields[field] for one in reversed(story) if own(one) and one.fields[field]), None
    )


def first(*types: str, **says: str) -> Reader:
    """When it happened first that an event of `types` said this."""
    return lambda story: min(_happened(story, types, says), default=None)


def last(*types: str) -> Reader:
    return lambda story: max(_happened(story, types, {}), default=None)


def times(*types: str) -> Reader:
    return lambda story: len(_happened(story, types, {}))


def _happened(story: Story, types: Sequence[str], says: dict[str, str]) -> list[datetime]:
    return [one.occurred_at for one in story if one.type in types and says.items() <= one.properties.items()]


def status(**left: str | Callable[[Event], str]) -> Reader:
    """What the last event that changes the status left behind; keys are the last part of its type."""

    def read(story: Story) -> str | None:
        for one in filter(own, reversed(story)):
            now = left.get(one.type.partition(".")[2])
            if now is not None:
                return now if isinstance(now, str) else now(one)
        return None

    return read
