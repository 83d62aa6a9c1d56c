"""The ledger of order money: what each event added to the net total of its order, or took from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tests.reference.events import Event
from tests.reference.story import Story

COMPLETED, UPDATED, CANCELLED = "order.completed", "order.updated", "order.cancelled"
REFUNDED = "order.refunded"


@dataclass(frozen=True)
class Movement:
    event: Event
    amount: Decimal
    currency: str | None


@dataclass(frozen=True)
class Account:
    """Of one order: its movements, and what is told beside them."""

    movements: tuple[Movement, ...]
    gross: Decimal | None
    refunds: Decimal | None
    currency: str | None
    cancelled: bool
    void: bool


def account(story: Story) -> Account:
    """What an order nets after each event: its total as completed or last updated less the refunds; nothing
    once it is cancelled, whatever comes then, and nothing while the receipt is void, as the last completion
    or update says that says it. A movement is the difference that an event makes. Before a completion a
    refund moves money, an update or a cancellation does not."""
    movements: list[Movement] = []
    gross = refunds = currency = None
    net, void, cancelled = Decimal(0), False, False
    for event in story:
        says = event.properties
        if event.type not in (COMPLETED, UPDATED, CANCELLED, REFUNDED):
            continue
        currency = says.get("currency", currency)
        if event.type in (COMPLETED, UPDATED):
            void = says.get("void", void if event.type == UPDATED else False)
        if cancelled:
            continue
        match event.type:
            case "order.completed":
                gross = Decimal(says["total"])
            case "order.updated" if gross is not None:
                gross = Decimal(says.get("total", gross))
            case "order.cancelled":
                cancelled = gross is not None
            case "order.refunded":
                refunds = (refunds or Decimal(0)) + Decimal(says["amount"])
        now = Decimal(0) if cancelled or void else (gross or Decimal(0)) - (refunds or Decimal(0))
        if now != net:
            movements.append(Movement(event, now - net, currency))
        net = now
    return Account(tuple(movements), gross, refunds, currency, cancelled, void)


def of_nobody(events: Iterable[Event]) -> list[Movement]:
    """Refunds that are about no order are movements of the person alone."""
    return [
        Movement(one, -Decimal(one.properties["amount"]), one.properties["currency"])
        for one in events
        if one.type == REFUNDED and (one.entity is None or one.entity.kind != "order")
    ]
