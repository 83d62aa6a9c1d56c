"""Any history of appends, reads, restarts and clocks, against a plain dictionary of lists."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord, TopicPartition
from tests.conformance.rigs import Rig
from tests.examples import examples


class Append(NamedTuple):
    topic: str
    records: list[NewRecord]
    clock_step: int


class Read(NamedTuple):
    topic: str
    partition: int
    start: int
    limit: int


class Restart(NamedTuple):
    pass


Step = Append | Read | Restart

TOPICS = st.sampled_from(topics.ALL)
RECORDS = st.builds(NewRecord, st.binary(max_size=3), st.binary(max_size=40))
APPENDS = st.builds(Append, TOPICS, st.lists(RECORDS, max_size=12), st.integers(-50, 50))
STEPS = st.lists(
    st.one_of(
        APPENDS,
        APPENDS,
        st.builds(Read, TOPICS, st.integers(0, 2), st.integers(0, 40), st.integers(1, 20)),
        st.just(Restart()),
    ),
    max_size=25,
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(partitions=st.integers(1, 3), steps=STEPS)
def test_a_log_is_a_list_a_partition(rig: Rig, partitions: int, steps: list[Step]) -> None:
    log = rig.open(partitions)
    model: dict[TopicPartition, list[NewRecord]] = defaultdict(list)
    for step in steps:
        match step:
            case Append(topic, records, clock_step):
                rig.clock.now += clock_step
                expected = [TopicPartition(topic, crc32(key) % partitions) for key, _ in records]
                assert log.append(topic, records).result(timeout=10) == expected
                for lane, record in zip(expected, records, strict=True):
                    model[lane].append(record)
            case Read(topic, partition, start, limit) if partition < partitions:
                read = log.read(topic, partition, start, limit)
                kept = model[TopicPartition(topic, partition)]
                assert [NewRecord(r.key, r.value) for r in read] == kept[start : start + limit]
            case Restart():
                log = rig.reopened(log)
    assert {lane: end for lane, (_, end) in log.bounds().items() if end} == {
        lane: len(kept) for lane, kept in model.items() if kept
    }
    for lane in log.bounds():
        read = log.read(*lane, 0, 1_000)
        assert [NewRecord(r.key, r.value) for r in read] == model[lane]
        assert [r.offset for r in read] == list(range(len(read)))
        assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(read))
    log.close()
