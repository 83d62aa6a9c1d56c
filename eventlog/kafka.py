"""The log in Kafka: topics of a cluster, written by an idempotent producer, read without a group."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from . import kafka_topics
from .changes import Changes
from .faults import closed, gap
from .kafka_place import KafkaPlace
from .kafka_reader import Below, KafkaReaders
from .kafka_topics import Described
from .kafka_writer import KafkaWriter
from .partitioner import Partitioner
from .port import Bounds, LogIdentity, NewRecord, Records, TopicPartition

logger = logging.getLogger(__name__)

_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

TIMEOUT_SECONDS = 10.0
LOOK_SECONDS = 10.0
"""How often it is looked whether a topic has more partitions."""


class KafkaLog:
    """The log whose topics `kafka_topics.ensure` described.

    The adapter's share of the promises: an append is not one transaction, so one that fails may have kept
    some of its records; offsets have holes where a transaction of somebody else ended or was aborted; of a
    topic that gets more partitions all are read, and new records go to all.
    """

    def __init__(self, place: KafkaPlace, described: Described, *, delivery_seconds: float = 10.0) -> None:
        self._place = place
        self._identity = LogIdentity(described.log_id, 0)
        self._writer = KafkaWriter(place, delivery_seconds=delivery_seconds)
        self._readers = KafkaReaders(place)
        self._admin = AdminClient(place.client())
        self._partitioner = Partitioner({name: its.partitions for name, its in described.topics.items()})
        self._looked = time.monotonic()
        self._ends: dict[TopicPartition, int] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._changes = Changes(self._sum_of_ends)

    @property
    def identity(self) -> LogIdentity:
        return self._identity

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        lanes = self._partitioner.assign(topic, records)
        future = self._writer.append(lanes, records)
        future.add_done_callback(lambda _: self._changes.announce())
        return future

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        lane = self._partitioner.lane(topic, partition)
        self._ensure_open()
        end = self._ends.get(lane, 0)
        if start >= end:
            end = self._ends[lane] = self._offsets([lane], _LATEST)[lane]
        try:
            return self._readers.read(lane, start, limit, end)
        except Below:
            first = self._offsets([lane], _EARLIEST)[lane]
            raise gap(lane, start, first) from None

    def bounds(self) -> dict[TopicPartition, Bounds]:
        self._ensure_open()
        self._look()
        lanes = self._partitioner.partitions
        first = self._offsets(lanes, _EARLIEST)
        self._ends = self._offsets(lanes, _LATEST)
        return {lane: Bounds(first[lane], self._ends[lane]) for lane in lanes}

    def wait(self, timeout: float) -> None:
        self._changes.wait(timeout)

    def close(self) -> None:
        with self._lock:
            was, self._closed = self._closed, True
        if not was:
            self._writer.close()
            self._readers.close()
            self._changes.close()

    def _offsets(self, lanes: Sequence[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        try:
            try:
                return self._told(lanes, spec)
            except KafkaException:
                # What it knows of the cluster may be out of date: a broker that came back, a new partition.
                self._admin.list_topics(timeout=TIMEOUT_SECONDS)
                return self._told(lanes, spec)
        except KafkaException as error:
            raise kafka_topics.unreachable(self._place, error) from error

    def _told(self, lanes: Sequence[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        asked = {KafkaPartition(self._place.topic(lane.topic), lane.partition): lane for lane in lanes}
        told = self._admin.list_offsets(
            dict.fromkeys(asked, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=TIMEOUT_SECONDS,
        )
        return {lane: told[partition].result().offset for partition, lane in asked.items()}

    def _look(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            counts = self._writer.partitions(TIMEOUT_SECONDS)
        except KafkaException as error:
            raise kafka_topics.unreachable(self._place, error) from error
        if sum(counts.values()) > len(self._partitioner.partitions):
            logger.info("the topics have more partitions than before: %s", counts)
            self._partitioner = Partitioner(counts)

    def _sum_of_ends(self) -> int:
        return sum(self._offsets(self._partitioner.partitions, _LATEST).values())

    def _ensure_open(self) -> None:
        if self._closed:
            raise closed()
