"""The log in Kafka: topics of a cluster, written by an idempotent producer, read without a group."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from kizuna.schemas.errors import ForeignLog, LogUnavailable

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
"""How often it is looked whether a topic has more partitions, or was made anew."""


class KafkaLog:
    """The log whose topics `kafka_topics.ensure` described.

    The adapter's share of the promises: an append is not one transaction, so one that fails may have kept
    some of its records; offsets have holes where a transaction of somebody else ended or was given up, and
    while one is open nothing behind its beginning is read; of a topic that gets more partitions all are read,
    and new records go to all.
    """

    def __init__(self, place: KafkaPlace, described: Described, *, delivery_seconds: float = 10.0) -> None:
        self._place = place
        self._identity = LogIdentity(described.log_id, 0)
        self._writer = KafkaWriter(place, delivery_seconds=delivery_seconds)
        self._readers = KafkaReaders(place)
        self._admin = AdminClient(place.client())
        self._partitioner = Partitioner({name: its.partitions for name, its in described.topics.items()})
        self._looked = time.monotonic()
        self._decided: dict[TopicPartition, int] = {}
        self._topics = described.topics
        self._foreign: ForeignLog | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._changes = Changes(self._sum_of_ends)

    @property
    def identity(self) -> LogIdentity:
        return self._identity

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        lanes = self._partitioner.assign(topic, records)
        if self._foreign is not None:
            refused: Future[list[TopicPartition]] = Future()
            refused.set_exception(LogUnavailable(str(self._foreign)))
            return refused
        future = self._writer.append(lanes, records)
        future.add_done_callback(lambda _: self._changes.announce())
        return future

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        lane = self._partitioner.lane(topic, partition)
        self._ensure_open()
        decided = self._decided.get(lane, 0)
        if start >= decided:
            decided = self._decided[lane] = self._offsets([lane], _LATEST, decided=True)[lane]
        if start >= decided:
            return Records(reached=start)
        try:
            return self._readers.read(lane, start, limit, decided)
        except Below:
            first = self._offsets([lane], _EARLIEST)[lane]
            raise gap(lane, start, first) from None

    def bounds(self) -> dict[TopicPartition, Bounds]:
        self._ensure_open()
        self._look()
        lanes = self._partitioner.partitions
        first, end = self._offsets(lanes, _EARLIEST), self._offsets(lanes, _LATEST)
        return {lane: Bounds(first[lane], end[lane]) for lane in lanes}

    def wait(self, timeout: float) -> None:
        self._changes.wait(timeout)

    def close(self) -> None:
        with self._lock:
            was, self._closed = self._closed, True
        if not was:
            self._writer.close()
            self._readers.close()
            self._changes.close()

    def _offsets(
        self, lanes: Sequence[TopicPartition], spec: OffsetSpec, *, decided: bool = False
    ) -> dict[TopicPartition, int]:
        """`decided`: as far as no transaction of somebody else is open."""
        level = IsolationLevel.READ_COMMITTED if decided else IsolationLevel.READ_UNCOMMITTED
        try:
            try:
                return self._told(lanes, spec, level)
            except KafkaException:
                # What it knows of the cluster may be out of date: a broker that came back, a new partition.
                self._admin.list_topics(timeout=TIMEOUT_SECONDS)
                return self._told(lanes, spec, level)
        except KafkaException as error:
            raise kafka_topics.unreachable(self._place, error) from error

    def _told(
        self, lanes: Sequence[TopicPartition], spec: OffsetSpec, level: IsolationLevel
    ) -> dict[TopicPartition, int]:
        asked = {KafkaPartition(self._place.topic(lane.topic), lane.partition): lane for lane in lanes}
        told = self._admin.list_offsets(
            dict.fromkeys(asked, spec), isolation_level=level, request_timeout=TIMEOUT_SECONDS
        )
        return {lane: told[partition].result().offset for partition, lane in asked.items()}

    def _look(self) -> None:
        """Whether the topics are still those that they were, and how many partitions they have."""
        if self._foreign is not None:
            raise self._foreign
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        asked = TopicCollection([its.name for its in self._topics.values()])
        try:
            told = self._admin.describe_topics(asked, request_timeout=TIMEOUT_SECONDS)
            found = {name: told[its.name].result() for name, its in self._topics.items()}
        except KafkaException as error:
            raise kafka_topics.unreachable(self._place, error) from error
        for name, its in self._topics.items():
            if kafka_topics.id_of(found[name].topic_id) != its.topic_id:
                self._foreign = ForeignLog(
                    f"Topic {its.name} was deleted and made anew: it is another log.",
                    hint="Run `kizuna rebuild` to fold what is there, or restore the topic.",
                )
                raise self._foreign
        counts = {name: len(one.partitions) for name, one in found.items()}
        if sum(counts.values()) > len(self._partitioner.partitions):
            logger.info("the topics have more partitions than before: %s", counts)
            self._writer.look(TIMEOUT_SECONDS)
            self._partitioner = Partitioner(counts)

    def _sum_of_ends(self) -> int:
        return sum(self._offsets(self._partitioner.partitions, _LATEST).values())

    def _ensure_open(self) -> None:
        if self._closed:
            raise closed()
