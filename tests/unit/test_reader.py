"""T: now once everything is read, the smallest time reached while behind; and what stops a reader."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.processors import reader
from kizuna.processors.reader import Stand
from kizuna.projections.store import BEGINNING
from kizuna.schemas import times
from kizuna.schemas.errors import ForeignLog, LogGap
from kizuna.schemas.position import Position
from tests.folding import LOG, NOW

TOUCH = TopicPartition(topics.TOUCHPOINTS, 0)
LATER = NOW + timedelta(days=2)


def log_of(seconds: list[int]) -> MemoryLog:
    """Touchpoints recorded that many seconds after NOW."""
    moments = iter(seconds)
    log = MemoryLog(clock=lambda: times.to_micros(NOW + timedelta(seconds=next(moments))), identity=LOG)
    for number in range(len(seconds)):
        log.append(topics.TOUCHPOINTS, [NewRecord(b"", b"%d" % number)])
    return log


def test_caught_up_t_is_now_or_the_highest_time_recorded() -> None:
    log = log_of([0, 60])
    reading = reader.read(log, {}, log.bounds(), NOW, 10)
    assert reading.caught_up
    assert reading.batch.t == NOW + timedelta(seconds=60)
    assert reader.read(log, {}, log.bounds(), LATER, 10).batch.t == LATER


def test_behind_t_is_what_was_reached() -> None:
    log = log_of([0, 60, 120])
    reading = reader.read(log, {}, log.bounds(), LATER, 2)
    assert not reading.caught_up
    assert reading.batch.t == NOW + timedelta(seconds=60)


def test_of_partitions_that_are_behind_t_is_what_the_last_of_them_reached() -> None:
    other = TopicPartition(topics.TOUCHPOINTS, 1)
    stands = {TOUCH: Stand(1, NOW), other: Stand(1, LATER)}
    assert reader.moment(LATER, [TOUCH, other], stands, LATER) == NOW
    assert reader.moment(LATER, [other], stands, LATER) == LATER


def test_a_partition_not_begun_holds_t_at_the_beginning() -> None:
    stands = {TOUCH: Stand(1, NOW)}
    other = TopicPartition(topics.TOUCHPOINTS, 1)
    assert reader.moment(NOW, [other], {**stands, other: Stand(0)}, LATER) == BEGINNING


def test_failed_events_hold_nothing_back() -> None:
    failed = TopicPartition(topics.FAILED_EVENTS, 0)
    assert reader.moment(NOW, [failed], {failed: Stand(0)}, LATER) == LATER


def test_reading_goes_on_where_it_stood() -> None:
    log = log_of([0, 1, 2])
    first = reader.read(log, {}, log.bounds(), NOW, 2)
    second = reader.read(log, first.stands, log.bounds(), NOW, 2)
    assert [row.value for row in (*first.batch.touchpoints, *second.batch.touchpoints)] == [b"0", b"1", b"2"]
    assert second.batch.positions == (Position(topics.TOUCHPOINTS, 0, 0, 3),)


def test_a_log_that_ends_below_the_stored_position_is_another_log() -> None:
    with pytest.raises(ForeignLog, match="ends at 3, below the position 4"):
        reader.start(log_of([]), [Position(topics.TOUCHPOINTS, 0, 0, 4)], {TOUCH: Bounds(0, 3)})


def test_a_log_that_starts_above_the_stored_position_is_a_gap() -> None:
    log = log_of([0, 1, 2])
    log.forget(topics.TOUCHPOINTS, 0, 2)
    with pytest.raises(LogGap):
        reader.read(log, {TOUCH: Stand(1, NOW)}, log.bounds(), NOW, 10)
