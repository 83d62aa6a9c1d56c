"""Reading ahead: while one batch is folded the next one is read and decoded, on another thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from kizuna.eventlog.port import TopicPartition
from kizuna.projections.batch import Batch

from .reader import Reading, Stand

Read = Callable[[Mapping[TopicPartition, Stand]], Reading]
Decode = Callable[[Batch], str | None]


class Ready(NamedTuple):
    """A reading, and the table that its touchpoints were decoded into."""

    reading: Reading
    decoded: str | None


class ReadAhead:
    """`take` is for one thread. What was read ahead follows the batch that was taken last: `forget` it when
    the next one is to start anywhere else."""

    def __init__(self, read: Read, decode: Decode) -> None:
        self._read = read
        self._decode = decode
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._next: Future[Ready] | None = None

    def take(self, stands: Mapping[TopicPartition, Stand]) -> Ready:
        """The batch after `stands`. Raises what reading or decoding it raises."""
        begun, self._next = self._next, None
        ready = self._ready(stands) if begun is None else begun.result()
        if not ready.reading.caught_up:
            self._next = self._thread.submit(self._ready, ready.reading.stands)
        return ready

    def forget(self) -> None:
        """Returns when nothing is being read any more."""
        if self._next is not None:
            self._next.exception()
            self._next = None

    def close(self) -> None:
        self._thread.shutdown()

    def _ready(self, stands: Mapping[TopicPartition, Stand]) -> Ready:
        reading = self._read(stands)
        return Ready(reading, self._decode(reading.batch))
