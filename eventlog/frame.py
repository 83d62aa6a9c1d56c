"""A record as the bytes that lie on the disk: its checksum, its place and time, its key and its value.

Frames carry their lengths, so any number of them joined is a stream that splits again. The checksum covers
the place too (log, topic, partition, offset): a frame that turns up anywhere else does not match. A record
that leaves the log's own file for an archive keeps its checksum.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from uuid import UUID
from zlib import crc32

from .faults import corrupt
from .port import NewRecord, Records, TopicPartition

_CHECKSUM = struct.Struct("<I")
_HEAD = struct.Struct("<qqII")  # offset, recorded_at, length of key, length of value
_PROLOGUE = struct.Struct("<IqqII")  # both


class FrameCodec:
    """Writes and reads the frames of one partition."""

    def __init__(self, log_id: UUID, lane: TopicPartition) -> None:
        self._lane = lane
        self._seed = crc32(f"{log_id}/{lane.topic}/{lane.partition}".encode())

    def encode(self, offset: int, recorded_at: int, record: NewRecord) -> bytes:
        key, value = record
        body = b"".join((_HEAD.pack(offset, recorded_at, len(key), len(value)), key, value))
        return _CHECKSUM.pack(crc32(body, self._seed)) + body

    def encode_all(self, start: int, recorded_at: int, records: Iterable[NewRecord]) -> list[bytes]:
        return [self.encode(offset, recorded_at, record) for offset, record in enumerate(records, start)]

    def checksums(self, records: Records) -> list[int]:
        """Of each record the checksum that its frame has."""
        pack, seed = _HEAD.pack, self._seed
        columns = zip(records.offsets, records.recorded_at, records.keys, records.values, strict=True)
        return [
            crc32(value, crc32(key, crc32(pack(offset, recorded_at, len(key), len(value)), seed)))
            for offset, recorded_at, key, value in columns
        ]

    def decode(self, stream: bytes, start: int, count: int) -> Records:
        """The `count` records of a stream whose offsets run from `start` without holes. Raises
        `CorruptRecord` for the first that is not what was written there."""
        times: list[int] = []
        keys: list[bytes] = []
        values: list[bytes] = []
        unpack, view, seed = _PROLOGUE.unpack_from, memoryview(stream), self._seed
        head, checked, whole = _PROLOGUE.size, _CHECKSUM.size, len(stream)
        begin = 0
        for offset in range(start, start + count):
            value_at = begin + head
            if value_at > whole:
                raise corrupt(self._lane, offset)
            checksum, its_offset, recorded_at, key_length, value_length = unpack(stream, begin)
            key_at, value_at = value_at, value_at + key_length
            end = value_at + value_length
            if its_offset != offset or crc32(view[begin + checked : end], seed) != checksum:
                raise corrupt(self._lane, offset)
            times.append(recorded_at)
            keys.append(stream[key_at:value_at])
            values.append(stream[value_at:end])
            begin = end
        return Records(list(range(start, start + count)), times, keys, values)
