"""What of a log was archived: closed months of a partition, in Parquet files beside it that never change."""

from __future__ import annotations

import sqlite3
import threading
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from .archive_file import FOLDER, ArchivedFile, ArchiveReader
from .faults import corrupt
from .frame import FrameCodec
from .port import Records, TopicPartition
from .sqlite_errors import translated
from .sqlite_file import MAX_READ_BYTES, connect, keeps_archive

OPEN_FILES = 4
"""As many stay open, each with some MB unpacked: of each topic the one that is read."""

_FILES = (
    'SELECT topic, partition, first, "end", file, bytes, sha256 FROM archive ORDER BY topic, partition, first'
)


def folder_of(log: Path) -> Path:
    """Where the archived files of a log lie."""
    return log.with_name(FOLDER)


def archived_files(log: Path) -> list[ArchivedFile]:
    """The files that the log at this path, or a copy of its SQLite file, needs beside it, in the order of
    their offsets; their names are those in `folder_of` it. Raises what opening a log raises."""
    with translated(log), closing(connect(log)) as connection:
        return listed(connection) if keeps_archive(connection) else []


def listed(connection: sqlite3.Connection) -> list[ArchivedFile]:
    return [
        ArchivedFile(TopicPartition(topic, partition), first, end, str(name), size, str(sha256))
        for topic, partition, first, end, name, size, sha256 in connection.execute(_FILES).fetchall()
    ]


class Archive:
    """Reads what was archived. `listing` gives the files as the log knows them now."""

    def __init__(
        self,
        folder: Path,
        codecs: Mapping[TopicPartition, FrameCodec],
        listing: Callable[[], Sequence[ArchivedFile]],
    ) -> None:
        self._folder = folder
        self._codecs = codecs
        self._listing = listing
        self._files: Mapping[TopicPartition, Sequence[ArchivedFile]] = {}
        self._open: OrderedDict[str, ArchiveReader] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, lane: TopicPartition, start: int, end: int, limit: int) -> Records:
        """At most `limit` records from `start` to below `end`, all of which was archived; of large records
        fewer. Raises `CorruptRecord`, `LogUnavailable`."""
        records, size = Records(), 0
        with self._lock:
            while start < end and len(records) < limit and size < MAX_READ_BYTES:
                part = self._reader(lane, start).read(start, limit - len(records))
                size += sum(map(len, part.values))
                records.extend(part)
                start += len(part)
        return records

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _reader(self, lane: TopicPartition, offset: int) -> ArchiveReader:
        file = self._holding(lane, offset)
        reader = self._open.pop(file.name, None) or ArchiveReader(
            self._folder / file.name, file, self._codecs[lane]
        )
        self._open[file.name] = reader
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)[1].close()
        return reader

    def _holding(self, lane: TopicPartition, offset: int) -> ArchivedFile:
        """The file is found among those known: they never change, but more are written."""
        for look_again in (True, False):
            files = self._files.get(lane, ())
            at = bisect_right(files, offset, key=lambda file: file.first) - 1
            if at >= 0 and offset < files[at].end:
                return files[at]
            if look_again:
                found = defaultdict(list)
                for file in self._listing():
                    found[file.lane].append(file)
                self._files = found
        raise corrupt(lane, offset)
