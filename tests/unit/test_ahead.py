"""Reading ahead: the same batches in the same order, whatever was read or decoded too early."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.processors import reader
from kizuna.processors.ahead import ReadAhead
from kizuna.processors.reader import Reading, Stand
from kizuna.projections import canon
from kizuna.projections.batch import Batch
from kizuna.schemas.errors import LogUnavailable
from tests.folding import NOW, accepted, folded, memory_log, shipped_definitions

GARBAGE = (b"no envelope", b"\xff\xfe", b"[1]", b"{}")


class Source:
    """A log of ten numbered records, read two at a time. Readings whose number is in `failing` fail."""

    def __init__(self) -> None:
        self.log = memory_log()
        self.log.append(topics.TOUCHPOINTS, [NewRecord(b"", b"%d" % number) for number in range(10)])
        self.failing: set[int] = set()
        self.readings = 0
        self.decoded: list[tuple[str, int]] = []

    def read(self, stands: Mapping[TopicPartition, Stand]) -> Reading:
        self.readings += 1
        if self.readings in self.failing:
            raise LogUnavailable("the disk is full")
        return reader.read(self.log, stands, self.log.bounds(), NOW, 2)

    def decode(self, batch: Batch) -> str:
        self.decoded.append((threading.current_thread().name, len(batch)))
        return f"table {batch.touchpoints.offsets}"


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def ahead(source: Source) -> Iterator[ReadAhead]:
    one = ReadAhead(source.read, source.decode)
    yield one
    one.close()


def test_batches_come_in_order_each_with_what_it_was_decoded_into(source: Source, ahead: ReadAhead) -> None:
    stands: Mapping[TopicPartition, Stand] = {}
    values: list[bytes] = []
    for _ in range(5):
        reading, decoded = ahead.take(stands)
        assert decoded == f"table {reading.batch.touchpoints.offsets}"
        values += reading.batch.touchpoints.values
        stands = reading.stands
    assert reading.caught_up
    assert values == [b"%d" % number for number in range(10)]
    first, *others = source.decoded
    assert first == ("MainThread", 2)
    assert all(name.startswith("log-reader") for name, _ in others)


def test_what_was_read_ahead_can_be_forgotten(ahead: ReadAhead) -> None:
    ahead.take({})
    ahead.forget()
    reading, _ = ahead.take({})
    assert reading.batch.touchpoints.values == [b"0", b"1"]


def test_a_failure_ahead_is_raised_by_the_take_that_wants_it(source: Source, ahead: ReadAhead) -> None:
    source.failing = {1, 3}
    with pytest.raises(LogUnavailable):
        ahead.take({})
    reading, _ = ahead.take({})
    stands = reading.stands
    with pytest.raises(LogUnavailable):  # it was read ahead
        ahead.take(stands)
    reading, _ = ahead.take(stands)
    assert reading.batch.touchpoints.values == [b"2", b"3"]


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_records_that_are_no_json_disturb_no_batch_beside_them(batch: int) -> None:
    good = [
        accepted(
            {
                "type": "page.viewed",
                "message_id": str(number),
                "ids": {"user_id": f"u{number}"},
                "properties": {"path": "/"},
            }
        )
        for number in range(12)
    ]
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    for number, one in enumerate(good):
        log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value)])
        if number % 3 == 0:
            log.append(topics.TOUCHPOINTS, [NewRecord(b"", GARBAGE[number // 3])])
    with folded(log, batch) as (store, _):
        state = canon.digest(store.writer)
        failed = store.writer.execute('SELECT "offset" FROM failed_items ORDER BY ALL').fetchall()
        events = store.writer.execute("SELECT count(*) FROM events").fetchall()
    assert (events, failed) == ([(12,)], [(1,), (5,), (9,), (13,)])
    with folded(log) as (store, _):
        assert canon.digest(store.writer) == state
