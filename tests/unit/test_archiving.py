"""Archiving: which months, into which files, and what the log looks like behind it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.eventlog import archiving, topics
from kizuna.eventlog.archive import archived_files
from kizuna.eventlog.archiving import Span, archive, closed, plan
from kizuna.eventlog.months import Month
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.eventlog.sqlite_file import PAGE_BYTES
from kizuna.schemas.errors import ConfigurationError
from tests.archives import AUGUST, LANE, NEVER, TOPIC, archived, fill, opened, read_all, rows
from tests.conformance.rigs import SettableClock

SEPTEMBER, OCTOBER, NOVEMBER = (AUGUST.plus(n) for n in (1, 2, 3))


def micros(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc,arg-type]


def test_a_month_is_of_utc() -> None:
    assert Month.of(micros(2026, 9, 1)) == SEPTEMBER
    assert Month.of(micros(2026, 9, 1) - 1) == AUGUST
    assert SEPTEMBER.begins == micros(2026, 9, 1)
    assert [str(Month(2026, 11).plus(n)) for n in (-11, 1, 2, 14)] == [
        "2025-12",
        "2026-12",
        "2027-01",
        "2028-01",
    ]


@pytest.mark.parametrize("text", ["2026-9", "2026-13", "2026-00", "2026-09-01", "09-2026", "", "２０２６-09"])
def test_a_month_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-09"):
        Month.parse(text)


def test_months_that_are_written_are_read() -> None:
    assert Month.parse("2026-09") == SEPTEMBER


def spans_by_counting(times: Sequence[int], start: int, before: Month) -> list[tuple[str, int, int]]:
    """Every record looked at: of the months of all but the newest's month, those before a month."""
    found: dict[str, list[int]] = {}
    newest = f"{datetime.fromtimestamp(times[-1] // 1_000_000, UTC):%Y-%m}" if times else ""
    for offset, micros in enumerate(times):
        month = f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m}"
        if offset >= start and month != newest and month < str(before):
            found.setdefault(month, []).append(offset)
    return [(month, offsets[0], offsets[-1] + 1) for month, offsets in found.items()]


MOMENTS = st.integers(micros(2026, 6, 28), micros(2027, 2, 3))


@given(
    times=st.lists(MOMENTS, max_size=40).map(sorted),
    start=st.integers(0, 40),
    before=st.builds(AUGUST.plus, st.integers(-3, 8)),
)
def test_closed_months_are_those_behind_which_a_record_stands(
    times: list[int], start: int, before: Month
) -> None:
    start = min(start, len(times))
    found = closed({LANE: Bounds(0, len(times))}, {LANE: start}, lambda _, at: times[at], before)
    told = [(str(span.month), span.first, span.end) for span in found]
    assert told == spans_by_counting(times, start, before)


def test_closed_months_move_and_are_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    done = archived(path)
    assert [(file.name, file.first, file.end) for file in done.files] == [
        ("touchpoints-0-2026-08.parquet", 0, 10),
        ("touchpoints-0-2026-09.parquet", 10, 20),
        ("touchpoints-0-2026-10.parquet", 20, 30),
    ]
    assert rows(path) == list(range(30, 40))
    assert read_all(path) == kept
    with opened(path) as log:
        assert log.bounds()[LANE] == Bounds(0, 40)
        for start in range(41):
            for limit in (1, 5, 12, 100):
                assert log.read(*LANE, start, limit) == kept[start : start + limit]


def test_only_months_before_the_one_named_move(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    assert [file.end for file in archived(path, OCTOBER).files] == [10, 20]
    assert archived(path, OCTOBER).files == []
    assert [(file.first, file.end) for file in archived(path, NOVEMBER).files] == [(20, 30)]
    assert read_all(path) == kept


def test_the_newest_record_stays_and_a_later_one_closes_its_month(tmp_path: Path) -> None:
    """So the end of the log, and the time below which no record may come, never lie in an archive."""
    path = tmp_path / "log.sqlite"
    kept = fill(path, months=1)
    assert archived(path).files == []
    clock = SettableClock()
    clock.now = AUGUST.begins - 1  # the clock is set back: the record is taken for one of August
    with opened(path, clock) as log:
        log.append(TOPIC, [NewRecord(b"key", b"late")]).result(timeout=10)
        assert plan(log, path, NEVER) == []
        clock.now = SEPTEMBER.begins
        log.append(TOPIC, [NewRecord(b"key", b"later")]).result(timeout=10)
        assert plan(log, path, NEVER) == [Span(LANE, AUGUST, 0, 11)]
        archive(log, path, plan(log, path, NEVER))
        clock.now = AUGUST.begins
        log.append(TOPIC, [NewRecord(b"key", b"last")]).result(timeout=10)
        found = log.read(*LANE, 0, 100)
    assert list(found[:10]) == kept
    assert [(one.recorded_at, one.value) for one in found[10:]] == [
        (AUGUST.begins, b"late"),
        (SEPTEMBER.begins, b"later"),
        (SEPTEMBER.begins, b"last"),
    ]


def test_every_topic_is_archived_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    clock = SettableClock()
    with opened(path, clock) as log:
        for month in (AUGUST, SEPTEMBER):
            clock.now = month.begins
            for topic in topics.ALL:
                log.append(topic, [NewRecord(topic.encode(), str(month).encode())] * 2).result(timeout=10)
        done = archive(log, path, plan(log, path, NEVER))
        assert [file.name for file in done.files] == [
            f"{topic}-0-2026-08.parquet" for topic in sorted(topics.ALL)
        ]
        for topic in topics.ALL:
            assert [one.key for one in log.read(topic, 0, 0, 10)] == [topic.encode()] * 4


def test_a_large_month_gets_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "FILE_BYTES", 100)
    monkeypatch.setattr(archiving, "_READ", 3)
    path = tmp_path / "log.sqlite"
    kept = fill(path, months=2)
    names = [(file.name, file.first, file.end) for file in archived(path).files]
    assert names == [
        ("touchpoints-0-2026-08.parquet", 0, 6),
        ("touchpoints-0-2026-08-2.parquet", 6, 10),
    ]
    assert read_all(path) == kept


def test_other_tools_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    archived(path)
    columns = '"offset", epoch_us(recorded_at), key, value'
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT {columns} FROM '{tmp_path}/archive/*.parquet' ORDER BY 1"
        ).fetchall()
    assert found == kept[:30]


def test_what_is_listed_is_what_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    fill(path)
    done = archived(path)
    listed = archived_files(path)
    assert listed == list(done.files)
    for file in listed:
        content = (tmp_path / "archive" / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
        assert (tmp_path / "archive" / file.name).stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in listed) == sorted(os.listdir(tmp_path / "archive"))


def test_the_file_of_the_log_shrinks(tmp_path: Path) -> None:
    """Not at once for whoever looks while others read: by the time the log is closed it has."""
    path = tmp_path / "log.sqlite"
    kept = fill(path, months=4, count=2_000, size=500)
    before = path.stat().st_size
    done = archived(path)
    assert done.reusable == 0
    assert path.stat().st_size < before / 3
    assert read_all(path) == kept


def earlier_version(path: Path) -> None:
    """As a version made it that knew no archives."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE archive")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")


def format_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def test_a_log_of_an_earlier_version_can_be_archived(tmp_path: Path) -> None:
    """Its file does not shrink; what comes goes where the archived rows were."""
    path = tmp_path / "log.sqlite"
    kept = fill(path, count=2_000, size=500)
    earlier_version(path)
    assert archived_files(path) == []
    before = path.stat().st_size + 4 * PAGE_BYTES  # what the list of files takes
    done = archived(path)
    assert done.reusable > before / 2
    assert before / 2 < path.stat().st_size <= before
    with opened(path) as log:
        for _ in range(3):
            log.append(TOPIC, [NewRecord(b"key", b"x" * 500)] * 1_900).result(timeout=10)
    assert path.stat().st_size <= before
    assert read_all(path)[: len(kept)] == kept


def test_only_what_was_archived_is_closed_to_earlier_versions(tmp_path: Path) -> None:
    """One that knows no archives reads formats up to 1."""
    path = tmp_path / "log.sqlite"
    fill(path)
    assert format_of(path) == 1
    archived(path)
    assert format_of(path) == 2


def test_a_log_that_was_archived_meanwhile_is_not_archived_twice(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    with opened(path) as log:
        spans = plan(log, path, NEVER)
        archived(path, SEPTEMBER)
        assert [(file.first, file.end) for file in archive(log, path, spans).files] == [(10, 20), (20, 30)]
        assert archive(log, path, spans).files == []
        assert log.read(*LANE, 0, 100) == kept


def test_a_span_behind_a_hole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    with opened(path) as log, pytest.raises(ValueError, match="leaves out records from 0 on"):
        archive(log, path, [Span(LANE, SEPTEMBER, 10, 20)])
    assert read_all(path) == kept


def test_one_archives_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    fill(path)
    (tmp_path / "archive").mkdir()
    descriptor = os.open(tmp_path / "archive", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ConfigurationError, match="being archived already"):
        archived(path)
    os.close(descriptor)
    assert len(archived(path).files) == 3


@pytest.mark.parametrize("asks", range(1, 40))
def test_told_to_stop_it_leaves_what_is_whole(tmp_path: Path, asks: int) -> None:
    """Wherever it is told so; the next run finishes."""
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    asked = iter(range(asks))
    with opened(path) as log:
        done = archive(log, path, plan(log, path, NEVER), stopped=lambda: next(asked, None) is None)
        assert list(log.read(*LANE, 0, 100)) == kept
    assert {file.name for file in done.files} == set(os.listdir(tmp_path / "archive"))
    archived(path)
    assert rows(path) == list(range(30, 40))
    assert [(file.first, file.end) for file in archived_files(path)] == [(0, 10), (10, 20), (20, 30)]
    assert read_all(path) == kept


def test_a_file_that_the_log_does_not_name_is_never_replaced(tmp_path: Path) -> None:
    """It may be of another state of this log, and all that is left of it. One with the same content is what
    a run left that was cut off."""
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "touchpoints-0-2026-08.parquet").write_bytes(b"something else")
    (folder / "touchpoints-0-2026-09.parquet.new").write_bytes(b"half a file")
    assert [file.name for file in archived(path).files] == [
        "touchpoints-0-2026-08-2.parquet",
        "touchpoints-0-2026-09.parquet",
        "touchpoints-0-2026-10.parquet",
    ]
    assert (folder / "touchpoints-0-2026-08.parquet").read_bytes() == b"something else"
    assert not list(folder.glob("*.new"))
    assert read_all(path) == kept


def test_progress_ends_where_all_is_done(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    fill(path, count=100)
    told: list[tuple[int, int]] = []
    with opened(path) as log:
        archive(log, path, plan(log, path, NEVER), progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert {total for _, total in told} == {300}
    assert told[-1] == (300, 300)


def test_appends_and_reads_go_on_meanwhile(tmp_path: Path) -> None:
    """Another connection to the file appends, and a reader follows both from the first record on."""
    path = tmp_path / "log.sqlite"
    kept = fill(path, months=4, count=3_000, size=200)
    clock = SettableClock()
    clock.now = AUGUST.plus(6).begins
    ended = threading.Event()
    appended: list[bytes] = []
    mismatches: list[int] = []

    def append() -> None:
        with opened(path, clock) as log:
            while not ended.is_set():
                value = b"%d" % len(appended)
                log.append(TOPIC, [NewRecord(b"key", value)]).result(timeout=10)
                appended.append(value)

    def read() -> None:
        with opened(path, clock) as log:
            while not ended.is_set():
                for start in (0, 2_999, 5_998, 8_000):
                    if list(log.read(*LANE, start, 1_000)) != kept[start : start + 1_000]:
                        mismatches.append(start)

    threads = [threading.Thread(target=work) for work in (append, read)]
    for thread in threads:
        thread.start()
    done = archived(path, NOVEMBER)
    ended.set()
    for thread in threads:
        thread.join()
    assert [file.end for file in done.files] == [3_000, 6_000, 9_000]
    assert not mismatches
    assert appended
    found = read_all(path)
    assert found[: len(kept)] == kept
    assert [one.value for one in found[len(kept) :]] == appended
    assert [one.offset for one in found] == list(range(len(found)))


def test_a_log_with_several_partitions(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    clock = SettableClock()
    with closing(SqliteLog(path, clock=clock, new_id=lambda: UUID(int=1), partitions=3)) as log:
        for month in (AUGUST, SEPTEMBER, OCTOBER):
            clock.now = month.begins
            log.append(TOPIC, [NewRecord(b"%d" % n, str(month).encode()) for n in range(50)]).result(10)
        lanes = [TopicPartition(TOPIC, n) for n in range(3)]
        before = {lane: list(log.read(*lane, 0, 1_000)) for lane in lanes}
        assert sum(map(len, before.values())) == 150
        archive(log, path, plan(log, path, OCTOBER))
        assert {file.lane for file in archived_files(path)} == set(lanes)
        assert {lane: list(log.read(*lane, 0, 1_000)) for lane in lanes} == before


def test_steps_that_wait_for_others_do_not_shrink_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a step takes by the clock: of one that waits for a busy process most is no work."""
    path = tmp_path / "log.sqlite"
    kept = fill(path, months=2, count=3_000)
    seconds = count(step=10.0)
    rests: list[float] = []
    slow = SimpleNamespace(perf_counter=lambda: next(seconds), sleep=rests.append)
    monkeypatch.setattr(archiving, "time", slow)
    archived(path)
    assert rows(path) == list(range(3_000, 6_000))
    assert 3_000 / archiving.LEAST_STEP < len(rests) < 3_000 / archiving.LEAST_STEP + 50
    assert read_all(path) == kept
