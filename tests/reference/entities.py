"""Entities: what the events about a thing say of its present state, and whom it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.reference.events import OWNED, Entity, Event, Identifier
from tests.reference.ledger import account
from tests.reference.story import (
    Story,
    day,
    first,
    happened,
    last,
    moment,
    money,
    placed,
    said,
    status,
    texts,
)

ATTRIBUTED = "entity.attributed"


def stories(events: Iterable[Event]) -> dict[Entity, list[Event]]:
    """`events` come in history order."""
    found: dict[Entity, list[Event]] = {}
    for event in events:
        for entity in about(event):
            found.setdefault(entity, []).append(event)
    return found


def about(event: Event) -> list[Entity]:
    """An attribution is about all entities it names, any other event about its own."""
    if event.type == ATTRIBUTED:
        return [one for one in event.entities if one.kind in OWNED]
    return [event.entity] if event.entity else []


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
    return {**STATES[kind](own), "source": story[0].source, "updated_at": story[-1].occurred_at}


def order(story: Story) -> dict[str, Any]:
    its = account(story)
    if its.void:
        status = "void"
    elif its.cancelled:
        status = "cancelled"
    elif its.gross is None:
        status = "unknown"
    elif its.refunds is None:
        status = "completed"
    else:
        status = "refunded" if its.refunds >= its.gross else "partially_refunded"
    return {
        "status": status,
        "currency": its.currency,
        "total": its.gross,
        "refunded": its.refunds or Decimal(0),
        "net_total": sum((one.amount for one in its.movements), Decimal(0)),
        "completed_at": first(story, "order.completed"),
        "cancelled_at": first(story, "order.cancelled"),
        "refunded_at": last(story, "order.refunded"),
        **{field: money(story, field) for field in ("shipping", "tax", "discount")},
        **texts(story, "coupon", "receipt_number", "staff_id"),
        "business_date": day(story, "business_date"),
        "store": placed(story, "store"),
        "register": placed(story, "register"),
        "lines": said(story, "lines", "order.completed", "order.updated"),
    }


def ticket(story: Story) -> dict[str, Any]:
    replies = [one for one in story if one.type == "ticket.replied"]
    stands = None
    for one in story:
        match one.type:
            case "ticket.opened":
                stands = one.properties.get("status", "new")
            case "ticket.status_changed":
                stands = one.properties["status"]
            case "ticket.solved":
                stands = "solved"
            case "ticket.reopened":
                stands = "open"
    score = said(story, "score", "ticket.rated")
    return {
        "status": stands,
        **texts(story, "subject", "channel", "category", "priority", "assignee"),
        "opened_at": first(story, "ticket.opened"),
        "first_replied_at": min(
            (one.occurred_at for one in replies if one.properties["author"] == "staff"), default=None
        ),
        "solved_at": last(story, "ticket.solved"),
        "replies": len(replies),
        "reopened": len(happened(story, "ticket.reopened")),
        "score": None if score is None else Decimal(score),
    }


def deal(story: Story) -> dict[str, Any]:
    return {
        "status": status(story, created="open", won="won", lost="lost"),
        **texts(story, "name", "pipeline", "stage", "product", "currency"),
        "amount": money(story, "amount"),
        "assignee": said(story, "owner"),
        "close_date": day(story, "close_date"),
        "created_at": first(story, "deal.created"),
        "closed_at": last(story, "deal.won", "deal.lost"),
        "reason": said(story, "reason", "deal.won", "deal.lost"),
    }


def visit(story: Story) -> dict[str, Any]:
    return {
        "status": status(
            story,
            booked="booked",
            rescheduled="booked",
            completed="completed",
            cancelled="cancelled",
            no_show="no_show",
        ),
        "starts_at": moment(story, "starts_at", "visit.booked", "visit.rescheduled"),
        "store": placed(story, "store"),
        **texts(story, "duration_minutes", "staff_id", "menu", "currency", "reason"),
        "total": money(story, "total"),
        "booked_at": first(story, "visit.booked"),
        "completed_at": last(story, "visit.completed"),
        "next_booking": moment(story, "next_booking"),
    }


def contract(story: Story) -> dict[str, Any]:
    return {
        "status": status(story, signed="active", renewed="active", notice_given="notice", ended="ended"),
        **texts(story, "name", "plan", "currency", "interval", "auto_renew", "reason"),
        "amount": money(story, "amount"),
        "starts_on": day(story, "starts_on"),
        "ends_on": day(story, "ends_on"),
        "ended_on": day(story, "ended_on"),
        "signed_at": first(story, "contract.signed"),
    }


def task(story: Story) -> dict[str, Any]:
    return {
        "status": status(story, created="open", completed="completed", cancelled="cancelled"),
        **texts(story, "title", "assignee", "priority"),
        "due_at": moment(story, "due_at"),
        "created_at": first(story, "task.created"),
        "completed_at": last(story, "task.completed"),
    }


STATES: dict[str, Callable[[Story], dict[str, Any]]] = {
    "order": order,
    "ticket": ticket,
    "deal": deal,
    "visit": visit,
    "contract": contract,
    "task": task,
}
DATED = {
    "order": "completed_at",
    "ticket": "opened_at",
    "deal": "created_at",
    "visit": "starts_at",
    "contract": "signed_at",
    "task": "created_at",
}
"""An entity's own date."""
