"""The port of the log: append a batch, read from a position, know the ends, know which log it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, overload
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


@dataclass(slots=True, eq=False)
class Records(Sequence[Record]):
    """Records of one partition in offset order, column by column: that is how the fold takes them, and as
    many tuples would be work for the garbage collector. Equal to any sequence of equal records."""

    offsets: list[int] = field(default_factory=list)
    recorded_at: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    reached: int = 0
    """Where offsets may hold no record: below this one nothing more will come. 0 says nothing."""

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Records: ...
    def __getitem__(self, at: int | slice) -> Record | Records:
        if isinstance(at, slice):
            return Records(self.offsets[at], self.recorded_at[at], self.keys[at], self.values[at])
        return Record(self.offsets[at], self.recorded_at[at], self.keys[at], self.values[at])

    def __iter__(self) -> Iterator[Record]:
        return map(Record, self.offsets, self.recorded_at, self.keys, self.values)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    def append(self, offset: int, recorded_at: int, key: bytes, value: bytes) -> None:
        self.offsets.append(offset)
        self.recorded_at.append(recorded_at)
        self.keys.append(key)
        self.values.append(value)

    def extend(self, more: Records) -> None:
        """Those behind."""
        self.offsets += more.offsets
        self.recorded_at += more.recorded_at
        self.keys += more.keys
        self.values += more.values


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
        """Append all records, or none (in Kafka, when it fails, perhaps some). The future is done when they
        are durable: a crash after that loses none of them. It fails with `LogUnavailable` when the log cannot
        take them now; then it is unknown whether they were kept, and a retry may keep them twice. It fails
        with `CorruptRecord` when the log's end is damaged. Raises ValueError for an unknown topic, or a
        record above `partitioner.MAX_RECORD_BYTES`. Never blocks on the disk. A future cancelled before its
        turn comes is not appended. The result names each record's partition."""
        ...

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        """At most `limit` records with offset >= `start`, in offset order. Only none means that there are
        none yet: of large records fewer come at a time. Never waits for records. Offsets may have holes;
        `reached` tells of one at the end. Raises `LogGap` when `start` lies below the lowest offset kept,
        `CorruptRecord` when a record does not match its checksum, `LogUnavailable` when it cannot read,
        ValueError for a partition that the log does not have."""
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
