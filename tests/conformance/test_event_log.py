"""What every adapter of the log promises (`eventlog.port`), case by case."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.partitioner import MAX_RECORD_BYTES
from kizuna.eventlog.port import Bounds, EventLog, NewRecord, Record, TopicPartition
from kizuna.schemas.errors import LogGap, LogUnavailable
from tests.conformance.rigs import Rig

TOPIC = topics.TOUCHPOINTS
LANE = TopicPartition(TOPIC, 0)


def numbered(count: int, start: int = 0) -> list[NewRecord]:
    return [NewRecord(b"k%d" % n, b"v%d" % n) for n in range(start, start + count)]


def append(log: EventLog, records: Sequence[NewRecord], topic: str = TOPIC) -> list[TopicPartition]:
    return log.append(topic, records).result(timeout=10)


def values(records: Sequence[Record]) -> list[bytes]:
    return [record.value for record in records]


def test_a_new_log_has_every_topic_and_is_empty(rig: Rig) -> None:
    log = rig.open(partitions=2)
    lanes = {TopicPartition(topic, number) for topic in topics.ALL for number in (0, 1)}
    assert log.bounds() == dict.fromkeys(lanes, Bounds(0, 0))
    assert [log.read(topic, partition, 0, 10) for topic, partition in lanes] == [[]] * len(lanes)


def test_the_identity_outlives_the_process(rig: Rig) -> None:
    log = rig.open()
    held = log.identity
    assert held.generation == 0
    assert rig.reopened(log).identity == held


def test_what_was_appended_is_read_with_its_offset_and_time(rig: Rig) -> None:
    log = rig.open()
    first = rig.clock.now
    assert append(log, numbered(2)) == [LANE, LANE]
    rig.clock.now += 5
    append(log, numbered(1, start=2))
    found = log.read(TOPIC, 0, 0, 10)
    times = [first, first, first + 5] if rig.has_a_clock else found.recorded_at
    assert found == [
        Record(0, times[0], b"k0", b"v0"),
        Record(1, times[1], b"k1", b"v1"),
        Record(2, times[2], b"k2", b"v2"),
    ]
    if not rig.has_a_clock:
        assert all(abs(one - time.time_ns() // 1_000) < 60_000_000 for one in times), "microseconds, now"
    assert log.bounds()[LANE] == Bounds(0, 3)


def test_topics_are_apart(rig: Rig) -> None:
    log = rig.open()
    append(log, numbered(1), topics.DEFINITIONS)
    append(log, numbered(2), topics.FAILED_EVENTS)
    ends = {topic: end for (topic, _), (_, end) in log.bounds().items()}
    assert ends == {topics.DEFINITIONS: 1, topics.TOUCHPOINTS: 0, topics.FAILED_EVENTS: 2}


def test_everything_is_there_after_a_restart_and_goes_on(rig: Rig) -> None:
    log = rig.open()
    append(log, numbered(3))
    log = rig.reopened(log)
    append(log, numbered(2, start=3))
    assert values(log.read(TOPIC, 0, 0, 10)) == [b"v0", b"v1", b"v2", b"v3", b"v4"]


def test_any_bytes_come_back_as_they_were(rig: Rig) -> None:
    log = rig.open()
    awkward = [
        b"",
        b"\x00",
        b"a\x00b",
        b"\xff\xfe\x00",
        "絆".encode(),
        "絆".encode("utf-16"),
        b"'; --",
        bytes(range(256)),
    ]
    records = [NewRecord(key, value) for key in awkward for value in awkward]
    append(log, records)
    assert [(record.key, record.value) for record in log.read(TOPIC, 0, 0, 100)] == records


def test_a_read_starts_where_it_is_told_and_keeps_to_its_limit(rig: Rig) -> None:
    log = rig.open()
    append(log, numbered(10))
    assert values(log.read(TOPIC, 0, 4, 3)) == [b"v4", b"v5", b"v6"]
    assert values(log.read(TOPIC, 0, 8, 3)) == [b"v8", b"v9"]
    assert log.read(TOPIC, 0, 10, 3) == log.read(TOPIC, 0, 99, 3) == []


def test_a_key_keeps_to_the_partition_that_its_crc_names(rig: Rig) -> None:
    """0xCBF43926, the CRC-32 of "123456789", is the check value that the algorithm is published with."""
    log = rig.open(partitions=3)
    assert append(log, [NewRecord(b"123456789", b"x")]) == [TopicPartition(TOPIC, 0xCBF43926 % 3)]
    assert values(log.read(TOPIC, 0xCBF43926 % 3, 0, 10)) == [b"x"]


def test_equal_keys_keep_their_order_over_partitions(rig: Rig) -> None:
    log = rig.open(partitions=4)
    records = [NewRecord(b"k%d" % (n % 7), b"%d" % n) for n in range(200)]
    places = append(log, records)
    assert len(set(places)) > 1
    read = {lane: log.read(*lane, 0, 1_000) for lane in log.bounds()}
    for key in {key for key, _ in records}:
        (lane,) = {place for place, record in zip(places, records, strict=True) if record.key == key}
        assert [r.value for r in read[lane] if r.key == key] == [v for k, v in records if k == key]
    assert sum(len(found) for found in read.values()) == len(records)


def test_recorded_at_never_decreases_though_the_clock_goes_back(rig: Rig) -> None:
    log = rig.open()
    began = rig.clock.now
    for step in (0, 10, -1_000_000, 5, 20):
        rig.clock.now = began + step
        append(log, numbered(1))
        log = rig.reopened(log)
    times = [record.recorded_at for record in log.read(TOPIC, 0, 0, 10)]
    if rig.has_a_clock:
        assert [one - began for one in times] == [0, 10, 10, 10, 20]
    else:
        assert len(times) == 5
        assert times == sorted(times)


def test_nothing_to_append_is_done_at_once(rig: Rig) -> None:
    log = rig.open()
    assert append(log, []) == []
    assert log.bounds()[LANE] == Bounds(0, 0)


def test_the_caller_may_use_its_list_again(rig: Rig) -> None:
    log = rig.open()
    batch = numbered(100)
    future = log.append(TOPIC, batch)
    batch.clear()
    assert len(future.result(timeout=10)) == 100
    assert len(log.read(TOPIC, 0, 0, 1_000)) == 100


def test_below_what_is_kept_there_is_a_gap(rig: Rig) -> None:
    log = rig.open()
    append(log, numbered(5))
    rig.forget(log, LANE, 3)
    assert log.bounds()[LANE] == Bounds(3, 5)
    assert values(log.read(TOPIC, 0, 3, 10)) == [b"v3", b"v4"]
    with pytest.raises(LogGap, match=r"touchpoints/0 begins at offset 3: offset 2 "):
        log.read(TOPIC, 0, 2, 10)


def test_offsets_go_on_after_everything_was_forgotten(rig: Rig) -> None:
    log = rig.open()
    append(log, numbered(5))
    rig.forget(log, LANE, 5)
    assert log.bounds()[LANE] == Bounds(5, 5)
    assert log.read(TOPIC, 0, 5, 10) == []
    append(log, numbered(1, start=5))
    assert [(r.offset, r.value) for r in log.read(TOPIC, 0, 5, 10)] == [(5, b"v5")]


def test_what_the_log_does_not_have_is_a_mistake_of_the_caller(rig: Rig) -> None:
    log = rig.open(partitions=2)
    with pytest.raises(ValueError, match="no topic 'orders'"):
        log.append("orders", numbered(1))
    for partition in (-1, 2):
        with pytest.raises(ValueError, match="has no partition"):
            log.read(TOPIC, partition, 0, 1)


def test_the_largest_record_is_kept_and_a_larger_one_refused(rig: Rig) -> None:
    log = rig.open()
    largest = NewRecord(b"key", b"x" * (MAX_RECORD_BYTES - 3))
    append(log, [largest])
    with pytest.raises(ValueError, match="larger than 1,000,000 bytes"):
        log.append(TOPIC, [NewRecord(b"key!", largest.value)])
    assert values(log.read(TOPIC, 0, 0, 10)) == [largest.value]


def test_all_threads_appends_are_kept_each_in_its_order(rig: Rig) -> None:
    log = rig.open()
    threads = [
        threading.Thread(
            target=lambda name=name: [append(log, [NewRecord(name, b"%d" % n)]) for n in range(50)]
        )
        for name in (b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = log.read(TOPIC, 0, 0, 1_000)
    assert [record.offset for record in read] == list(range(400))
    for name in (b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"):
        assert values([r for r in read if r.key == name]) == [b"%d" % n for n in range(50)]


def test_futures_of_one_thread_are_kept_in_order(rig: Rig) -> None:
    log = rig.open()
    futures = [log.append(TOPIC, [record]) for record in numbered(500)]
    assert [future.result(timeout=10) for future in futures] == [[LANE]] * 500
    assert values(log.read(TOPIC, 0, 0, 1_000)) == [b"v%d" % n for n in range(500)]


def test_waiting_ends_with_the_time_when_nothing_comes(rig: Rig) -> None:
    log = rig.open()
    append(log, numbered(1))
    log.wait(60)  # the first call has seen nothing yet
    began = time.monotonic()
    log.wait(0.1)
    assert time.monotonic() - began >= 0.1


def test_waiting_ends_when_something_was_appended(rig: Rig) -> None:
    log = rig.open()
    log.wait(0)
    append(log, numbered(1))
    log.wait(60)  # appended before the call
    timer = threading.Timer(0.02, lambda: append(log, numbered(1)))
    timer.start()
    log.wait(60)  # appended meanwhile
    timer.join()
    assert log.bounds()[LANE].end == 2


def test_every_waiting_thread_is_woken(rig: Rig) -> None:
    log = rig.open()
    ready = threading.Barrier(4)

    def follow() -> None:
        log.wait(0)
        ready.wait()
        log.wait(60)

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    append(log, numbered(1))
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)


def test_closing_keeps_what_was_given_and_refuses_the_rest(rig: Rig) -> None:
    log = rig.open()
    futures = [log.append(TOPIC, [record]) for record in numbered(100)]
    log.close()
    assert [future.result(timeout=0) for future in futures] == [[LANE]] * 100
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="closed"):
            append(log, numbered(1))
        with pytest.raises(LogUnavailable, match="closed"):
            log.read(TOPIC, 0, 0, 1)
        with pytest.raises(LogUnavailable, match="closed"):
            log.bounds()
        log.wait(60)
        log.close()
