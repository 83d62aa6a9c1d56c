"""Puts the records of many requests into the log together: one append for all that arrive in a turn of the
event loop, and one wake-up when it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

from kizuna.eventlog.port import EventLog, NewRecord, TopicPartition

FLUSH_BYTES = 4 << 20


class _Group:
    """Records that go together, and who waits for them."""

    def __init__(self) -> None:
        self.records: dict[str, list[NewRecord]] = {}
        self.size = 0
        self.waiters: list[asyncio.Future[None]] = []
        self.open = 0
        self.error: BaseException | None = None


class Appender:
    """Belongs to one event loop."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._group: _Group | None = None

    def append(self, records: Sequence[tuple[str, Sequence[NewRecord]]]) -> asyncio.Future[None]:
        """Done when the records, by topic, are durable. Fails with LogUnavailable when the log cannot take
        them."""
        loop = asyncio.get_running_loop()
        group = self._group
        if group is None:
            group = self._group = _Group()
            loop.call_soon(self._flush, group, loop)
        for topic, some in records:
            group.records.setdefault(topic, []).extend(some)
            group.size += sum([len(record.value) for record in some])
        waiter: asyncio.Future[None] = loop.create_future()
        group.waiters.append(waiter)
        if group.size > FLUSH_BYTES:
            self._flush(group, loop)
        return waiter

    def _flush(self, group: _Group, loop: asyncio.AbstractEventLoop) -> None:
        if self._group is not group:
            return  # went off already, because it was large
        self._group = None
        group.open = len(group.records)
        for topic, records in group.records.items():
            try:
                future = self._log.append(topic, records)
            except Exception as error:
                future = Future()
                future.set_exception(error)
            future.add_done_callback(lambda done: loop.call_soon_threadsafe(_settle, group, done))


def _settle(group: _Group, done: Future[list[TopicPartition]]) -> None:
    group.open -= 1
    group.error = group.error or done.exception()
    if group.open:
        return
    for waiter in group.waiters:
        if waiter.done():
            continue  # its request was cancelled
        if group.error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(group.error)
