"""The reference's ledger, by hand: what an order nets after each of its events, and what it is in the end."""

from __future__ import annotations

from datetime import timedelta
from itertools import accumulate

import pytest

from tests.folding import NOW
from tests.reference.entities import order_status
from tests.reference.events import Entity, Event
from tests.reference.ledger import account
from tests.reference.test_copies import copy

ORDER = Entity("order", "shop", "o1")


def told(minute: int, what: str) -> Event:
    """`completed 10 void`: a type, an amount, and whether the receipt is said to be void."""
    type_, *says = what.split()
    amount = next((one for one in says if one.isdigit()), None)
    properties: dict[str, object] = {} if amount is None else {"total": amount, "amount": amount}
    if "void" in says or "valid" in says:
        properties["void"] = "void" in says
    moment = NOW + timedelta(minutes=minute)
    return copy(
        minute, minute, f"order.{type_}", occurred_at=moment, entities=(ORDER,), properties=properties
    )


@pytest.mark.parametrize(
    ("events", "nets", "status"),
    [
        ("completed 10, refunded 4", [10, 6], "partially_refunded"),
        ("completed 10, updated 7, refunded 7", [10, 7, 0], "refunded"),
        ("refunded 4, completed 10", [-4, 6], "partially_refunded"),
        ("refunded 4, updated 7, cancelled", [-4, -4, -4], "unknown"),
        ("completed 10, refunded 4, cancelled, refunded 2, completed 9", [10, 6, 0, 0, 0], "cancelled"),
        ("completed 10 void, refunded 4", [0, 0], "void"),
        ("completed 10 void, updated 7", [0, 0], "void"),
        ("completed 10 void, updated 7, updated valid", [0, 0, 7], "completed"),
        ("completed 10 void, completed 9", [0, 9], "completed"),
        ("completed 10 void, refunded 4, updated valid", [0, 0, 6], "partially_refunded"),
        ("completed 10, refunded 4, updated void", [10, 6, 0], "void"),
        ("completed 10, updated 7 void, refunded 2, completed 8", [10, 0, 0, 6], "partially_refunded"),
        ("completed 10, cancelled, updated void", [10, 0, 0], "void"),
        ("completed 10, updated void, cancelled, updated valid", [10, 0, 0, 0], "cancelled"),
        ("refunded 4, updated void", [-4, 0], "void"),
    ],
)
def test_an_order_nets(events: str, nets: list[int], status: str) -> None:
    story = [told(minute, what) for minute, what in enumerate(events.split(", "))]
    moved = {one.event.event_id: one.amount for one in account(story).movements}
    assert list(accumulate(moved.get(one.event_id, 0) for one in story)) == nets
    assert order_status(story) == status
