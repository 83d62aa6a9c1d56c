"""An archived file that is missing, cut, damaged or another one is noticed and named, and never read as if
nothing were wrong."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from kizuna.eventlog import archiving
from kizuna.eventlog.archiving import archive, plan
from kizuna.eventlog.inspection import MOST_NAMED, damages
from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.schemas.errors import CorruptRecord, LogUnavailable, TerminalError
from tests.archives import AUGUST, LANE, NEVER, TOPIC, archived, fill, opened, read_all
from tests.conformance.rigs import SettableClock

AUGUST_FILE = "touchpoints-0-2026-08.parquet"
SEPTEMBER_FILE = "touchpoints-0-2026-09.parquet"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with three months of ten records archived, and a fourth in its own file."""
    made = tmp_path / "log.sqlite"
    fill(made)
    archived(made)
    return made


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def overwrite(file: Path) -> None:
    file.write_bytes(b"x" * file.stat().st_size)


def damage_footer(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-40:-8] = b"\xff" * 32
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [remove, cut, empty, overwrite, damage_footer])
def test_a_file_that_is_harmed_is_named(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path.parent / "archive" / SEPTEMBER_FILE)
    with opened(path) as log:
        assert len(log.read(*LANE, 0, 10)) == 10
        for start in (10, 15, 19):
            with pytest.raises(
                CorruptRecord, match=rf"touchpoints/0, offset \d+: archive/{SEPTEMBER_FILE} .*backup"
            ):
                log.read(*LANE, start, 10)
        assert [one.offset for one in log.read(*LANE, 20, 100)] == list(range(20, 40))
        log.append(TOPIC, [NewRecord(b"key", b"value")]).result(timeout=10)
        assert log.bounds()[LANE] == (0, 41)


def test_a_file_in_the_place_of_another_is_noticed(path: Path) -> None:
    folder = path.parent / "archive"
    shutil.copy(folder / AUGUST_FILE, folder / SEPTEMBER_FILE)
    with opened(path) as log, pytest.raises(CorruptRecord, match=SEPTEMBER_FILE):
        log.read(*LANE, 10, 10)


def test_a_file_of_another_log_is_noticed(path: Path, tmp_path: Path) -> None:
    """The same records, archived by a log with another id."""
    other = tmp_path / "other" / "log.sqlite"
    other.parent.mkdir()
    clock = SettableClock()
    with closing(SqliteLog(other, clock=clock, new_id=lambda: UUID(int=2))) as log, opened(path) as ours:
        for month in range(2):
            clock.now = AUGUST.plus(month).begins + 1_000_000 * month
            mine = ours.read(*LANE, month * 10, 10)
            log.append(TOPIC, [NewRecord(one.key, one.value) for one in mine]).result(timeout=10)
        archive(log, other, plan(log, other, NEVER))
        assert log.read(*LANE, 0, 20) == ours.read(*LANE, 0, 20)
    shutil.copy(other.parent / "archive" / AUGUST_FILE, path.parent / "archive" / AUGUST_FILE)
    with opened(path) as log, pytest.raises(CorruptRecord, match=f"offset 0: archive/{AUGUST_FILE}"):
        log.read(*LANE, 0, 10)


def test_any_changed_byte_of_a_file_is_noticed_or_does_no_harm(tmp_path: Path) -> None:
    """One bit at each of 400 seeded places: either an error says so, or all is read as it was written."""
    path = tmp_path / "log.sqlite"
    kept = fill(path, months=2, count=200, size=200)
    archived(path)
    file = tmp_path / "archive" / AUGUST_FILE
    good = file.read_bytes()
    chance = random.Random(11)
    noticed = 0
    for _ in range(400):
        content = bytearray(good)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
        try:
            found = read_all(path)
        except (TerminalError, LogUnavailable):
            noticed += 1
        else:
            assert found == kept
    assert noticed > 200


@pytest.mark.parametrize(
    "change",
    [
        '"end" = "end" + 1 WHERE first = 20',
        '"end" = "end" - 1 WHERE first = 20',
        '"end" = 35 WHERE first = 20',
        "first = 11 WHERE first = 10",
        "first = 9 WHERE first = 10",
        "bytes = bytes + 1 WHERE first = 10",
        f"file = '{AUGUST_FILE}x' WHERE first = 0",
        "topic = 'definitions' WHERE first = 20",
    ],
)
def test_a_changed_list_of_files_is_noticed(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(f"UPDATE archive SET {change}").rowcount == 1
    with pytest.raises(CorruptRecord):
        read_all(path)


def test_nothing_is_archived_of_a_month_with_a_damaged_record(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    fill(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('UPDATE "touchpoints/0" SET frame = zeroblob(80) WHERE "offset" = 15')
    with pytest.raises(CorruptRecord, match=r"touchpoints/0, offset 15"):
        archived(path)
    assert os.listdir(path.parent / "archive") == [AUGUST_FILE]
    with opened(path) as log:
        assert len(log.read(*LANE, 0, 15)) == 15
        assert len(log.read(*LANE, 16, 100)) == 24


def test_what_is_read_back_otherwise_than_it_was_written_is_not_archived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that keeps something else than it was given."""
    path = tmp_path / "log.sqlite"
    kept = fill(path)
    digest = archiving._digest

    def changed(file: Path) -> str:
        content = bytearray(file.read_bytes())
        content[100:200] = bytes(100)
        file.write_bytes(content)
        return digest(file)

    monkeypatch.setattr(archiving, "_digest", changed)
    with pytest.raises(CorruptRecord):
        archived(path)
    assert os.listdir(tmp_path / "archive") == []
    assert read_all(path) == kept


def test_a_look_over_the_whole_log_names_what_is_damaged(path: Path) -> None:
    (path.parent / "archive" / AUGUST_FILE).unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        for offset in (33, 37):
            connection.execute(f'UPDATE "touchpoints/0" SET frame = zeroblob(80) WHERE "offset" = {offset}')
    with opened(path) as log:
        found = [(damage.lane, damage.offset) for damage in damages(log)]
    assert found == [(LANE, offset) for offset in (*range(10), 33, 37)]


def test_a_look_over_the_whole_log_ends_where_too_much_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    fill(path, count=1_000)
    archived(path)
    read: list[int] = []
    with opened(path) as log:
        assert list(damages(log, read.append)) == []
        assert sum(read) == 4_000
    (tmp_path / "archive" / SEPTEMBER_FILE).unlink()
    with opened(path) as log:
        assert [damage.offset for damage in damages(log)] == list(range(1_000, 1_000 + MOST_NAMED))
