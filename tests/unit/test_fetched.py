"""Whatever is brought, early, twice, with gaps or not at all: who reads sees the log."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord, Records, TopicPartition
from kizuna.processors import fetched
from kizuna.processors.fetched import Fetched
from tests.folding import memory_log

LANE = TopicPartition(topics.TOUCHPOINTS, 0)


class Counting:
    """A log that counts what is read from it."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.read_itself = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        self.read_itself += 1
        return self._log.read(topic, partition, start, limit)


def log_of(count: int) -> MemoryLog:
    log = memory_log()
    log.append(topics.TOUCHPOINTS, [NewRecord(b"k%d" % n, b"v%d" % n) for n in range(count)])
    return log


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetched, "WAIT_SECONDS", 0.0)


class Bring(NamedTuple):
    start: int
    many: int


class Read(NamedTuple):
    limit: int


class Again(NamedTuple):
    """The reader goes back, as after a batch that failed."""

    by: int


class Expect(NamedTuple):
    start: int


STEPS = st.lists(
    st.one_of(
        st.builds(Bring, st.integers(0, 40), st.integers(0, 12)),
        st.builds(Bring, st.just(-1), st.integers(1, 12)),
        st.builds(Read, st.integers(1, 15)),
        st.builds(Again, st.integers(1, 9)),
        st.builds(Expect, st.integers(0, 40)),
    ),
    max_size=40,
)


@given(STEPS)
def test_who_reads_sees_the_log(steps: list[Bring | Read | Again | Expect]) -> None:
    log = log_of(40)
    through = Fetched(log)
    at = 0
    for step in steps:
        match step:
            case Bring(start, many):
                start = through.end(LANE) if start < 0 else start
                through.bring(LANE, log.read(*LANE, start, many))
            case Expect(start):
                through.expect({LANE: start})
            case Again(by):
                at = max(0, at - by)
            case Read(limit):
                read = through.read(*LANE, at, limit)
                # It may give fewer, as of large records: but these, and none only at the end.
                assert read == log.read(*LANE, at, len(read))
                assert len(read) <= limit
                assert read or at == 40
                at += len(read)


def test_what_was_brought_is_not_read_again() -> None:
    counting = Counting(log_of(30))
    through = Fetched(counting)  # type: ignore[arg-type]
    through.expect({LANE: 0})
    for start in (0, 10, 20):
        through.bring(LANE, counting._log.read(*LANE, start, 10))
    read = [len(through.read(*LANE, start, limit)) for start, limit in ((0, 7), (7, 7), (14, 100))]
    assert (read, counting.read_itself) == ([7, 7, 16], 0)
    assert list(through.read(*LANE, 30, 5)) == []
    assert counting.read_itself == 1


def test_it_is_full_until_somebody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetched, "HELD_BYTES", 20)
    log = log_of(20)
    through = Fetched(log)
    through.expect({LANE: 0})
    through.bring(LANE, log.read(*LANE, 0, 20))
    assert through.full
    through.read(*LANE, 0, 15)
    assert not through.full


def test_who_waits_is_woken_by_what_is_brought() -> None:
    log = log_of(5)
    through = Fetched(log)
    through.wait(60)  # the first call has seen nothing yet
    through.bring(LANE, log.read(*LANE, 0, 5))
    through.wait(60)
