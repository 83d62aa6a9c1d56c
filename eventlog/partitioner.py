"""Which partition a record goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

from .port import NewRecord, TopicPartition

MAX_RECORD_BYTES = 1_000_000
"""Key and value of one record together; about what a Kafka broker takes unless told otherwise."""


class Partitioner:
    """The partitions of each topic, numbered from 0. A key's partition is its CRC-32 modulo their number: the
    same in every process and for ever."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        if min(counts.values()) < 1:
            raise ValueError(f"every topic needs a partition: {dict(counts)}")
        self._lanes = {
            topic: [TopicPartition(topic, number) for number in range(count)]
            for topic, count in counts.items()
        }

    @property
    def partitions(self) -> list[TopicPartition]:
        return [lane for lanes in self._lanes.values() for lane in lanes]

    def lane(self, topic: str, number: int) -> TopicPartition:
        """One partition. Raises ValueError when the log does not have it."""
        lanes = self._lanes_of(topic)
        if not 0 <= number < len(lanes):
            raise ValueError(f"topic {topic} has no partition {number}: it has {len(lanes)}, from 0")
        return lanes[number]

    def assign(self, topic: str, records: Sequence[NewRecord]) -> list[TopicPartition]:
        """The partition of each record. Raises ValueError for an unknown topic or a record too large."""
        lanes = self._lanes_of(topic)
        for key, value in records:
            if len(key) + len(value) > MAX_RECORD_BYTES:
                raise ValueError(f"a record of {topic} is larger than {MAX_RECORD_BYTES:,} bytes")
        if len(lanes) == 1:
            return lanes * len(records)
        return [lanes[crc32(key) % len(lanes)] for key, _ in records]

    def _lanes_of(self, topic: str) -> list[TopicPartition]:
        lanes = self._lanes.get(topic)
        if lanes is None:
            raise ValueError(f"the log has no topic {topic!r}")
        return lanes
