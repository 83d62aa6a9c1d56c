"""The bytes of a record on the disk: files that exist must stay readable, so they are spelled out here."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.eventlog.frame import FrameCodec
from kizuna.eventlog.port import NewRecord, Record, TopicPartition
from kizuna.schemas.errors import CorruptRecord

LOG_ID = UUID("3f0e0d3c-6a0b-4a7e-9d53-1f5b8a2c9e10")
CODEC = FrameCodec(LOG_ID, TopicPartition("touchpoints", 2))


def crc32(content: bytes) -> int:
    """Bit by bit, as RFC 1952 defines it."""
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_a_frame_is_checksum_place_time_lengths_key_and_value() -> None:
    body = (
        bytes.fromhex("0700000000000000")  # offset 7
        + bytes.fromhex("0a00000000000000")  # recorded at 10 us
        + bytes.fromhex("03000000")
        + bytes.fromhex("05000000")
        + b"keyvalue"
    )
    checksum = crc32(f"{LOG_ID}/touchpoints/2".encode() + body)
    expected = checksum.to_bytes(4, "little") + body
    assert CODEC.encode(7, 10, NewRecord(b"key", b"value")) == expected


RECORDS = st.lists(st.builds(NewRecord, st.binary(max_size=20), st.binary(max_size=200)), max_size=8)
TIMES = st.integers(-(2**63), 2**63 - 1)


@given(start=st.integers(0, 2**48), at=TIMES, records=RECORDS)
def test_joined_frames_come_apart_again(start: int, at: int, records: list[NewRecord]) -> None:
    stream = b"".join(CODEC.encode_all(start, at, records))
    assert CODEC.decode(stream, start, len(records)) == [
        Record(offset, at, key, value) for offset, (key, value) in enumerate(records, start)
    ]


@given(records=RECORDS.filter(bool), data=st.data())
def test_one_changed_bit_anywhere_is_noticed(records: list[NewRecord], data: st.DataObject) -> None:
    stream = bytearray(b"".join(CODEC.encode_all(5, 1, records)))
    bit = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptRecord, match=r"touchpoints/2, offset \d+"):
        CODEC.decode(bytes(stream), 5, len(records))


@pytest.mark.parametrize("place", [TopicPartition("touchpoints", 1), TopicPartition("definitions", 2)])
def test_a_frame_of_another_partition_does_not_pass(place: TopicPartition) -> None:
    stream = FrameCodec(LOG_ID, place).encode(0, 1, NewRecord(b"key", b"value"))
    with pytest.raises(CorruptRecord):
        CODEC.decode(stream, 0, 1)
