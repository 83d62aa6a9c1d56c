"""Waits, for any number of requests with one thread, until what they appended is folded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from kizuna.eventlog.port import EventLog
from kizuna.processors.projector import Projector
from kizuna.schemas.errors import LogUnavailable

from .problem import retry_later


class Folded:
    """Belongs to one event loop."""

    def __init__(self, log: EventLog, projector: Projector, most: int) -> None:
        self._log = log
        self._most = most
        self._count = 0
        self._projector = projector
        self._thread = ThreadPoolExecutor(1, "folded")
        self._waiting: list[tuple[float, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place to wait at, for who is about to append. Raises Problem (503) when all are taken: asked
        after the append it would come too late."""
        if self._count >= self._most:
            raise retry_later("overloaded", "Too many requests wait for the fold already.")
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    async def wait(self, seconds: float) -> bool:
        """Whether all that was durable before the call was folded within so many seconds."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((loop.time() + seconds, waiter))
        if self._task is None:
            self._task = loop.create_task(self._rounds(loop))
        done, _ = await asyncio.wait([waiter], timeout=seconds)
        return bool(done) and waiter.result()

    async def _rounds(self, loop: asyncio.AbstractEventLoop) -> None:
        """Each round waits for the log's present end, which covers everybody who waits by then."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            seconds = max(deadline for deadline, _ in waiting) - loop.time()
            folded = seconds > 0 and await loop.run_in_executor(self._thread, self._wait, seconds)
            for _, waiter in waiting:
                if not waiter.done():
                    waiter.set_result(folded)
        self._task = None

    def _wait(self, seconds: float) -> bool:
        try:
            return self._projector.wait_folded(self._log.bounds(), seconds)
        except LogUnavailable:
            return False
