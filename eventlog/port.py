"""The port of the log: append a batch, read from a position, know the ends, know which log it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID


class NewRecord(NamedTuple):
    """What is appended. `key` chooses the partition; equal keys keep their order."""

    key: bytes
    value: bytes


class Record(NamedTuple):
    """What is read. `recorded_at` is the log's own append time in microseconds since 1970, UTC; within a
    partition it never decreases."""

    offset: int
    recorded_at: int
    key: bytes
    value: bytes


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Bounds(NamedTuple):
    """`first` is the lowest offset still kept, `end` the offset that the next record will get."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Which log this is: its own id and its generation. A store folded from another one must not go on."""

    log_id: UUID
    generation: int


class EventLog(Protocol):
    """An append-only log of records in topics and partitions. Every method may be called from any thread."""

    @property
    def identity(self) -> LogIdentity: ...

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        """Append all records, or none. The future is done when they are durable: a crash after that
        loses none of them. It fails with `LogUnavailable` when the log cannot take them now; then it is
        unknown whether they were kept, and a retry may keep them twice. It fails with `CorruptRecord` when
        the log's end is damaged. Raises ValueError for an unknown topic, or a record above
        `partitioner.MAX_RECORD_BYTES`. Never blocks on the disk. A future cancelled before its turn comes is
        not appended. The result names each record's partition."""
        ...

    def read(self, topic: str, partition: int, start: int, limit: int) -> list[Record]:
        """At most `limit` records with offset >= `start`, in offset order. Only none means the end: of large
        records fewer come at a time. Never waits for records. Offsets may have holes. Raises `LogGap` when
        `start` lies below the lowest offset kept, `CorruptRecord` when a record does not match its checksum,
        `LogUnavailable` when it cannot read, ValueError for a partition that the log does not have."""
        ...

    def bounds(self) -> dict[TopicPartition, Bounds]:
        """Bounds of every partition of every topic. All that was durable before the call is counted."""
        ...

    def wait(self, timeout: float) -> None:
        """Return when something may have been appended since this thread's last call, by this process at
        once, by another soon (SQLite: 50 ms), else after `timeout` seconds. A thread's first call, and any
        call on a closed log, returns at once."""
        ...

    def close(self) -> None:
        """Finish what `append` was given, then let go of everything. Safe to call twice."""
        ...
