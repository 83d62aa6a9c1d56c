"""A log that does as another one does: the base of those that differ in a method or two."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from .port import Bounds, EventLog, LogIdentity, NewRecord, Records, TopicPartition


class WrappedLog:
    """Hands everything on."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @property
    def identity(self) -> LogIdentity:
        return self._log.identity

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        return self._log.append(topic, records)

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        return self._log.read(topic, partition, start, limit)

    def bounds(self) -> dict[TopicPartition, Bounds]:
        return self._log.bounds()

    def wait(self, timeout: float) -> None:
        self._log.wait(timeout)

    def close(self) -> None:
        self._log.close()
