"""The thread that writes the log: what goes into one transaction, and what becomes of each caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import pytest

from kizuna.eventlog.group_commit import Append, GroupCommit
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.schemas.errors import LogUnavailable

LANE = TopicPartition("touchpoints", 0)


class Disk:
    """Keeps what is committed, group by group; stands still while `open` is cleared, and fails if told."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Semaphore(0)
        self.failure: Exception | None = None
        self.groups: list[list[bytes]] = []
        self.announced = 0

    def commit(self, group: Sequence[Append]) -> None:
        self.reached.release()
        self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.groups.append([record.value for append in group for record in append.records])

    def announce(self) -> None:
        self.announced += 1


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def writer(disk: Disk) -> Iterator[GroupCommit]:
    made = GroupCommit(disk.commit, committed=disk.announce, pause_ms=5)
    yield made
    disk.open.set()
    made.close()


Submit = Callable[..., Future[list[TopicPartition]]]


@pytest.fixture
def submit(writer: GroupCommit) -> Submit:
    def one(*values: bytes) -> Future[list[TopicPartition]]:
        return writer.submit([LANE] * len(values), [NewRecord(b"", value) for value in values])

    return one


@pytest.fixture
def held(disk: Disk, submit: Submit) -> Future[list[TopicPartition]]:
    """The disk stands still with one append, of the value "held", on its way."""
    disk.open.clear()
    future = submit(b"held")
    assert disk.reached.acquire(timeout=10)
    return future


def test_what_waits_goes_into_one_transaction_in_order(
    disk: Disk, submit: Submit, held: Future[list[TopicPartition]]
) -> None:
    waiting = [submit(b"a"), submit(b"b", b"c"), submit(b"d")]
    assert not held.done()
    disk.open.set()
    assert [future.result(timeout=10) for future in waiting] == [[LANE], [LANE, LANE], [LANE]]
    assert disk.groups == [[b"held"], [b"a", b"b", b"c", b"d"]]


def test_a_failure_is_everyones_in_the_transaction_and_nobody_elses(
    disk: Disk, submit: Submit, held: Future[list[TopicPartition]]
) -> None:
    disk.failure = LogUnavailable("full")
    waiting = [submit(b"a"), submit(b"b")]
    disk.open.set()
    for future in (held, *waiting):
        with pytest.raises(LogUnavailable, match="full"):
            future.result(timeout=10)
    disk.failure = None
    submit(b"c").result(timeout=10)
    assert disk.groups == [[b"c"]]


def test_readers_are_told_of_what_was_kept(disk: Disk, writer: GroupCommit, submit: Submit) -> None:
    submit(b"a").result(timeout=10)
    disk.failure = LogUnavailable("full")
    submit(b"b").exception(timeout=10)
    writer.close()
    assert disk.announced == 1


def test_what_was_cancelled_in_time_is_not_kept(
    disk: Disk, submit: Submit, held: Future[list[TopicPartition]]
) -> None:
    first, second = submit(b"a"), submit(b"b")
    assert first.cancel()
    assert not held.cancel()
    disk.open.set()
    second.result(timeout=10)
    assert disk.groups == [[b"held"], [b"b"]]


def test_a_transaction_has_a_size(
    disk: Disk, submit: Submit, held: Future[list[TopicPartition]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kizuna.eventlog.group_commit.MAX_GROUP_BYTES", 1_000)
    values = [b"%d" % n * 400 for n in range(4)]
    waiting = [submit(values[0]), submit(values[1]), submit(values[2] * 10), submit(values[3])]
    disk.open.set()
    for future in waiting:
        future.result(timeout=10)
    assert disk.groups == [[b"held"], values[:2], [values[2] * 10], [values[3]]]


def test_what_comes_faster_than_the_disk_takes_it_is_refused(
    disk: Disk, submit: Submit, held: Future[list[TopicPartition]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kizuna.eventlog.group_commit.MAX_QUEUED_BYTES", 1_000)
    large = submit(b"x" * 2_000)  # one is taken, whatever its size
    with pytest.raises(LogUnavailable, match="more slowly than they come"):
        submit(b"a").result(timeout=10)
    disk.open.set()
    assert held.result(timeout=10) == large.result(timeout=10) == [LANE]
    submit(b"b").result(timeout=10)
    assert disk.groups == [[b"held"], [b"x" * 2_000], [b"b"]]


def test_a_lone_caller_does_not_wait_for_company(disk: Disk) -> None:
    writer = GroupCommit(disk.commit, committed=disk.announce, pause_ms=60_000)
    began = time.monotonic()
    for _ in range(50):
        writer.submit([LANE], [NewRecord(b"", b"a")]).result(timeout=10)
    writer.close()
    assert time.monotonic() - began < 10
    assert disk.groups == [[b"a"]] * 50


def test_closing_finishes_what_was_given(disk: Disk, writer: GroupCommit, submit: Submit) -> None:
    futures = [submit(b"%d" % n) for n in range(20)]
    writer.close()
    assert all(future.done() for future in futures)
    assert [value for group in disk.groups for value in group] == [b"%d" % n for n in range(20)]
    with pytest.raises(LogUnavailable, match="closed"):
        submit(b"late").result(timeout=10)
