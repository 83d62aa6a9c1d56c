"""The stream that every benchmark folds: seeded, Zipf 1.1, eight types, 1 % twice, 1 % late."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any
from uuid import UUID

from kizuna.schemas.admission import Accepted, Origin, admit

KEY = "5b" * 32
START = datetime(2026, 5, 1, tzinfo=UTC)
EXPONENT = 1.1
DUPLICATE = LATE = 0.01
LATE_DAYS = 300
CATEGORIES = ("tea", "cups", "cloth", "paper")

Item = dict[str, Any]


@cache
def _weights(customers: int) -> Sequence[float]:
    return list(accumulate(rank**-EXPONENT for rank in range(1, customers + 1)))


def items(count: int, *, customers: int = 200_000, seed: int = 1, first: int = 0) -> Iterator[Item]:
    """Native submissions. A customer's rank decides how often it comes; 1 % of the items come twice. `first`
    is the number of the first: a stream in parts has parts of other numbers, and other seeds."""
    chance = random.Random(seed)
    weights = _weights(customers)
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    last: Item | None = None
    for number in range(first, first + count):
        if last is not None and chance.random() < DUPLICATE:
            yield last
            continue
        customer = bisect(weights, chance.random() * weights[-1])
        kind = chance.choice(kinds)
        ago = timedelta(seconds=chance.randrange(3_600))
        if chance.random() < LATE:
            ago += timedelta(days=chance.randrange(LATE_DAYS))
        last = {
            "type": kind,
            "message_id": f"m{number}",
            "occurred_at": (START - ago).isoformat(),
            "ids": {"user_id": f"user-{customer}"},
            "properties": PROPERTIES[kind](chance, number),
        }
        yield last


def envelopes(
    count: int, *, customers: int = 200_000, seed: int = 1, first: int = 0, import_id: str | None = None
) -> Iterator[Accepted]:
    """The same, sealed. Each is received a microsecond after the one before."""
    for number, item in enumerate(items(count, customers=customers, seed=seed, first=first), first):
        origin = Origin("shop", "secret", START + timedelta(microseconds=number), import_id)
        sealed = admit(item, origin, KEY, lambda: UUID(int=0))
        assert isinstance(sealed, Accepted), sealed
        yield sealed


def _lines(chance: random.Random, number: int) -> list[Item]:
    return [
        {
            "product_id": f"p{chance.randrange(5_000)}",
            "name": f"Sencha {chance.randrange(100)} g",
            "category": chance.choice(CATEGORIES),
            "quantity": chance.randrange(1, 4),
            "unit_price": "1200",
        }
        for _ in range(number)
    ]


def _page(chance: random.Random, _: int) -> Item:
    path = f"/goods/{chance.randrange(2_000)}"
    return {
        "url": f"https://shop.example.com{path}",
        "path": path,
        "title": "Sencha of the first harvest",
        "referrer": "https://search.example.com/",
    }


def _product(chance: random.Random, _: int) -> Item:
    return {
        "product_id": f"p{chance.randrange(5_000)}",
        "name": "Sencha of the first harvest",
        "category": chance.choice(CATEGORIES),
        "price": "1200",
        "currency": "JPY",
    }


def _cart(chance: random.Random, number: int) -> Item:
    return {"cart_id": f"c{number}", "value": "3600", "currency": "JPY", "lines": _lines(chance, 2)}


def _order(chance: random.Random, number: int) -> Item:
    return {"order_id": f"o{number}", "currency": "JPY", "lines": _lines(chance, 3)}


def _mail(_: random.Random, number: int) -> Item:
    return {"email_id": f"e{number}", "campaign": "spring", "subject": "The first harvest is here"}


def _ticket(chance: random.Random, number: int) -> Item:
    return {"ticket_id": f"t{number}", "channel": "email", "category": "delivery", "subject": "Where is it?"}


def _visit(chance: random.Random, number: int) -> Item:
    start = START + timedelta(hours=chance.randrange(1_000))
    return {"visit_id": f"v{number}", "starts_at": start.isoformat(), "duration_minutes": 60}


PROPERTIES: dict[str, Callable[[random.Random, int], Item]] = {
    "page.viewed": _page,
    "product.viewed": _product,
    "cart.updated": _cart,
    "order.completed": _order,
    "email.delivered": _mail,
    "email.opened": _mail,
    "ticket.opened": _ticket,
    "visit.booked": _visit,
}
SHARES = {
    "page.viewed": 30,
    "product.viewed": 20,
    "cart.updated": 8,
    "order.completed": 12,
    "email.delivered": 12,
    "email.opened": 8,
    "ticket.opened": 4,
    "visit.booked": 6,
}
"""Per cent of each type."""
