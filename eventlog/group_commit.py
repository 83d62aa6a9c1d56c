"""Group commit: one thread writes, and whatever waits for it goes into one transaction."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from . import metrics
from .faults import closed, overloaded
from .port import NewRecord, TopicPartition

MAX_GROUP_BYTES = 8_000_000
"""A transaction takes no further append above this size, so that none waits long for a slow disk."""

MAX_QUEUED_BYTES = 64_000_000
"""What may wait for the disk before further appends are refused."""

_RECORD_BYTES = 64  # what a record costs besides its key and value
_STEP_SECONDS = 0.0001


class Append(NamedTuple):
    """One call of `append`: its records, the partition of each, the promise to keep, and when it came, by
    `time.perf_counter`."""

    lanes: list[TopicPartition]
    records: Sequence[NewRecord]
    size: int
    future: Future[list[TopicPartition]]
    came: float


class GroupCommit:
    """Gathers appends and hands them, in order, to `commit`, which keeps all of a group or raises.

    While one group is on its way to the disk the next one gathers. Where several callers wait at once, those
    just answered mostly come back within moments: the thread then waits for as many as were there before, for
    at most half of what the last commit took and at most `pause_ms` milliseconds. A lone caller never waits.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Append]], None],
        *,
        committed: Callable[[], None],
        pause_ms: float,
    ) -> None:
        self._commit = commit
        self._committed = committed
        self._pause_seconds = pause_ms / 1e3
        self._queue: deque[Append] = deque()
        self._queued_bytes = 0
        self._closed = False
        self._arrived = threading.Condition(threading.Lock())
        self._expected = 0
        self._last_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(
        self, lanes: list[TopicPartition], records: Sequence[NewRecord]
    ) -> Future[list[TopicPartition]]:
        future: Future[list[TopicPartition]] = Future()
        size = sum([_RECORD_BYTES + len(key) + len(value) for key, value in records])
        with self._arrived:
            if self._closed:
                future.set_exception(closed())
            elif self._queue and self._queued_bytes + size > MAX_QUEUED_BYTES:
                future.set_exception(overloaded())
            else:
                self._queue.append(Append(lanes, tuple(records), size, future, time.perf_counter()))
                self._queued_bytes += size
                self._arrived.notify()
        return future

    def close(self) -> None:
        """Commit what is queued, refuse the rest, and end the thread."""
        with self._arrived:
            self._closed = True
            self._arrived.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._await_first():
            self._gather()
            if group := self._take():
                self._finish(group)

    def _finish(self, group: list[Append]) -> None:
        began = time.perf_counter()
        failure: Exception | None = None
        try:
            self._commit(group)
        except Exception as error:
            failure = error
        ended = time.perf_counter()
        self._last_seconds = ended - began
        self._expected = len(group) + len(self._queue)
        for append in group:
            if failure is None:
                append.future.set_result(append.lanes)
            else:
                append.future.set_exception(failure)
        if failure is None:
            self._committed()
        metrics.COMMIT.observe(ended - began)
        metrics.APPEND.observe(ended - group[0].came)
        if failure is None:
            metrics.RECORDS.inc(sum([len(append.records) for append in group]))
        else:
            metrics.FAILED.inc()

    def _await_first(self) -> bool:
        with self._arrived:
            self._arrived.wait_for(lambda: self._queue or self._closed)
            return bool(self._queue)

    def _gather(self) -> None:
        """Sleeps in steps instead of on the condition: a wake-up an append costs more than it brings."""
        until = time.perf_counter() + min(self._last_seconds / 2, self._pause_seconds)
        while len(self._queue) < self._expected and not self._closed and time.perf_counter() < until:
            time.sleep(_STEP_SECONDS)

    def _take(self) -> list[Append]:
        """The oldest appends that fit into one transaction, without those cancelled meanwhile."""
        group: list[Append] = []
        size = 0
        with self._arrived:
            while self._queue and (not group or size + self._queue[0].size <= MAX_GROUP_BYTES):
                append = self._queue.popleft()
                self._queued_bytes -= append.size
                if append.future.set_running_or_notify_cancel():
                    group.append(append)
                    size += append.size
        return group
