"""Archiving: closed months of the embedded log move into Parquet files beside it.

A month of a partition is closed when a later record stands behind it: as `recorded_at` never decreases,
nothing can come into it any more, whatever the clock says; and the newest record of a partition always stays
in the log's own file.

The order is what makes it safe to end at any point. A file is written under another name, synced, compared
with the log record by record, renamed, and the folder synced; then one transaction says that the file holds
these offsets. From then on readers take them from there, and the rows in the log's file are only in the way:
they are deleted in steps, and the space is given back in steps, so that appends never wait for long. Whatever
was left undone the next run does first.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sqlite3
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from kizuna.schemas.errors import ConfigurationError, CorruptRecord, LogUnavailable

from . import archive_file
from .archive import archived_files, folder_of
from .archive_file import ArchivedFile, ArchiveReader
from .frame import FrameCodec
from .months import Month
from .port import Bounds, EventLog, Records, TopicPartition
from .sqlite_errors import translated
from .sqlite_file import ARCHIVED_FORMAT, connect_writer, table_of, when_free

FILE_BYTES = 1_000_000_000
"""Bytes of values in one file: a larger month gets several, so that a run that is cut off loses no more."""

STEP_SECONDS = 0.05
"""How long one step holds the log's write lock, about. It rests as long behind each."""

LEAST_STEP = 64
"""Rows or pages of the first step; later ones are as large as the time allows, never smaller: a step that
took long on so few waited for others, and smaller ones would wait as long each."""

_READ = 10_000
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700
_INCREMENTAL = 2

_DELETE = (
    'DELETE FROM {table} WHERE "offset" < min((SELECT min("offset") FROM {table}) + ?, (SELECT'
    ' ifnull(max("end"), 0) FROM archive WHERE topic = ? AND partition = ?))'
)

Moment = Callable[[TopicPartition, int], int]


class Span(NamedTuple):
    """A closed month of a partition that is not archived yet: offsets from `first` to below `end`."""

    lane: TopicPartition
    month: Month
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Files that were written, and bytes of the log's file before and after."""

    files: Sequence[ArchivedFile]
    size_before: int
    size_after: int
    reusable: int
    """Bytes in the log's file that are free for what comes."""


def plan(log: EventLog, path: Path, before: Month) -> list[Span]:
    """What there is to archive of the log at `path`: the closed months before a month."""

    def moment(lane: TopicPartition, offset: int) -> int:
        (record,) = log.read(*lane, offset, 1)
        return record.recorded_at

    return list(closed(log.bounds(), _reached(path), moment, before))


def closed(
    bounds: Mapping[TopicPartition, Bounds],
    archived: Mapping[TopicPartition, int],
    moment: Moment,
    before: Month,
) -> Iterator[Span]:
    """Every closed month before a month. `moment` gives the `recorded_at` of an offset: few are asked for."""
    for lane, (first, end) in bounds.items():
        start = max(first, archived.get(lane, first))
        if start >= end - 1:
            continue
        limit = min(before, Month.of(moment(lane, end - 1)))
        while start < end - 1 and (month := Month.of(moment(lane, start))) < limit:
            rest = range(start, end - 1)
            next_month = month.plus(1).begins
            behind = start + bisect_left(rest, next_month, key=lambda offset: moment(lane, offset))
            yield Span(lane, month, start, behind)
            start = behind


def archive(
    log: EventLog,
    path: Path,
    spans: Sequence[Span],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Archive what was planned of the log at `path`, which `log` reads; other processes may read and append
    meanwhile. `progress` is told of records done, of all; once `stopped` says so it ends at the next step,
    with what is whole by then. What was archived since it was planned is passed over.

    Raises LogUnavailable when the disk is full or the log is held for too long, CorruptRecord at a damaged
    record, of whose month nothing is archived then, ConfigurationError while another process archives.
    """
    size_before = size_of(path)
    with translated(path), closing(connect_writer(path)) as connection, _alone(path):
        run = _Run(log, path, connection, progress, stopped)
        run.clear()
        run.archive(_left(spans, log.bounds(), _reached(path)))
        run.give_back()
        ((free,),) = connection.execute("PRAGMA freelist_count").fetchall()
        ((page,),) = connection.execute("PRAGMA page_size").fetchall()
    return Outcome(run.written, size_before, size_of(path), free * page)


def size_of(path: Path) -> int:
    """Bytes of the log's file, with what stands in its write-ahead log."""
    beside = path.with_name(f"{path.name}-wal")
    return sum(one.stat().st_size for one in (path, beside) if one.exists())


def _reached(path: Path) -> dict[TopicPartition, int]:
    """Up to where each partition is archived."""
    return {file.lane: file.end for file in archived_files(path)}


def _left(
    spans: Sequence[Span], bounds: Mapping[TopicPartition, Bounds], archived: Mapping[TopicPartition, int]
) -> Iterator[Span]:
    """What is left of the spans, each behind what is archived by then; never the newest record."""
    reached = {lane: max(first, archived.get(lane, first)) for lane, (first, _) in bounds.items()}
    for span in spans:
        first, end = max(span.first, reached[span.lane]), min(span.end, bounds[span.lane].end - 1)
        if first > reached[span.lane]:
            raise ValueError(f"{span} leaves out records from {reached[span.lane]} on")
        if first < end:
            yield span._replace(first=first, end=end)
            reached[span.lane] = end


class _Run:
    """One run. Its connection writes; each record passes three times: written, compared, deleted."""

    def __init__(
        self,
        log: EventLog,
        path: Path,
        connection: sqlite3.Connection,
        progress: Callable[[int, int], None],
        stopped: Callable[[], bool],
    ) -> None:
        self.written: list[ArchivedFile] = []
        self._log = log
        self._path = path
        self._folder = folder_of(path)
        self._connection = connection
        self._progress = progress
        self._stopped = stopped
        self._passed = 0
        self._total = 0

    def clear(self) -> None:
        """What a run that was cut off left: files half written, rows that a file holds."""
        for beside in self._folder.glob("*.new"):
            beside.unlink()
        for lane in self._log.bounds():
            self._delete(lane)

    def archive(self, spans: Iterable[Span]) -> None:
        spans = list(spans)
        self._passed, self._total = 0, sum(span.end - span.first for span in spans)
        for span in spans:
            first = span.first
            while first < span.end and not self._stopped():
                file = self._write(span, first)
                if file is None:
                    return
                self.written.append(file)
                self._delete(span.lane)
                first = file.end

    def give_back(self) -> None:
        """Free pages go from the end of the file, which shrinks; a file of an earlier version keeps them."""
        ((mode,),) = self._connection.execute("PRAGMA auto_vacuum").fetchall()
        if mode == _INCREMENTAL:
            self._in_steps(self._shrink)
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _write(self, span: Span, first: int) -> ArchivedFile | None:
        """One file from `first` on, whole and known to the log; None when told to stop."""
        beside = self._folder / f"{_name(span, 1)}.new"
        codec = FrameCodec(self._log.identity.log_id, span.lane)
        try:
            end = self._write_rows(beside, codec, span, first)
            size = beside.stat().st_size
            file = ArchivedFile(span.lane, first, end, beside.name, size, _digest(beside))
            if self._stopped() or not self._compare(file, codec):
                return None
            file = file._replace(name=self._named(beside, span, file.sha256))
            _sync_folder(self._folder)
        except OSError as error:
            raise _no_room(error, self._folder) from error
        finally:
            beside.unlink(missing_ok=True)
        self._record(file)
        return file

    def _write_rows(self, beside: Path, codec: FrameCodec, span: Span, first: int) -> int:
        """Write rows until the month, or what one file takes, is at its end; that end."""
        end = first
        size = 0

        def parts() -> Iterator[Records]:
            nonlocal end, size
            while end < span.end and size < FILE_BYTES and not self._stopped():
                records = self._log.read(*span.lane, end, min(_READ, span.end - end))
                size += sum(map(len, records.values))
                end += len(records)
                yield records
                self._pass(len(records))

        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as out:
            archive_file.write(out, codec, parts())
            out.flush()
            os.fsync(out.fileno())
        return end

    def _compare(self, file: ArchivedFile, codec: FrameCodec) -> bool:
        """Read the file back and compare each record with the log's. False when told to stop."""
        at = file.first
        with closing(ArchiveReader(self._folder / file.name, file, codec)) as reader:
            while at < file.end:
                if self._stopped():
                    return False
                ours = reader.read(at, _READ)
                if ours != self._log.read(*file.lane, at, len(ours)):
                    raise CorruptRecord(
                        f"{self._folder / file.name} was read back otherwise than it was written.",
                        hint="Nothing was archived. Check the disk and the memory of this machine.",
                    )
                at += len(ours)
                self._pass(len(ours))
        return True

    def _named(self, beside: Path, span: Span, digest: str) -> str:
        """Give it a name. A file that is there and is not the same is never replaced: it may be all that is
        left of another state of this log. The same is there after a run that was cut off."""
        taken = {file.name for file in archived_files(self._path)}
        for number in count(1):
            name = _name(span, number)
            target = self._folder / name
            if name not in taken and (not target.exists() or _digest(target) == digest):
                os.replace(beside, target)
                return name
        raise AssertionError("unreachable")

    def _record(self, file: ArchivedFile) -> None:
        """The log knows the file, from one moment to the next."""
        connection = self._connection
        try:
            when_free(connection, "BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO archive VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*file.lane, file.first, file.end, file.name, file.size, file.sha256),
            )
            connection.execute(f"PRAGMA user_version = {ARCHIVED_FORMAT}")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            # Of a commit that failed in another way nobody knows whether it will be there after a crash.
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
                (self._folder / file.name).unlink(missing_ok=True)
            raise

    def _delete(self, lane: TopicPartition) -> None:
        """The rows that files hold."""
        statement = _DELETE.format(table=table_of(lane))

        def step(rows: int) -> int:
            when_free(self._connection, statement, (rows, *lane))
            ((deleted,),) = self._connection.execute("SELECT changes()").fetchall()
            self._pass(deleted)
            return int(deleted)

        self._in_steps(step)

    def _shrink(self, pages: int) -> int:
        before = self._free()
        if before:
            # It returns rows without columns, of which `execute` takes the first only: one page.
            when_free(self._connection, f"PRAGMA incremental_vacuum({pages})", script=True)
        return before - self._free()

    def _free(self) -> int:
        ((free,),) = self._connection.execute("PRAGMA freelist_count").fetchall()
        return int(free)

    def _in_steps(self, step: Callable[[int], int]) -> None:
        """Do it until nothing is left to do. Whoever waits for the lock has a time as long to take it."""
        size = LEAST_STEP
        while not self._stopped():
            began = time.perf_counter()
            if step(size) <= 0:
                return
            took = time.perf_counter() - began
            size = max(LEAST_STEP, int(size * min(2.0, max(0.25, STEP_SECONDS / took))))
            time.sleep(took)

    def _pass(self, records: int) -> None:
        self._passed += records
        if self._total:
            self._progress(min(self._passed // 3, self._total), self._total)


def _name(span: Span, number: int) -> str:
    lane = f"{span.lane.topic}-{span.lane.partition}-{span.month}"
    return f"{lane}.parquet" if number == 1 else f"{lane}-{number}.parquet"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process, and one thread of it, archives at a time."""
    folder = folder_of(path)
    if not folder.exists():
        folder.mkdir(_PRIVATE_FOLDER, exist_ok=True)
        _sync_folder(folder.parent)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError("This log is being archived already.", hint="Let it finish.") from None
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """A name in it is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _no_room(error: OSError, folder: Path) -> LogUnavailable:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return LogUnavailable(
        f"Cannot archive into {folder}: {error.strerror or error}.",
        hint="Free space on the disk: nothing was lost." if full else "Make it writable for this user.",
    )
