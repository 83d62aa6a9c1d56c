"""Patience: how long a connection, or a body, may take; one timer for any number of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Patience(Generic[T]):
    """Calls `over` with what was begun and not ended within `seconds`; late by at most `step` seconds. As all
    of them have the same time, the one begun first is over first: looking costs nothing while nothing is."""

    def __init__(self, seconds: float, over: Callable[[T], None], *, step: float | None = None) -> None:
        self._seconds = seconds
        self._over = over
        self._step = step or min(1.0, seconds / 10)
        self._since: OrderedDict[T, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._since)

    def begin(self, what: T, loop: asyncio.AbstractEventLoop) -> None:
        """Its time begins now, or anew."""
        self._since[what] = loop.time()
        self._since.move_to_end(what)
        if self._timer is None:
            self._timer = loop.call_later(self._step, self._look, loop)

    def end(self, what: T) -> None:
        """It is done, or never began."""
        self._since.pop(what, None)

    def first(self) -> T | None:
        """What was begun first; None when there is nothing."""
        return next(iter(self._since), None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        begun = loop.time() - self._seconds
        while self._since:
            what, since = next(iter(self._since.items()))
            if since > begun:
                break
            del self._since[what]
            self._over(what)
        self._timer = loop.call_later(self._step, self._look, loop) if self._since else None
