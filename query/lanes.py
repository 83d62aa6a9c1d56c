"""Lanes: how many requests are answered at once, so that whoever asks much delays nobody else."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """No place is left. `by_asker` says that this asker alone took what one may have."""

    def __init__(self, *, by_asker: bool) -> None:
        super().__init__("no place is left")
        self.by_asker = by_asker


class Lanes:
    """At most `running` requests at once, `each` of one asker; others wait in the order they came, but nobody
    behind an asker who has his share already. At most `waiting` wait, of one asker at most a quarter of them.
    Belongs to one event loop."""

    def __init__(self, *, running: int, each: int, waiting: int) -> None:
        self._most = running
        self._each = each
        self._most_waiting = waiting
        self._running: Counter[str] = Counter()
        self._queue: OrderedDict[asyncio.Future[None], str] = OrderedDict()
        self._queued: Counter[str] = Counter()

    @asynccontextmanager
    async def take(self, asker: str) -> AsyncIterator[None]:
        """A place for the asker, waited for. Raises Full."""
        if self._free(asker):
            self._running[asker] += 1
        else:
            await self._wait(asker)
        try:
            yield
        finally:
            self._leave(asker)

    def _free(self, asker: str) -> bool:
        return self._running.total() < self._most and self._running[asker] < self._each

    async def _wait(self, asker: str) -> None:
        if self._queued[asker] >= self._most_waiting // 4:
            raise Full(by_asker=True)
        if len(self._queue) >= self._most_waiting:
            raise Full(by_asker=False)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[turn] = asker
        self._queued[asker] += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(asker)  # it was let in, and went away at that moment
            raise
        finally:
            if self._queue.pop(turn, None) is not None:
                _less(self._queued, asker)

    def _leave(self, asker: str) -> None:
        _less(self._running, asker)
        for turn, waits in self._queue.items():
            if not turn.done() and self._free(waits):
                self._running[waits] += 1
                del self._queue[turn]
                _less(self._queued, waits)
                turn.set_result(None)
                return


def _less(counter: Counter[str], asker: str) -> None:
    counter[asker] -= 1
    if not counter[asker]:
        del counter[asker]
