"""Faults of the product that the reference found, each by the smallest log that shows it. Who mends one takes
it out here, and lets `worlds` make such logs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kizuna.eventlog import topics
from tests.folding import NOW, accepted, definition, shipped_definitions
from tests.reference.test_reference import differing
from tests.reference.worlds import World

SOMEBODY = {"user_id": "u1"}
ORDER = {"order_id": "o1", "currency": "JPY", "total": "10"}
TWO = [{"kind": "order", "id": "o1"}, {"kind": "ticket", "id": "t1"}]

FAULTS: dict[str, list[dict[str, Any]]] = {
    "an attribution gives away the first of its entities only": [
        {"type": "ticket.opened", "properties": {"ticket_id": "t1"}},
        {"type": "entity.attributed", "ids": SOMEBODY, "entities": TWO},
    ],
    "an opened e-mail opens the ticket that it is about": [
        {"type": "email.opened", "ids": SOMEBODY, "entities": TWO[1:]},
    ],
    "a custom event wins a deal by its name": [
        {"type": "custom.won", "entities": [{"kind": "deal", "id": "d1"}]},
    ],
    "a payment changes the currency of its order, and so of what a cancellation moves": [
        {"type": "order.completed", "ids": SOMEBODY, "properties": ORDER},
        {
            "type": "payment.succeeded",
            "properties": {"payment_id": "y1", "order_id": "o1", "amount": "7", "currency": "USD"},
        },
        {"type": "order.cancelled", "properties": {"order_id": "o1"}},
    ],
    "a payment changes the amount of its contract": [
        {
            "type": "contract.signed",
            "properties": {"contract_id": "x1", "amount": "10", "currency": "JPY"},
        },
        {
            "type": "payment.succeeded",
            "properties": {"payment_id": "y1", "contract_id": "x1", "amount": "7", "currency": "JPY"},
        },
    ],
    "a refund that names a visit and no order moves nothing": [
        {
            "type": "order.refunded",
            "ids": SOMEBODY,
            "entities": [{"kind": "visit", "id": "v1"}],
            "properties": {"amount": "5", "currency": "JPY"},
        },
    ],
    "an order that was completed again after a void receipt moves money and is not counted": [
        {"type": "order.completed", "ids": SOMEBODY, "properties": {**ORDER, "void": True}},
        {"type": "order.completed", "ids": SOMEBODY, "properties": ORDER},
    ],
    "an update that gives a new total to a void receipt moves money": [
        {"type": "order.completed", "ids": SOMEBODY, "properties": {**ORDER, "void": True}},
        {"type": "order.updated", "properties": {"order_id": "o1", "total": "7"}},
    ],
    "an order that an update made void is still counted": [
        {"type": "order.completed", "ids": SOMEBODY, "properties": ORDER},
        {"type": "order.updated", "properties": {"order_id": "o1", "void": True}},
    ],
    "the last amount is one in another currency": [
        {"trait": {"name": "price", "last": "product.viewed.price"}},
        {
            "type": "product.viewed",
            "ids": SOMEBODY,
            "properties": {"product_id": "p", "price": "7", "currency": "USD"},
        },
    ],
    "a property with a quotation mark in its name becomes no field": [
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {'3" heels': "yes"}},
    ],
}


@pytest.mark.xfail(strict=True, reason="not mended yet")
@pytest.mark.parametrize("items", FAULTS.values(), ids=FAULTS.keys())
def test_the_product_shows_what_the_reference_computes(items: list[dict[str, Any]]) -> None:
    world = World(1)
    for record in shipped_definitions():
        world.append(topics.DEFINITIONS, record.value, 0)
    for number, item in enumerate(items):
        if trait := item.get("trait"):
            world.append(topics.DEFINITIONS, definition("trait", trait["name"], trait, 1).value, 0)
            continue
        moment = (NOW + timedelta(minutes=number - 60)).isoformat()
        sealed = accepted({"occurred_at": moment, "message_id": str(number), **item})
        world.append(topics.TOUCHPOINTS, sealed.value, 0)
    assert differing(world) == {}
