"""Reads partitions of Kafka from any offset: consumers without a group, kept where they stand."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from kizuna.schemas.errors import LogUnavailable

from .kafka_place import KafkaPlace
from .port import Records, TopicPartition

KEPT = 16
"""Consumers that wait for whoever reads on from where they stand; each holds what it fetched ahead."""

STEP_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
FETCH_KILOBYTES = 1 << 13


class KafkaReaders:
    """Every method may be called from any thread."""

    def __init__(self, place: KafkaPlace) -> None:
        self._place = place
        self._idle: OrderedDict[_Tap, None] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, lane: TopicPartition, start: int, limit: int, end: int) -> Records:
        """At most `limit` records from `start` on; of those below `end`, up to which no transaction is open,
        at least one, unless there is none. Raises LogUnavailable; Below where `start` is no longer kept."""
        tap = self._take(lane, start)
        try:
            records = tap.read(start, limit, end)
        except BaseException:
            tap.close()
            raise
        if tap.next < end:
            self._put_back(tap)  # who catches up goes on from here
        else:
            tap.close()
        return records

    def close(self) -> None:
        with self._lock:
            taps, self._idle = list(self._idle), OrderedDict()
        for tap in taps:
            tap.close()

    def _take(self, lane: TopicPartition, start: int) -> _Tap:
        with self._lock:
            of_lane = [tap for tap in self._idle if tap.lane == lane]
            if of_lane:
                tap = next((one for one in of_lane if one.next == start), of_lane[0])
                del self._idle[tap]
                return tap
        return _Tap(self._place, lane)

    def _put_back(self, tap: _Tap) -> None:
        with self._lock:
            self._idle[tap] = None
            beyond = self._idle.popitem(last=False)[0] if len(self._idle) > KEPT else None
        if beyond is not None:
            beyond.close()


class Below(Exception):
    """The offset is below the lowest that is kept."""


class _Tap:
    """A consumer of one lane. `next` is the offset that comes next."""

    def __init__(self, place: KafkaPlace, lane: TopicPartition) -> None:
        self.lane = lane
        self.next = -1
        self._topic = place.topic(lane.topic)
        self._consumer = Consumer(
            {
                **place.client(),
                "group.id": "kizuna-reader",  # it joins none: partitions are assigned, nothing is committed
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.message.max.bytes": 4 << 20,
                "queued.max.messages.kbytes": FETCH_KILOBYTES,
                "check.crcs": True,
            }
        )

    def read(self, start: int, limit: int, end: int) -> Records:
        if self.next != start:
            self._consumer.assign([KafkaPartition(self._topic, self.lane.partition, start)])
            self.next = start
        records = Records()
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            while self.next < end and len(records) < limit:
                wanted = min(limit - len(records), end - self.next)
                messages = self._consumer.consume(wanted, STEP_SECONDS)
                for message in messages:
                    error = message.error()
                    if error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET:
                        raise Below
                    offset = message.offset()
                    assert offset is not None  # this one was fetched
                    if error is None:
                        self.next = offset + 1
                        records.append(
                            offset,
                            message.timestamp()[1] * 1_000,
                            message.key() or b"",
                            message.value() or b"",
                        )
                    elif error.code() == KafkaError._PARTITION_EOF:
                        self.next = max(self.next, offset)
                    else:
                        raise LogUnavailable(
                            f"Kafka cannot be read: {error.str()}.", hint="It is tried again."
                        )
                if len(messages) < wanted and records:
                    break
                if time.monotonic() > until:
                    raise LogUnavailable(
                        f"Kafka gave nothing of {self._topic}/{self.lane.partition} in "
                        f"{PATIENCE_SECONDS:.0f} seconds.",
                        hint="It is tried again.",
                    )
        except KafkaException as error:
            raise LogUnavailable(
                f"Kafka cannot be read: {error.args[0].str()}.", hint="It is tried again."
            ) from error
        records.reached = self.next
        return records

    def close(self) -> None:
        self._consumer.close()
