"""A log in memory, for tests: the promises of the port, except that nothing outlives the process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from . import topics
from .changes import Changes
from .faults import closed, gap
from .partitioner import Partitioner
from .port import Bounds, LogIdentity, NewRecord, Records, TopicPartition


class MemoryLog:
    """`partitions` is a number for every topic, or one by topic (1 where none is given). `clock` gives
    microseconds since 1970."""

    def __init__(
        self,
        partitions: Mapping[str, int] | int = 1,
        *,
        clock: Callable[[], int],
        identity: LogIdentity,
    ) -> None:
        counts = dict.fromkeys(topics.ALL, partitions if isinstance(partitions, int) else 1)
        self._partitioner = Partitioner(counts if isinstance(partitions, int) else counts | dict(partitions))
        self._clock = clock
        self._identity = identity
        self._kept: dict[TopicPartition, Records] = {lane: Records() for lane in self._partitioner.partitions}
        self._first: Counter[TopicPartition] = Counter()
        self._appends = 0
        self._lock = threading.Lock()
        self._changes = Changes(lambda: self._appends)
        self._closed = False

    @property
    def identity(self) -> LogIdentity:
        return self._identity

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        lanes = self._partitioner.assign(topic, records)
        future: Future[list[TopicPartition]] = Future()
        with self._lock:
            if self._closed:
                future.set_exception(closed())
                return future
            now = self._clock()
            for lane, (key, value) in zip(lanes, records, strict=True):
                kept = self._kept[lane]
                recorded_at = max(now, kept.recorded_at[-1]) if kept else now
                kept.append(self._first[lane] + len(kept), recorded_at, key, value)
            self._appends += 1
        future.set_result(lanes)
        self._changes.announce()
        return future

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        lane = self._partitioner.lane(topic, partition)
        with self._lock:
            self._ensure_open()
            first = self._first[lane]
            if start < first:
                raise gap(lane, start, first)
            return self._kept[lane][start - first : start - first + limit]

    def bounds(self) -> dict[TopicPartition, Bounds]:
        with self._lock:
            self._ensure_open()
            return {
                lane: Bounds(self._first[lane], self._first[lane] + len(kept))
                for lane, kept in self._kept.items()
            }

    def wait(self, timeout: float) -> None:
        self._changes.wait(timeout)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._changes.close()

    def forget(self, topic: str, partition: int, first: int) -> None:
        """Drop every record below `first`, as a retention would."""
        lane = self._partitioner.lane(topic, partition)
        with self._lock:
            self._kept[lane] = self._kept[lane][first - self._first[lane] :]
            self._first[lane] = first

    def _ensure_open(self) -> None:
        if self._closed:
            raise closed()
