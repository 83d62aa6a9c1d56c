"""A story: the events of one entity in history order, and what is read out of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.reference.events import Event

Story = Sequence[Event]


def said(story: Story, field: str, *types: str) -> Any:
    """What was said last in history order, by events of `types` (of any without)."""
    values = [one.properties.get(field) for one in story if not types or one.type in types]
    return next((value for value in reversed(values) if value is not None), None)


def texts(story: Story, *fields: str) -> dict[str, Any]:
    return {field: said(story, field) for field in fields}


def money(story: Story, field: str) -> Decimal | None:
    value = said(story, field)
    return None if value is None else Decimal(value)


def day(story: Story, field: str) -> date | None:
    value = said(story, field)
    return None if value is None else date.fromisoformat(value)


def moment(story: Story, field: str, *types: str) -> datetime | None:
    value = said(story, field, *types)
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def placed(story: Story, field: str) -> str | None:
    """The store or register named last."""
    return next((one.fields[field] for one in reversed(story) if one.fields[field]), None)


def happened(story: Story, *types: str) -> list[datetime]:
    return [one.occurred_at for one in story if one.type in types]


def first(story: Story, *types: str) -> datetime | None:
    return min(happened(story, *types), default=None)


def last(story: Story, *types: str) -> datetime | None:
    return max(happened(story, *types), default=None)


def status(story: Story, **left: str) -> str | None:
    """What the last event that changes the status left behind; keys are the last part of its type."""
    verbs = [one.type.partition(".")[2] for one in story]
    return next((left[verb] for verb in reversed(verbs) if verb in left), None)
