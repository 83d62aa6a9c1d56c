"""What would keep an event loop busy for too long is done aside, in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 2


class Aside:
    """Runs calls in a few threads. What waits for one is bounded by whoever calls: here by the bytes of all
    bodies in hand."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "aside")

    async def __call__(self, call: Callable[[], T]) -> T:
        """The result; raises what the call raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)
