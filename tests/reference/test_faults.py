"""Logs that were once folded wrongly, or easily are, each small, in one batch and record by record."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from kizuna.eventlog import topics
from tests.folding import NOW, accepted, definition, shipped_definitions
from tests.reference.test_reference import differing
from tests.reference.worlds import World

SOMEBODY = {"user_id": "u1"}
ELSE = {"user_id": "u2"}
ORDER = {"order_id": "o1", "currency": "JPY", "total": "10"}
VISIT = [{"kind": "visit", "id": "v1"}]
COMPLETED = {"type": "order.completed", "ids": SOMEBODY, "properties": ORDER}
VOID = {"type": "order.completed", "ids": SOMEBODY, "properties": {**ORDER, "void": True}}
REFUND = {"type": "order.refunded", "properties": {"order_id": "o1", "amount": "4", "currency": "JPY"}}
MADE_VOID = {"type": "order.updated", "properties": {"order_id": "o1", "void": True}}
OF_A_VISIT = {
    "type": "order.refunded",
    "ids": SOMEBODY,
    "entities": VISIT,
    "properties": {"amount": "5", "currency": "JPY"},
}
BOOKED = {
    "type": "visit.booked",
    "ids": ELSE,
    "properties": {"visit_id": "v1", "starts_at": "2026-06-01T10:00:00Z"},
}
VIEWED = {
    "type": "product.viewed",
    "ids": SOMEBODY,
    "properties": {"product_id": "p", "price": "7", "currency": "USD"},
}

LOGS: dict[str, list[dict[str, Any]]] = {
    "an order is as it was updated last, also where its completion arrives behind": [
        {"type": "order.updated", "properties": {"order_id": "o1", "total": "7"}},
        {**COMPLETED, "minutes_late": 30},
    ],
    "an order that was refunded arrives behind its refund": [REFUND, {**COMPLETED, "minutes_late": 30}],
    "a solved ticket stays solved, also where its opening arrives behind": [
        {"type": "ticket.solved", "properties": {"ticket_id": "t1"}},
        {"type": "ticket.opened", "ids": SOMEBODY, "properties": {"ticket_id": "t1"}, "minutes_late": 30},
    ],
    "an entity goes to the one it was attributed to last, not to the one told last": [
        {"type": "entity.attributed", "ids": SOMEBODY, "entities": [{"kind": "order", "id": "o1"}]},
        {
            "type": "entity.attributed",
            "ids": ELSE,
            "entities": [{"kind": "order", "id": "o1"}],
            "minutes_late": 30,
        },
        COMPLETED,
    ],
    "an attribution that names two things gives away the first": [
        {"type": "ticket.opened", "properties": {"ticket_id": "t1"}},
        {
            "type": "entity.attributed",
            "ids": SOMEBODY,
            "entities": [{"kind": "order", "id": "o1"}],
            "more": [{"kind": "ticket", "namespace": "shop", "id": "t1"}],
        },
    ],
    "a custom event attributes nothing by its name": [
        {"type": "deal.created", "ids": SOMEBODY, "properties": {"deal_id": "d1"}},
        {"type": "custom.attributed", "ids": ELSE, "entities": [{"kind": "deal", "id": "d1"}]},
    ],
    "an opened e-mail does not open the ticket that it is about": [
        {"type": "email.opened", "ids": SOMEBODY, "entities": [{"kind": "ticket", "id": "t1"}]},
    ],
    "a custom event wins no deal by its name": [
        {"type": "custom.won", "entities": [{"kind": "deal", "id": "d1"}]},
    ],
    "a payment does not change the currency of its order": [
        COMPLETED,
        {
            "type": "payment.succeeded",
            "properties": {"payment_id": "y1", "order_id": "o1", "amount": "7", "currency": "USD"},
        },
        {"type": "order.cancelled", "properties": {"order_id": "o1"}},
    ],
    "a payment does not change the amount of its contract": [
        {
            "type": "contract.signed",
            "properties": {"contract_id": "x1", "amount": "10", "currency": "JPY"},
        },
        {
            "type": "payment.succeeded",
            "properties": {"payment_id": "y1", "contract_id": "x1", "amount": "7", "currency": "JPY"},
        },
    ],
    "a refund that names a visit and no order moves money": [OF_A_VISIT],
    "it moves money of its own person, whoever has the visit": [BOOKED, OF_A_VISIT, BOOKED],
    "it moves none when it is taken out": [BOOKED, OF_A_VISIT, {"retracts": 1}],
    "it moves some again when that is undone": [BOOKED, OF_A_VISIT, {"retracts": 1}, {"retracts": 2}],
    "an order completed again after a void receipt counts": [VOID, COMPLETED],
    "an update gives a new total to a void receipt and moves nothing": [
        VOID,
        {"type": "order.updated", "properties": {"order_id": "o1", "total": "7"}},
    ],
    "an order that an update made void counts nowhere": [COMPLETED, REFUND, MADE_VOID],
    "an order made void after it was cancelled counts nowhere": [
        COMPLETED,
        {"type": "order.cancelled", "properties": {"order_id": "o1"}},
        MADE_VOID,
    ],
    "a cancellation takes back what refunds left, and ends it": [
        COMPLETED,
        REFUND,
        {"type": "order.cancelled", "properties": {"order_id": "o1"}},
        REFUND,
    ],
    "a refund of a void order moves nothing until the order is not void any more": [
        VOID,
        REFUND,
        {"type": "order.updated", "properties": {"order_id": "o1", "void": False}},
    ],
    "amounts in another currency are left out of every aggregate": [
        {"trait": {"name": "last_price", "last": "product.viewed.price"}},
        {"trait": {"name": "prices", "list": "product.viewed.price"}},
        {"trait": {"name": "number_of_prices", "distinct": "product.viewed.price"}},
        {"trait": {"name": "usual_price", "top": "product.viewed.price"}},
        VIEWED,
    ],
    "an entity without a date is neither first nor last": [
        {"trait": {"name": "first_visit", "first": "visit.staff_id"}},
        {"trait": {"name": "last_visit", "last": "visit.staff_id"}},
        {"type": "visit.completed", "ids": SOMEBODY, "properties": {"visit_id": "v1", "staff_id": "s1"}},
    ],
    "a profile that an alias gave two user ids takes other identifiers": [
        {"type": "customer.aliased", "ids": {"user_id": ["u1", "u2"]}},
        {"type": "customer.identified", "ids": {"user_id": "u1", "anonymous_id": "a1"}},
        {"type": "customer.identified", "ids": {"user_id": ["u1", "u3"]}},
    ],
    "a field holds what was said last, not what arrived last": [
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {"plan": "basic", "city": "Kyoto"}},
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {"plan": "gold"}},
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {"plan": "none"}, "minutes_late": 30},
    ],
    "a field holds what was said before, when the last saying is taken back": [
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {"plan": "basic"}},
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {"plan": "gold", "city": "Kyoto"}},
        {"retracts": 1},
    ],
    "a property becomes a field whatever is in its name": [
        {"type": "customer.identified", "ids": SOMEBODY, "properties": {'3" heels': "yes", "~1/a.b$": 1}},
    ],
}

OURS = ("more", "retracts", "minutes_late")
"""What a log says of an item beside the item itself."""


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS.keys())
def test_the_product_shows_what_the_reference_computes(log: list[dict[str, Any]]) -> None:
    world = World(1)
    for record in shipped_definitions():
        world.append(topics.DEFINITIONS, record.value, 0)
    events = [one for one in log if "trait" not in one]
    for one in log:
        if trait := one.get("trait"):
            world.append(topics.DEFINITIONS, definition("trait", trait["name"], trait, 1).value, 0)
    ids: list[str] = []
    for minute, one in enumerate(events):
        item = {name: what for name, what in one.items() if name not in OURS}
        if "retracts" in one:
            item = {"type": "event.retracted", "properties": {"event_id": ids[one["retracts"]]}}
        moment = NOW + timedelta(minutes=minute - 60)
        occurred_at = moment - timedelta(minutes=one.get("minutes_late", 0))
        item |= {"message_id": str(minute), "occurred_at": occurred_at.isoformat()}
        body = json.loads(accepted(item, moment).value)
        body["entities"] += one.get("more", [])
        ids.append(body["event_id"])
        world.append(topics.TOUCHPOINTS, json.dumps(body).encode(), 0)
    assert differing(world) == {}
    lanes = [lane.topic for lane in world.log.bounds()]
    defined = [100 * (topic == topics.DEFINITIONS) for topic in lanes]
    further = [int(topic == topics.TOUCHPOINTS) for topic in lanes]
    assert differing(world, [defined, *(further for _ in events)]) == {}
