"""One call in a thread for all who ask while they wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """However many ask, `call` runs once at a time, and each gets the result of a call that began after it
    asked. So a thousand strangers take one thread, and delay nobody else. Belongs to one event loop."""

    def __init__(self, call: Callable[[], T], name: str) -> None:
        self._call = call
        self._thread = ThreadPoolExecutor(1, name)
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """The result; raises what the call raises."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._round(self._running))
        return await asyncio.shield(self._next)

    async def _round(self, before: asyncio.Task[T] | None) -> T:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._call)
