"""Ends what takes too long, for any number of tasks with one timer: a timer of its own for each request costs
more than receiving it."""

from __future__ import annotations

import asyncio
from types import TracebackType

_CHECKS = 10
"""How often in the time allowed the clock is looked at: that exact the end is."""


class Deadline:
    """`with deadline:` around what a task awaits raises TimeoutError there after `seconds`. Belongs to one
    event loop; a task is in it once at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._until[current()] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / _CHECKS, self._check, loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = current()
        del self._until[task]
        if task in self._late:
            self._late.discard(task)
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def cut(self, task: asyncio.Task[object]) -> None:
        """The task's time is up now."""
        if task in self._until and task not in self._late:
            self._late.add(task)
            task.cancel()

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, until in self._until.items():
            if until <= now:
                self.cut(task)
        self._timer = loop.call_later(self._seconds / _CHECKS, self._check, loop) if self._until else None


def current() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task
