"""Entities: what the events about a thing say of its present state, and whom it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.reference.events import Entity, Event, Identifier
from tests.reference.ledger import account
from tests.reference.story import (
    Reader,
    Story,
    amount,
    day,
    each,
    first,
    last,
    moment,
    placed,
    said,
    status,
    times,
)

ATTRIBUTED = "entity.attributed"


def stories(events: Iterable[Event]) -> dict[Entity, list[Event]]:
    """`events` come in history order."""
    found: dict[Entity, list[Event]] = {}
    for event in events:
        if event.entity:
            found.setdefault(event.entity, []).append(event)
    return found


def belongs(story: Story, whom: Callable[[Event], Identifier | None]) -> Identifier | None:
    """The latest attribution, else the first event that names somebody (ADR 5)."""
    attributed = [whom(one) for one in story if one.type == ATTRIBUTED and whom(one)]
    named = [whom(one) for one in story if whom(one)]
    return attributed[-1] if attributed else named[0] if named else None


def owner(story: Story) -> Identifier | None:
    return belongs(story, lambda one: one.person)


def company(story: Story) -> Identifier | None:
    return belongs(story, lambda one: one.company)


def state(kind: str, story: Story) -> dict[str, Any]:
    """What events of the kind say; any other about the entity, such as a note, is in its history alone."""
    own = [one for one in story if one.type.startswith(f"{kind}.")]
    told = {field: read(own) for field, read in STATES[kind].items()}
    return {**told, "source": story[0].source, "updated_at": story[-1].occurred_at}


def order_status(story: Story) -> str:
    its = account(story)
    if its.void:
        return "void"
    if its.cancelled:
        return "cancelled"
    if its.gross is None:
        return "unknown"
    if its.refunds is None:
        return "completed"
    return "refunded" if its.refunds >= its.gross else "partially_refunded"


STATES: dict[str, dict[str, Reader]] = {
    "order": {
        "status": order_status,
        "currency": lambda story: account(story).currency,
        "total": lambda story: account(story).gross,
        "refunded": lambda story: account(story).refunds or 0,
        "net_total": lambda story: sum(one.amount for one in account(story).movements),
        "completed_at": first("order.completed"),
        "cancelled_at": first("order.cancelled"),
        "refunded_at": last("order.refunded"),
        **each("shipping", "tax", "discount", of=amount),
        **each("coupon", "receipt_number", "staff_id"),
        "business_date": said("business_date", of=day),
        "store": placed("store"),
        "register": placed("register"),
        "lines": said("lines", "order.completed", "order.updated"),
    },
    "ticket": {
        "status": status(
            opened=lambda one: one.properties.get("status", "new"),
            status_changed=lambda one: one.properties["status"],
            solved="solved",
            reopened="open",
        ),
        **each("subject", "channel", "category", "priority", "assignee"),
        "opened_at": first("ticket.opened"),
        "first_replied_at": first("ticket.replied", author="staff"),
        "solved_at": last("ticket.solved"),
        "replies": times("ticket.replied"),
        "reopened": times("ticket.reopened"),
        "score": said("score", "ticket.rated", of=amount),
    },
    "deal": {
        "status": status(created="open", won="won", lost="lost"),
        **each("name", "pipeline", "stage", "product", "currency"),
        "amount": said("amount", of=amount),
        "assignee": said("owner"),
        "close_date": said("close_date", of=day),
        "created_at": first("deal.created"),
        "closed_at": last("deal.won", "deal.lost"),
        "reason": said("reason", "deal.won", "deal.lost"),
    },
    "visit": {
        "status": status(
            booked="booked",
            rescheduled="booked",
            completed="completed",
            cancelled="cancelled",
            no_show="no_show",
        ),
        "starts_at": said("starts_at", "visit.booked", "visit.rescheduled", of=moment),
        **each("duration_minutes", "staff_id", "menu", "currency", "reason"),
        "store": placed("store"),
        "total": said("total", of=amount),
        "booked_at": first("visit.booked"),
        "completed_at": last("visit.completed"),
        "next_booking": said("next_booking", of=moment),
    },
    "contract": {
        "status": status(signed="active", renewed="active", notice_given="notice", ended="ended"),
        **each("name", "plan", "currency", "interval", "auto_renew", "reason"),
        "amount": said("amount", of=amount),
        **each("starts_on", "ends_on", "ended_on", of=day),
        "signed_at": first("contract.signed"),
    },
    "task": {
        "status": status(created="open", completed="completed", cancelled="cancelled"),
        **each("title", "assignee", "priority"),
        "due_at": said("due_at", of=moment),
        "created_at": first("task.created"),
        "completed_at": last("task.completed"),
    },
}
"""How each field of an entity follows from its own events."""
DATED = {
    "order": "completed_at",
    "ticket": "opened_at",
    "deal": "created_at",
    "visit": "starts_at",
    "contract": "signed_at",
    "task": "created_at",
}
"""An entity's own date."""
