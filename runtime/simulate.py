"""The simulator's drive: how many touchpoints of the shop are sent, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from .shop import Shop
from .targets import Target

LARGEST = 500
"""Touchpoints in one request, at most."""

TICK = 0.05
"""Seconds between two sends at most, so that a slow stream is steady."""


@dataclass
class Sent:
    """What became of the touchpoints: `refused` are those that the node kept as failed events."""

    touchpoints: int = 0
    refused: int = 0


def drive(
    shop: Shop,
    moments: Iterator[datetime],
    target: Target,
    *,
    rate: float,
    seconds: float | None = None,
    progress: Callable[[Sent], None] = lambda sent: None,
) -> Sent:
    """Send one touchpoint for each moment, `rate` a second (0: as fast as the target takes them), until the
    moments or the `seconds` are over."""
    sent = Sent()
    began = time.monotonic()
    while seconds is None or time.monotonic() - began < seconds:
        elapsed = time.monotonic() - began
        due = LARGEST if rate == 0 else min(LARGEST, int(elapsed * rate) + 1 - sent.touchpoints)
        if due > 0:
            touchpoints = [shop.next(moment) for moment in islice(moments, due)]
            if not touchpoints:
                break
            sent.refused += target.send(touchpoints)
            sent.touchpoints += len(touchpoints)
            progress(sent)
        else:
            time.sleep(min(TICK, sent.touchpoints / rate - elapsed))  # nothing is due: more than 0
    return sent
