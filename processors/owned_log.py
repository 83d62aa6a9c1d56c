"""The log as a store may use it: its owner appends, a replica only reads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from kizuna.eventlog.port import EventLog, NewRecord, TopicPartition
from kizuna.eventlog.wrapped import WrappedLog
from kizuna.schemas.errors import LogUnavailable

from .ownership import Ownership


class OwnedLog(WrappedLog):
    """Appends of a replica fail with LogUnavailable: whoever sends keeps what he has, and tries again."""

    def __init__(self, log: EventLog, ownership: Ownership) -> None:
        super().__init__(log)
        self._ownership = ownership

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        if self._ownership.mine:
            return self._log.append(topic, records)
        refused: Future[list[TopicPartition]] = Future()
        refused.set_exception(
            LogUnavailable(
                "This store is a replica, of data that was restored or copied: it takes nothing in.",
                hint="`kizuna promote` makes it the owner, once the other one is stopped.",
            )
        )
        return refused
