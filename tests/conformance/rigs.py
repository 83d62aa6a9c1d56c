"""The adapters that the suite runs over, and the little that differs between them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

from kafka import TopicPartition as KafkaTopicPartition

from kizuna.eventlog import topics
from kizuna.eventlog.archive import archived_files
from kizuna.eventlog.archiving import Span, archive
from kizuna.eventlog.kafka import KafkaLog
from kizuna.eventlog.kafka_place import KafkaPlace, parse
from kizuna.eventlog.kafka_topics import control, describe, ensure
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.months import Month
from kizuna.eventlog.port import EventLog, LogIdentity, Records, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.eventlog.wrapped import WrappedLog
from tests.broker import broker

MONTH = Month(2026, 9)
"""What the files are named by; the suite does not ask what their records' months are."""

LOG_ID = UUID("3f0e0d3c-6a0b-4a7e-9d53-1f5b8a2c9e10")


class SettableClock:
    """Microseconds since 1970; stands still unless told."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000_000

    def __call__(self) -> int:
        return self.now


class Rig(Protocol):
    """One adapter: how a test gets a log of it and does to it what the port has no method for."""

    clock: SettableClock
    has_a_clock: bool
    """Whether the log takes its time from `clock`."""

    def open(self, partitions: int = 1) -> EventLog:
        """A new, empty log."""
        ...

    def reopened(self, log: EventLog) -> EventLog:
        """The same log as a new process finds it; `log` itself where nothing outlives the process."""
        ...

    def forget(self, log: EventLog, lane: TopicPartition, first: int) -> None:
        """Drop every record below `first`."""
        ...

    def close(self) -> None:
        """Close every log that was opened."""
        ...


class MemoryRig:
    has_a_clock = True

    def __init__(self, _: Path) -> None:
        self.clock = SettableClock()
        self._logs: list[EventLog] = []

    def open(self, partitions: int = 1) -> EventLog:
        log = MemoryLog(partitions, clock=self.clock, identity=LogIdentity(LOG_ID, 0))
        self._logs.append(log)
        return log

    def reopened(self, log: EventLog) -> EventLog:
        return log

    def forget(self, log: EventLog, lane: TopicPartition, first: int) -> None:
        assert isinstance(log, MemoryLog)
        log.forget(*lane, first)

    def close(self) -> None:
        for log in self._logs:
            log.close()


class SqliteRig:
    has_a_clock = True

    def __init__(self, folder: Path) -> None:
        self.clock = SettableClock()
        self._folder = folder
        self._paths: dict[EventLog, Path] = {}

    def open(self, partitions: int = 1) -> EventLog:
        return self._open(self._folder / f"{len(self._paths)}.sqlite", partitions)

    def reopened(self, log: EventLog) -> EventLog:
        log.close()
        return self._open(self._paths[log])

    def forget(self, log: EventLog, lane: TopicPartition, first: int) -> None:
        with closing(sqlite3.connect(self._paths[log])) as connection, connection:
            connection.execute(f'DELETE FROM "{lane.topic}/{lane.partition}" WHERE "offset" < ?', (first,))
            where = "topic = ? AND partition = ?"
            connection.execute(f"UPDATE partitions SET first = ? WHERE {where}", (first, *lane))

    def _open(self, path: Path, partitions: int = 1) -> EventLog:
        log = SqliteLog(path, clock=self.clock, new_id=lambda: LOG_ID, partitions=partitions)
        self._paths[log] = path
        return log

    def close(self) -> None:
        for log in self._paths:
            log.close()


class ArchivingLog(WrappedLog):
    """An SQLite log of which a part is archived before every read: half of what is left in its own file, in
    up to three files."""

    def __init__(self, path: Path, log: SqliteLog) -> None:
        super().__init__(log)
        self._path = path
        self._sqlite = log

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        if (lane := TopicPartition(topic, partition)) in self._log.bounds():
            self._archive(lane)
        return self._log.read(topic, partition, start, limit)

    def _archive(self, lane: TopicPartition) -> None:
        first, end = self._log.bounds()[lane]
        first = max([first, *(file.end for file in archived_files(self._path) if file.lane == lane)])
        until = first + (end - first) // 2
        step = max((until - first) // 3, 1)
        spans = [Span(lane, MONTH, start, min(start + step, until)) for start in range(first, until, step)]
        if spans:
            archive(self._sqlite, self._path, spans)


class ArchivedRig(SqliteRig):
    """The same file, part of which lies in others."""

    def open(self, partitions: int = 1) -> EventLog:
        folder = self._folder / f"{len(self._paths)}"
        folder.mkdir()
        return self._open(folder / "log.sqlite", partitions)

    def _open(self, path: Path, partitions: int = 1) -> EventLog:
        made = SqliteLog(path, clock=self.clock, new_id=lambda: LOG_ID, partitions=partitions)
        log = ArchivingLog(path, made)
        self._paths[log] = path
        return log


class KafkaRig:
    """Topics of their own for each log, in the broker that the tests share."""

    has_a_clock = False

    def __init__(self, folder: Path) -> None:
        self.clock = SettableClock()
        self._folder = folder
        self._places: dict[EventLog, KafkaPlace] = {}

    def open(self, partitions: int = 1) -> EventLog:
        place = parse(f"kafka://{broker().addresses}/{uuid4()}")
        ensure(place, dict.fromkeys(topics.ALL, partitions))
        return self._open(place)

    def reopened(self, log: EventLog) -> EventLog:
        log.close()
        return self._open(self._places[log])

    def forget(self, log: EventLog, lane: TopicPartition, first: int) -> None:
        place = self._places[log]
        with control(place) as client:
            client.delete_records({KafkaTopicPartition(place.topic(lane.topic), lane.partition): first})

    def _open(self, place: KafkaPlace) -> EventLog:
        log = KafkaLog(place, describe(place))
        self._places[log] = place
        return log

    def close(self) -> None:
        for log in self._places:
            log.close()


ADAPTERS: dict[str, Callable[[Path], Rig]] = {
    "memory": MemoryRig,
    "sqlite": SqliteRig,
    "archived": ArchivedRig,
    "kafka": KafkaRig,
}
