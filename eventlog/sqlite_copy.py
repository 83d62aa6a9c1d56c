"""A copy of the embedded log, made while it is written to."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

from .archive import archived_files
from .port import Bounds, LogIdentity, TopicPartition
from .sqlite import SqliteLog
from .sqlite_errors import translated
from .sqlite_file import connect

READ_LIMIT = 20_000


def copy(path: Path, into: Path) -> None:
    """Write a log of its own with all that was durable before the call, and what came in until it was read.
    Appends go on meanwhile, from any process. Raises LogUnavailable when there is no room for it."""
    with translated(path), closing(connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(into),))
    with translated(into), closing(connect(into)) as made:
        made.execute("PRAGMA journal_mode = WAL").fetchall()  # a copy begins without
    with into.open("rb") as file:
        os.fsync(file.fileno())


def verify(
    path: Path, progress: Callable[[int, int], None]
) -> tuple[LogIdentity, dict[TopicPartition, Bounds]]:
    """Which log it is and where it ends, once every record in this file was read and compared with its
    checksum; not those in archived files. For a log that nobody else has open. `progress` gets records read
    and records in all. Raises CorruptRecord."""
    archived: dict[TopicPartition, int] = {}
    for file in archived_files(path):
        archived[file.lane] = max(file.end, archived.get(file.lane, 0))
    with closing(SqliteLog(path, clock=lambda: 0, new_id=lambda: UUID(int=0))) as log:
        bounds = log.bounds()
        starts = {lane: max(its.first, archived.get(lane, 0)) for lane, its in bounds.items()}
        total, done = sum(its.end - starts[lane] for lane, its in bounds.items()), 0
        for lane, its in bounds.items():
            offset = starts[lane]
            while offset < its.end:
                records = log.read(lane.topic, lane.partition, offset, READ_LIMIT)
                if not records:
                    break
                offset = records.offsets[-1] + 1
                done += len(records)
                progress(done, total)
        return log.identity, bounds
