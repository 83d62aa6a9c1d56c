"""A log that is damaged, or no log at all, is noticed, named, and never read as if nothing were wrong."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from kizuna.eventlog import sqlite_file, topics
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.schemas.errors import ConfigurationError, CorruptRecord, LogUnavailable, TerminalError

TOPIC = topics.TOUCHPOINTS
LANE = TopicPartition(TOPIC, 0)
RECORDS = [NewRecord(b"key%03d" % n, b"value%03d" % n * 20) for n in range(200)]


def open_log(path: Path) -> SqliteLog:
    return SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))


def filled(path: Path) -> Path:
    with closing(open_log(path)) as log:
        log.append(TOPIC, RECORDS).result(timeout=10)
    return path


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount


@pytest.mark.parametrize("place", ["checksum", "offset", "recorded_at", "lengths", "key", "value"])
def test_a_changed_byte_names_its_record(tmp_path: Path, place: str) -> None:
    """One bit of the record at offset 70, found in the file by its key. Before the key stand the checksum (4
    bytes), offset (8), time (8) and two lengths (4 each), behind it the value (160)."""
    path = filled(tmp_path / "log.sqlite")
    content = bytearray(path.read_bytes())
    key = content.index(b"key070")
    at = {"checksum": -28, "offset": -24, "recorded_at": -16, "lengths": -8, "key": 3, "value": 100}[place]
    content[key + at] ^= 0x10
    path.write_bytes(content)
    with closing(open_log(path)) as log:
        assert len(log.read(TOPIC, 0, 0, 70)) == 70
        assert [record.offset for record in log.read(TOPIC, 0, 71, 200)] == list(range(71, 200))
        with pytest.raises(CorruptRecord, match=r"touchpoints/0, offset 70:.*backup"):
            log.read(TOPIC, 0, 0, 200)


def test_any_changed_byte_of_the_file_is_noticed_or_does_no_harm(tmp_path: Path) -> None:
    """One bit at each of 300 seeded places behind the first page, which is SQLite's own directory: either an
    error says so, or all is read as it was written."""
    good = filled(tmp_path / "good.sqlite").read_bytes()
    path = tmp_path / "log.sqlite"
    chance = random.Random(7)
    noticed = 0
    for _ in range(300):
        content = bytearray(good)
        content[chance.randrange(sqlite_file.PAGE_BYTES, len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        try:
            with closing(open_log(path)) as log:
                assert log.bounds()[LANE].end == len(RECORDS)
                read = log.read(TOPIC, 0, 0, 1_000)
        except (TerminalError, LogUnavailable):
            noticed += 1
        else:
            assert [NewRecord(record.key, record.value) for record in read] == RECORDS
    assert noticed > 60


@pytest.mark.parametrize(
    "statement",
    [
        'DELETE FROM "touchpoints/0" WHERE "offset" = 70',
        'UPDATE "touchpoints/0" SET "offset" = 1070 WHERE "offset" = 70',
        'UPDATE "touchpoints/0" SET frame = (SELECT frame FROM "touchpoints/0" WHERE "offset" = 71)'
        ' WHERE "offset" = 70',
        'UPDATE "touchpoints/0" SET frame = x\'\' WHERE "offset" = 70',
        'UPDATE "touchpoints/0" SET frame = substr(frame, 1, 40) WHERE "offset" = 70',
        'UPDATE "touchpoints/0" SET frame = CAST(frame || x\'00\' AS BLOB) WHERE "offset" = 69',
    ],
)
def test_a_record_that_was_tampered_with_is_noticed(tmp_path: Path, statement: str) -> None:
    path = filled(tmp_path / "log.sqlite")
    change(path, statement)
    with closing(open_log(path)) as log, pytest.raises(CorruptRecord, match="offset 70"):
        log.read(TOPIC, 0, 0, 200)


def test_a_record_of_another_log_does_not_pass(tmp_path: Path) -> None:
    path = filled(tmp_path / "log.sqlite")
    change(path, "UPDATE log SET log_id = ?", str(UUID(int=2)))
    with closing(open_log(path)) as log, pytest.raises(CorruptRecord, match="offset 0"):
        log.read(TOPIC, 0, 0, 200)


def test_nothing_is_appended_behind_a_damaged_end(tmp_path: Path) -> None:
    """Its time or offset would go on into what comes behind it."""
    path = filled(tmp_path / "log.sqlite")
    change(path, 'UPDATE "touchpoints/0" SET frame = x\'00\' WHERE "offset" = 199')
    with closing(open_log(path)) as log:
        with pytest.raises(CorruptRecord, match="offset 199"):
            log.append(TOPIC, RECORDS[:1]).result(timeout=10)
        assert log.append(topics.DEFINITIONS, RECORDS[:1]).result(timeout=10)


def make_text(path: Path) -> None:
    path.write_text("id,name\n" * 1_000)


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER)")


def make_later_format(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_text, "is not a log"),
        (make_database, "is an SQLite database, but not a log"),
        (make_later_format, "has format 99"),
    ],
)
def test_what_is_no_log_is_not_touched(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "log.sqlite"
    make(path)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=message):
        open_log(path)
    assert path.read_bytes() == before


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match=r"nowhere/log\.sqlite.*folder exists"):
        open_log(tmp_path / "nowhere" / "log.sqlite")


def test_a_log_held_by_another_for_too_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    path = filled(tmp_path / "log.sqlite")
    with closing(open_log(path)) as log, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="Another process holds the log"):
            log.append(TOPIC, RECORDS).result(timeout=10)
        assert len(log.read(TOPIC, 0, 0, 1_000)) == 200
        other.rollback()
        log.append(TOPIC, RECORDS).result(timeout=10)
        assert log.bounds()[LANE].end == 400


def test_large_records_come_fewer_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "MAX_READ_BYTES", 2_000)
    with closing(open_log(filled(tmp_path / "log.sqlite"))) as log:
        values: list[bytes] = []
        while read := log.read(TOPIC, 0, len(values), 1_000):
            assert len(read) < 15
            values += [record.value for record in read]
    assert values == [record.value for record in RECORDS]


def test_a_topic_new_in_this_version_is_added(tmp_path: Path) -> None:
    path = filled(tmp_path / "log.sqlite")
    change(path, "DELETE FROM partitions WHERE topic = ?", topics.FAILED_EVENTS)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f'DROP TABLE "{topics.FAILED_EVENTS}/0"')
    with closing(open_log(path)) as log:
        log.append(topics.FAILED_EVENTS, RECORDS).result(timeout=10)
        assert {end for _, end in log.bounds().values()} == {0, 200}


def test_what_a_log_was_made_with_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with closing(
        SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=5), partitions=3, generation=2)
    ) as log:
        identity = log.identity
    with closing(open_log(path)) as log:
        assert log.identity == identity
        assert len(log.bounds()) == 3 * len(topics.ALL)
