"""When people shop: little at night, most in the evening. Spreads a history over its days accordingly."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate

from .shop_story import TOKYO

# How busy each hour of the stores' day is, from midnight.
_BUSY = (3, 2, 1, 1, 1, 2, 4, 7, 9, 11, 13, 14, 16, 14, 12, 12, 12, 13, 15, 17, 18, 17, 12, 6)
_REACHED = [0.0, *(part / sum(_BUSY) for part in accumulate(_BUSY))]
_HOUR = timedelta(hours=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=TOKYO)


def moments(start: datetime, end: datetime, count: int) -> Iterator[datetime]:
    """`count` moments from `start` to `end` (exclusive), in order, denser when the shop is busy."""
    first, last = _busyness(start), _busyness(end)
    for number in range(count):
        yield max(start, _moment(first + (last - first) * number / count)).astimezone(start.tzinfo)


def _busyness(moment: datetime) -> float:
    """Days since 2000, whose hours are as long as they are busy."""
    days, within = divmod(moment - _EPOCH, timedelta(days=1))
    hour, rest = divmod(within, _HOUR)
    return days + _REACHED[hour] + (_REACHED[hour + 1] - _REACHED[hour]) * (rest / _HOUR)


def _moment(busyness: float) -> datetime:
    days, within = divmod(busyness, 1)
    hour = min(bisect_right(_REACHED, within) - 1, 23)
    rest = (within - _REACHED[hour]) / (_REACHED[hour + 1] - _REACHED[hour])
    return _EPOCH + timedelta(days=days) + _HOUR * (hour + rest)
