"""A story: what happens one after the other to one customer, ticket, deal or visit of the simulated shop.

Stories are generators of happenings. The shop tells many of them at once, interleaved by their times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from .shop_goods import Prices
from .shop_people import Customers

SOURCES = ("web", "till-1", "till-2", "salon", "mail", "helpdesk", "crm")
"""The systems that send, each with a write key of its own."""

TOKYO = timezone(timedelta(hours=9))
"""The stores' own time: business days are days there."""

Ids = dict[str, str]


class Happening(NamedTuple):
    """One touchpoint of a story, `after` the story's previous one. `besides` holds the rest of the
    submission: entities, place, channel, actor, context."""

    after: timedelta
    source: str
    type: str
    ids: Ids
    properties: dict[str, object]
    besides: Mapping[str, object] = MappingProxyType({})


Story = Iterator[Happening]

AT_ONCE = timedelta(0)


@dataclass
class Scene:
    """What every story may ask for. `now` is the time of the story's previous happening."""

    rng: Random
    customers: Customers
    prices: Prices
    tag: str
    now: datetime
    counts: dict[str, int] = field(default_factory=dict)

    def number(self, prefix: str) -> str:
        """A new id such as `W-K7Q2M-118`: no other run of the simulator gives the same one."""
        count = self.counts[prefix] = self.counts.get(prefix, 0) + 1
        return f"{prefix}-{self.tag}-{count}"

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def soon(self, seconds: float) -> timedelta:
        """An exponential wait with this mean, in whole milliseconds and at least one."""
        return timedelta(milliseconds=1 + int(self.rng.expovariate(1 / seconds) * 1000))

    def later(self, hours: float) -> timedelta:
        return self.soon(hours * 3600)

    def day(self, ahead: int = 0) -> str:
        """The stores' business day, `ahead` days from now."""
        return (self.now.astimezone(TOKYO) + timedelta(days=ahead)).date().isoformat()

    def opening_hour(self, days: int) -> datetime:
        """Some half hour between 10:00 and 19:00 at the stores, so many days ahead."""
        day = (self.now.astimezone(TOKYO) + timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
        return (day.replace(hour=10) + timedelta(minutes=30 * self.rng.randrange(18))).astimezone(UTC)
