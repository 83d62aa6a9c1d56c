"""The file of the embedded log: its tables, its header, and how it is opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from kizuna.schemas.errors import ConfigurationError

from . import topics
from .port import LogIdentity, TopicPartition
from .sqlite_errors import damaged, translated

APPLICATION_ID = 0x6B7A6C67  # "kzlg", at byte 68 of the file
FORMAT = 1
ARCHIVED_FORMAT = 2
"""Of a log that was archived in part: a version that knows no archives must not take it for whole."""

PAGE_BYTES = 8192

CHECKPOINT_PAGES = 1_000
"""After so many pages (8 MB) the write-ahead log goes into the file: 10-20 ms each time. Four times as much
was no faster, and stopped the appends for four times as long."""

WRITER_CACHE_KIB = 16_000
"""Holds the largest transaction, which otherwise spills to the disk before its time."""

MAX_READ_BYTES = 64_000_000

BUSY_SECONDS = 5.0
"""How long to wait for another process to let go of the file."""

_BUSY_STEP_SECONDS = 0.0005

_SCHEMA = (
    "CREATE TABLE log (log_id TEXT NOT NULL, generation INTEGER NOT NULL, partitions INTEGER NOT NULL)",
    # `first` is the lowest offset kept
    "CREATE TABLE partitions (topic TEXT NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL,"
    " PRIMARY KEY (topic, partition))",
)

# What lies in files beside it, offsets from `first` to below `end`. Their rows may be left in the partition's
# table for a while: the file counts.
_ARCHIVE = (
    "CREATE TABLE IF NOT EXISTS archive (topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    ' first INTEGER NOT NULL, "end" INTEGER NOT NULL, file TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL,'
    " sha256 TEXT NOT NULL, PRIMARY KEY (topic, partition, first))"
)

# One table a partition: appending always fills the last page, and the last row is the end.
_PARTITION = 'CREATE TABLE {table} ("offset" INTEGER PRIMARY KEY, frame BLOB NOT NULL)'


class Header(NamedTuple):
    identity: LogIdentity
    counts: Mapping[str, int]
    """The number of partitions of each topic, fixed when the file was made."""


def table_of(lane: TopicPartition) -> str:
    """The quoted name of the table that holds a partition."""
    return f'"{lane.topic}/{lane.partition}"'


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which a commit returns when the disk has it; for one thread at a time, any thread."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's own cache; ignored elsewhere
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_writer(path: Path) -> sqlite3.Connection:
    """For the thread that appends."""
    connection = connect(path)
    connection.execute("PRAGMA busy_timeout = 0")  # `when_free` waits
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """For one statement at a time. A value above MAX_READ_BYTES raises `sqlite3.DataError`."""
    connection = connect(path)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_READ_BYTES)
    return connection


def when_free(
    connection: sqlite3.Connection, statement: str, values: Sequence[object] = (), *, script: bool = False
) -> list[Any]:
    """The rows of a statement that needs the write lock of the file; of a `script` none. Asks often: SQLite's
    own waiting grows to 100 ms a time, so that a process that appends without a break would leave another one
    standing, and for some statements it does not wait at all."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            if script:
                return connection.executescript(statement).fetchall()
            return connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_STEP_SECONDS)


def open_or_create(path: Path, *, new_id: Callable[[], UUID], partitions: int, generation: int) -> Header:
    """The header of the file; a file that is missing or empty becomes a log with these values.

    Raises `ConfigurationError` when the file is something else, or of another format.
    """
    if partitions < 1:
        raise ValueError(f"a topic needs at least one partition, not {partitions}")
    with translated(path), closing(connect(path)) as connection:
        if _is_log(connection, path):
            header = _read_header(connection, path)
            if header.counts.keys() >= set(topics.ALL) and keeps_archive(connection):
                return header
        return _create(connection, path, LogIdentity(new_id(), generation), partitions)


def keeps_archive(connection: sqlite3.Connection) -> bool:
    """False for a log that a version wrote which knew no archives, and that none opened since."""
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'archive'").fetchall()
    return bool(tables)


def _is_log(connection: sqlite3.Connection, path: Path) -> bool:
    """False for an empty database."""
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    ((application,),) = connection.execute("PRAGMA application_id").fetchall()
    if tables and application != APPLICATION_ID:
        raise ConfigurationError(f"{path} is an SQLite database, but not a log.", hint="Choose another file.")
    return bool(tables)


def _create(connection: sqlite3.Connection, path: Path, identity: LogIdentity, partitions: int) -> Header:
    """Make what is missing: all of it, unless another process was faster, or what is new in this version."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # the file can shrink: only at its making
    ((mode,),) = when_free(connection, "PRAGMA journal_mode = WAL")
    if mode != "wal":
        raise ConfigurationError(
            f"{path} lies on a file system without shared memory.", hint="Choose a folder on a local disk."
        )
    when_free(connection, "BEGIN IMMEDIATE")
    if not _is_log(connection, path):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        for statement in _SCHEMA:
            connection.execute(statement)
        values = (str(identity.log_id), identity.generation, partitions)
        connection.execute("INSERT INTO log VALUES (?, ?, ?)", values)
    connection.execute(_ARCHIVE)
    ((partitions,),) = connection.execute("SELECT partitions FROM log").fetchall()
    known = _read_header(connection, path).counts
    for lane in (TopicPartition(topic, n) for topic in topics.ALL for n in range(partitions)):
        if lane.topic not in known:
            connection.execute(_PARTITION.format(table=table_of(lane)))
            connection.execute("INSERT INTO partitions VALUES (?, ?, 0)", lane)
    header = _read_header(connection, path)
    connection.execute("COMMIT")
    return header


def _read_header(connection: sqlite3.Connection, path: Path) -> Header:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    if version not in (FORMAT, ARCHIVED_FORMAT):
        raise ConfigurationError(
            f"{path} has format {version}, this version of Kizuna reads formats up to {ARCHIVED_FORMAT}.",
            hint="Use the version that wrote it.",
        )
    ((log_id, generation),) = connection.execute("SELECT log_id, generation FROM log").fetchall()
    counts = dict(connection.execute("SELECT topic, count(*) FROM partitions GROUP BY topic").fetchall())
    try:
        return Header(LogIdentity(UUID(log_id), int(generation)), counts)
    except (ValueError, TypeError, AttributeError) as error:
        raise damaged(path, error) from error
