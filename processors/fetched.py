"""A log whose newest records are brought by somebody else: the consumer group that Faust keeps."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from kizuna.eventlog.changes import Changes
from kizuna.eventlog.port import EventLog, Records, TopicPartition
from kizuna.eventlog.wrapped import WrappedLog

HELD_BYTES = 128 << 20
WAIT_SECONDS = 0.2
"""For a record that the log has and that was not brought yet; then it is read from the log itself."""


class _Lane:
    """What was brought of one partition and not read yet: all records from `begin` to `end`, in order."""

    def __init__(self, begin: int) -> None:
        self.begin = self.end = begin
        self.held: deque[Records] = deque()


class Fetched(WrappedLog):
    """For one reader, who goes through the log once. Reads from what was brought where that has the offset
    asked for, else from the log: so every record is there, whoever brings it. What was read is let go of.

    Every method may be called from any thread; `bring` is for one."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._bytes = 0
        self._brought = 0
        self._arrival = threading.Condition()
        self._changes = Changes(lambda: self._brought)

    @property
    def full(self) -> bool:
        """Whether no more should be brought before some was read."""
        return self._bytes > HELD_BYTES

    def expect(self, starts: Mapping[TopicPartition, int]) -> None:
        """From now on records will be brought, from these offsets on."""
        with self._arrival:
            self._lanes = {lane: _Lane(start) for lane, start in starts.items()}
            self._bytes = 0

    def end(self, lane: TopicPartition) -> int:
        """The offset from which on the partition is to be brought."""
        with self._arrival:
            return self._lanes.setdefault(lane, _Lane(0)).end

    def bring(self, lane: TopicPartition, records: Records) -> None:
        """The records that follow what was brought before; earlier ones are dropped. Where some may have been
        passed over, what was held is let go of: the log says whether there are any."""
        with self._arrival:
            its = self._lanes.setdefault(lane, _Lane(0))
            if not records or records.offsets[0] < its.end:
                return
            if records.offsets[0] > its.end:
                self._bytes -= sum(sum(map(len, held.values)) for held in its.held)
                its.held.clear()
                its.begin = records.offsets[0]
            its.held.append(records)
            its.end = records.offsets[-1] + 1
            self._bytes += sum(map(len, records.values))
            self._brought += len(records)
            self._arrival.notify_all()
        self._changes.announce()

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        lane = TopicPartition(topic, partition)
        with self._arrival:
            its = self._lanes.get(lane)
            if (
                its is not None
                and its.begin <= start
                and self._arrival.wait_for(lambda: its.end > start, WAIT_SECONDS)
            ):
                self._skip(its, start)
                return self._taken(its, limit)
            behind = its.begin - start if its is not None else 0
        return self._log.read(topic, partition, start, min(limit, behind) if behind > 0 else limit)

    def wait(self, timeout: float) -> None:
        self._changes.wait(timeout)

    def close(self) -> None:
        self._changes.close()
        super().close()

    def _skip(self, its: _Lane, start: int) -> None:
        """Let go of what lies below `start`."""
        while its.held and its.held[0].offsets[0] < start:
            first = its.held.popleft()
            left = first[sum(offset < start for offset in first.offsets) :]
            self._bytes -= sum(map(len, first.values)) - sum(map(len, left.values))
            if left:
                its.held.appendleft(left)

    def _taken(self, its: _Lane, limit: int) -> Records:
        taken = Records()
        while its.held and len(taken) < limit:
            first = its.held.popleft()
            room = limit - len(taken)
            taken.extend(first[:room])
            if len(first) > room:
                its.held.appendleft(first[room:])
        self._bytes -= sum(map(len, taken.values))
        its.begin = its.held[0].offsets[0] if its.held else its.end
        return taken
