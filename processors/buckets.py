"""Token buckets: how much a sender may do now, and when it may go on."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

MOST_BUCKETS = 65_536
"""Buckets kept at once. Beyond it the one touched longest ago is forgotten, which fills it."""

_HAIR = 1e-6
"""What rounding may take from a level, so that who waits as long as it was told is let in."""


class Rate(NamedTuple):
    """So much a second, and up to `burst` at once after a pause. A rate of 0 is no limit."""

    per_second: float = 0.0
    burst: float = 0.0


UNLIMITED = Rate()

GUESSES = Rate(per_second=2, burst=50)
"""Requests of one sender that present a key or token that is not known. More are told to slow down: whoever
guesses has no use for many answers, and who merely has an old key does not mind."""


class Bucket(NamedTuple):
    """`level` is what was left in it at `at`, in seconds of a clock that never goes back. Below 0 it is
    owed."""

    level: float
    at: float


def level(bucket: Bucket | None, rate: Rate, now: float) -> float:
    """What is in it now; one that nobody touched yet (None) is full."""
    if bucket is None:
        return rate.burst
    return min(rate.burst, bucket.level + max(0.0, now - bucket.at) * rate.per_second)


def take(bucket: Bucket | None, rate: Rate, cost: float, now: float) -> tuple[Bucket, float]:
    """The bucket afterwards, and the seconds to wait: 0 when it gave the `cost`. What costs more than the
    burst needs a full bucket, and leaves the rest owed. Who is refused pays nothing."""
    left = level(bucket, rate, now)
    wanted = min(cost, rate.burst)
    if left >= wanted - _HAIR:
        return Bucket(left - cost, now), 0.0
    return Bucket(left, now), (wanted - left) / rate.per_second


def whole_seconds(wait: float) -> int:
    """As `Retry-After` says it: rounded up, at least 1."""
    return max(1, math.ceil(wait))


class Buckets:
    """A bucket for each sender, all of one rate. Belongs to one thread."""

    def __init__(self, rate: Rate, most: int = MOST_BUCKETS) -> None:
        self._rate = rate
        self._most = most
        self._held: OrderedDict[Hashable, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, whose: Hashable, cost: float, now: float) -> float:
        """Seconds to wait; 0 when the `cost` was taken."""
        if not self._rate.per_second:
            return 0.0
        bucket, wait = take(self._held.get(whose), self._rate, cost, now)
        self._held[whose] = bucket
        self._held.move_to_end(whose)
        self._tidy(now)
        return wait

    def wait(self, whose: Hashable, cost: float, now: float) -> float:
        """What `take` would answer; takes nothing."""
        if not self._rate.per_second:
            return 0.0
        return take(self._held.get(whose), self._rate, cost, now)[1]

    def _tidy(self, now: float) -> None:
        """A full bucket is as good as none. Two at a time, so that they go faster than they come."""
        for _ in range(2):
            whose, bucket = next(iter(self._held.items()))
            full = level(bucket, self._rate, now) >= self._rate.burst
            if len(self._held) <= self._most and not full:
                return
            del self._held[whose]
            if not self._held:
                return
