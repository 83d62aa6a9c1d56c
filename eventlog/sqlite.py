"""The embedded log: one SQLite file, one thread of a process that writes it, any number that read.

CPython lets go of its global lock at every step of an SQLite statement, and beside a busy thread it can take
milliseconds to get it back. So a partition's records go in by one step and come out by one, as a stream of
frames: row by row, beside one busy thread, reading 50,000 records took 11 s instead of 0.1 s.

Closed months may lie in files beside it (`archiving`): a reader does not notice.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from kizuna.schemas.errors import CorruptRecord

from .archive import Archive, folder_of, listed
from .archive_file import ArchivedFile
from .changes import Changes
from .faults import gap
from .frame import FrameCodec
from .group_commit import Append, GroupCommit
from .partitioner import Partitioner
from .port import Bounds, LogIdentity, NewRecord, Records, TopicPartition
from .reader_pool import ReaderPool
from .sqlite_errors import translated
from .sqlite_file import connect, connect_writer, open_or_create, table_of, when_free

_SPAN_BITS = 20  # MAX_RECORD_BYTES and the head of a frame are less than 2**20 bytes

# A damaged `first` reads as a number all the same: records that are missing are noticed by their offsets.
_FIRST = (
    "(SELECT CAST(ifnull(max(first), 0) AS INTEGER) FROM partitions"
    " WHERE topic = '{lane.topic}' AND partition = {lane.partition})"
)
_TAIL = f'SELECT {_FIRST}, max("offset"), frame FROM {{table}}'
_INSERT = (
    "INSERT INTO {table}"
    f" SELECT ? + key, substr(?, value >> {_SPAN_BITS}, value & {(1 << _SPAN_BITS) - 1}) FROM json_each(?)"
)
_ARCHIVED = (
    '(SELECT CAST(ifnull(max("end"), 0) AS INTEGER) FROM archive'
    " WHERE topic = '{lane.topic}' AND partition = {lane.partition})"
)
# Of what was archived none: `>= NULL` finds nothing, and reads nothing either.
_READ = (
    f"SELECT {_FIRST}, {_ARCHIVED}, count(*), CAST(group_concat(frame, '') AS BLOB) FROM (SELECT frame"
    f' FROM {{table}} WHERE "offset" >= CASE WHEN :start >= {_ARCHIVED} THEN :start END'
    ' ORDER BY "offset" LIMIT :limit)'
)
_BOUNDS = f'{_FIRST}, (SELECT max("offset") + 1 FROM {{table}})'


class _Statements(NamedTuple):
    tail: str
    insert: str
    read: str
    bounds: str


def _statements(lane: TopicPartition) -> _Statements:
    parts = (_TAIL, _INSERT, _READ, _BOUNDS)
    return _Statements(*(part.format(lane=lane, table=table_of(lane)) for part in parts))


class SqliteLog:
    """Opens the log at `path`, or makes it: then with `partitions` a topic, `generation`, and an id from
    `new_id`; of a log that exists, those it was made with count. `clock` gives microseconds since 1970.

    The adapter's share of the promises: an append is one transaction with `synchronous=FULL`, so a future is
    done only after the write-ahead log is on the disk; offsets have no holes; several processes may append.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int],
        new_id: Callable[[], UUID],
        partitions: int = 1,
        generation: int = 0,
        group_commit_ms: float = 5,
    ) -> None:
        header = open_or_create(path, new_id=new_id, partitions=partitions, generation=generation)
        self._path = path
        self._identity = header.identity
        self._clock = clock
        self._partitioner = Partitioner(header.counts)
        lanes = self._partitioner.partitions
        self._statements = {lane: _statements(lane) for lane in lanes}
        self._codecs = {lane: FrameCodec(header.identity.log_id, lane) for lane in lanes}
        self._bounds = "SELECT " + ", ".join(self._statements[lane].bounds for lane in lanes)
        self._readers = ReaderPool(path)
        self._archive = Archive(folder_of(path), self._codecs, self._archived_files)
        self._writer: sqlite3.Connection | None = None
        with translated(path):
            self._watcher = connect(path)
        self._changes = Changes(self._data_version)
        self._group_commit = GroupCommit(
            self._commit, committed=self._changes.announce, pause_ms=group_commit_ms
        )

    @property
    def identity(self) -> LogIdentity:
        return self._identity

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        return self._group_commit.submit(self._partitioner.assign(topic, records), records)

    def read(self, topic: str, partition: int, start: int, limit: int) -> Records:
        lane = self._partitioner.lane(topic, partition)
        try:
            first, archived, count, stream = self._select(self._statements[lane].read, start, limit)
        except CorruptRecord as error:
            raise CorruptRecord(f"{topic}/{partition} from offset {start} on: {error}") from error
        if start < first:
            raise gap(lane, start, first)
        if start >= archived:
            return self._codecs[lane].decode(stream or b"", start, count)
        records = self._archive.read(lane, start, archived, limit)
        behind, left = start + len(records), limit - len(records)
        if behind == archived and left > 0:
            records.extend(self.read(topic, partition, behind, left))
        return records

    def bounds(self) -> dict[TopicPartition, Bounds]:
        with self._readers.connection() as connection:
            (row,) = connection.execute(self._bounds).fetchall()
        pairs = zip(row[::2], row[1::2], strict=True)
        return {
            lane: Bounds(first, first if end is None else end)
            for lane, (first, end) in zip(self._statements, pairs, strict=True)
        }

    def wait(self, timeout: float) -> None:
        self._changes.wait(timeout)

    def close(self) -> None:
        self._group_commit.close()
        self._changes.close()
        self._readers.close()
        self._archive.close()
        self._watcher.close()
        self._drop_writer()

    def _archived_files(self) -> list[ArchivedFile]:
        with self._readers.connection() as connection:
            return listed(connection)

    def _select(self, statement: str, start: int, limit: int) -> tuple[int, int, int, bytes | None]:
        """The first offset kept, the end of what was archived, how many frames, and their stream; fewer where
        it would grow too long."""
        with self._readers.connection() as connection:
            while True:
                try:
                    values = {"start": start, "limit": limit}
                    (found,) = connection.execute(statement, values).fetchall()
                    first, archived, count, stream = found
                    return first, archived, count, stream
                except sqlite3.DataError:
                    if limit <= 1:
                        raise
                    limit = max(limit // 4, 1)

    def _data_version(self) -> int:
        with translated(self._path):
            ((version,),) = self._watcher.execute("PRAGMA data_version").fetchall()
        return int(version)

    def _commit(self, group: Sequence[Append]) -> None:
        """One transaction. On failure the connection goes, and with it whatever state it was left in."""
        by_lane: defaultdict[TopicPartition, list[NewRecord]] = defaultdict(list)
        for append in group:
            for lane, record in zip(append.lanes, append.records, strict=True):
                by_lane[lane].append(record)
        with translated(self._path):
            try:
                connection = self._writer = self._writer or connect_writer(self._path)
                when_free(connection, "BEGIN IMMEDIATE")
                now = self._clock()
                for lane, records in by_lane.items():
                    self._insert(connection, lane, records, now)
                connection.execute("COMMIT")
            except BaseException:
                self._drop_writer()
                raise

    def _insert(
        self, connection: sqlite3.Connection, lane: TopicPartition, records: Sequence[NewRecord], now: int
    ) -> None:
        codec, statements = self._codecs[lane], self._statements[lane]
        ((first, last, frame),) = connection.execute(statements.tail).fetchall()
        start, recorded_at = first, now
        if last is not None:
            (tail,) = codec.decode(frame, last, 1)
            start, recorded_at = last + 1, max(now, tail.recorded_at)
        frames = codec.encode_all(start, recorded_at, records)
        ends = accumulate(len(frame) for frame in frames)
        spans = [
            (end - len(frame) + 1) << _SPAN_BITS | len(frame) for end, frame in zip(ends, frames, strict=True)
        ]
        connection.execute(statements.insert, (start, b"".join(frames), str(spans)))

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
