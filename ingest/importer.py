"""Imports a file: its rows become events by a map, pass the same door as every event, and go to the log."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple
from uuid import UUID

from kizuna.eventlog.port import EventLog, NewRecord, TopicPartition
from kizuna.eventlog.topics import DEFINITIONS, FAILED_EVENTS, TOUCHPOINTS
from kizuna.schemas.admission import Origin
from kizuna.schemas.definitions import Definition, Import

from .arrangement import Arrangement
from .cursor import Cursor, CursorFile, ends
from .map_file import MapFile
from .readers import Reader, open_file
from .sealing import Sealed, Sealer, import_id_for, task_id_for

BATCH_RECORDS = 2_000
BATCH_BYTES = 4_000_000
EXAMPLES = 20


class Progress(NamedTuple):
    """How far it has come, in rows of the file. While it reads, `total` is an estimate."""

    stage: Literal["read", "arrange", "append"]
    rows: int
    total: int
    events: int
    failed: int


class Failure(NamedTuple):
    """One of the failed events, to be shown."""

    line: int
    code: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `events` and `failed` count the whole file, also what an earlier run had appended
    that was stopped after `resumed_at` of them; `left_out` counts rows by the name the map gives them. When
    the file was imported with this map before, `repeats` is set: unless that import was undone, its events
    count as duplicates now.
    `examples` are the first failures of this run."""

    import_id: str
    source: str
    received_at: datetime
    rows: int
    events: int
    failed: int
    left_out: dict[str, int]
    seconds: float
    resumed_at: int
    repeats: bool
    examples: tuple[Failure, ...]


def run_import(
    path: Path,
    map_file: MapFile,
    log: EventLog,
    workspace_key: str,
    *,
    clock: Callable[[], datetime],
    state_dir: Path,
    dry_run: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> ImportReport:
    """Import the file at `path`. `state_dir` keeps the cursor and, meanwhile, the sorted rows: an import that
    was stopped goes on from its cursor. A dry run does all but append.

    Raises ConfigurationError for a file or map that will not do, LogUnavailable when the log takes nothing:
    then run it again.
    """
    began = time.monotonic()
    reader = _open(path, map_file)
    task_id = task_id_for(map_file.map.source, _sha256(path), map_file.map.sha256())
    cursors = CursorFile(state_dir, task_id)
    with _alone(cursors, dry_run) as folder:
        held = None if dry_run else cursors.load()
        if held is not None and not held.finished and held.holds_for(log):
            cursor = held
        else:
            now = clock()
            cursor = Cursor.first(str(import_id_for(task_id, now)), now, log.identity)
        with Arrangement(folder, map_file.map) as arrangement:
            _arrange(arrangement, reader, progress)
            origin = Origin(map_file.map.source, "secret", cursor.received_at, cursor.import_id)
            sealer = Sealer(map_file.map, path.name, workspace_key, origin)
            run = _Run(arrangement, sealer, cursor, progress)
            if dry_run:
                for _ in run.batches():
                    pass
            else:
                _append(
                    run, log, cursors, Import(file=path.name, rows=arrangement.rows, source=origin.source)
                )
            return ImportReport(
                import_id=cursor.import_id,
                source=origin.source,
                received_at=origin.received_at,
                rows=arrangement.rows,
                events=run.cursor.events,
                failed=run.cursor.failed,
                left_out=arrangement.left_out,
                seconds=time.monotonic() - began,
                resumed_at=cursor.done,
                repeats=held is not None and held.finished,
                examples=tuple(run.examples),
            )


class _Run:
    """Seals what was arranged, batch by batch. `cursor` stands behind the last batch given."""

    def __init__(
        self, arrangement: Arrangement, sealer: Sealer, cursor: Cursor, progress: Callable[[Progress], None]
    ) -> None:
        self._arrangement = arrangement
        self._sealer = sealer
        self._progress = progress
        self._rows = arrangement.rows_before(cursor.done)
        self.cursor = cursor
        self.examples: list[Failure] = []

    def batches(self) -> Iterator[list[Sealed]]:
        batch: list[Sealed] = []
        size = 0
        while items := self._arrangement.items(self.cursor.done + len(batch), BATCH_RECORDS):
            for item in items:
                batch.append(self._sealer.seal(item))
                size += len(batch[-1].record.value)
                if len(batch) == BATCH_RECORDS or size > BATCH_BYTES:
                    self._count(batch)
                    yield batch
                    batch, size = [], 0
        if batch:
            self._count(batch)
            yield batch

    def _count(self, batch: Sequence[Sealed]) -> None:
        refused = [(one.line, one.refusal) for one in batch if one.refusal]
        self.cursor = self.cursor.moved(len(batch) - len(refused), len(refused))
        self._rows += sum(one.n_rows for one in batch)
        self._progress(
            Progress(
                "append", self._rows, self._arrangement.total_rows, self.cursor.events, self.cursor.failed
            )
        )
        for line, refusal in refused[: EXAMPLES - len(self.examples)]:
            self.examples.append(Failure(line, refusal.code, refusal.path, refusal.reason))


def _append(run: _Run, log: EventLog, cursors: CursorFile, about: Import) -> None:
    """One batch is on its way to the disk while the next is sealed; the cursor follows what is durable. It
    is there before the first batch is: all records of an import carry the moment it began."""
    cursors.save(run.cursor.model_copy(update={"ends": ends(log)}))
    if not run.cursor.done:
        log.append(DEFINITIONS, [_described(run.cursor, about)]).result()
    behind: list[Callable[[], None]] = []
    for batch in run.batches():
        behind.append(partial(_settle, _send(batch, log), run.cursor, log, cursors))
        if len(behind) > 1:
            behind.pop(0)()
    for settle in behind:
        settle()
    cursors.save(run.cursor.model_copy(update={"finished": True, "ends": ends(log)}))


def _described(cursor: Cursor, about: Import) -> NewRecord:
    """What lists of imports show of it beside its events. Appended twice, it counts once."""
    one = Definition(
        definition_id=UUID(cursor.import_id),
        kind="import",
        name=f"import-{cursor.import_id}",
        received_at=cursor.received_at,
        body=about.model_dump(),
    )
    return NewRecord(f"{one.kind}/{one.name}".encode(), one.model_dump_json().encode())


def _send(batch: Sequence[Sealed], log: EventLog) -> list[Future[list[TopicPartition]]]:
    events = [one.record for one in batch if one.refusal is None]
    failed = [one.record for one in batch if one.refusal is not None]
    return [
        log.append(topic, records)
        for topic, records in ((TOUCHPOINTS, events), (FAILED_EVENTS, failed))
        if records
    ]


def _settle(
    futures: Sequence[Future[list[TopicPartition]]], cursor: Cursor, log: EventLog, cursors: CursorFile
) -> None:
    for future in futures:
        future.result()
    cursors.save(cursor.model_copy(update={"ends": ends(log)}))


def _open(path: Path, map_file: MapFile) -> Reader:
    reader = open_file(path, map_file.map.format)
    if reader.columns is not None:
        map_file.check_columns(reader.columns)
    return reader


def _arrange(arrangement: Arrangement, reader: Reader, progress: Callable[[Progress], None]) -> None:
    def told(rows: int, share: float) -> None:
        progress(Progress("read", rows, max(rows, round(rows / share)) if share else rows, 0, 0))

    sheet = arrangement.load(reader, told)
    progress(Progress("arrange", arrangement.rows, arrangement.rows, 0, 0))
    arrangement.arrange(sheet)


@contextmanager
def _alone(cursors: CursorFile, dry_run: bool) -> Iterator[Path]:
    """A folder for the sorted rows; of the import that appends, no other process runs it meanwhile."""
    if dry_run:
        with TemporaryDirectory(prefix="kizuna-import-") as folder:
            yield Path(folder)
        return
    with cursors.locked():
        shutil.rmtree(cursors.rows, ignore_errors=True)  # of a run that was killed
        cursors.rows.mkdir()
        try:
            yield cursors.rows
        finally:
            shutil.rmtree(cursors.rows)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
