"""A short life of a log: records over months, what is closed is archived, twice. Lived again after a death,
it appends what was not kept and archives what was not archived."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from kizuna.eventlog import archiving, topics
from kizuna.eventlog.archive import archived_files, folder_of
from kizuna.eventlog.inspection import fault_of
from kizuna.eventlog.port import NewRecord, Record
from kizuna.eventlog.sqlite import SqliteLog
from tests.archives import AUGUST, LANE, NEVER, opened
from tests.conformance.rigs import SettableClock

EACH, MONTHS, FIRST_ROUND = 3, 4, 3
"""Records of a month, months, and those of them before anything is archived."""

PADDING = b"." * 5_000
"""So that a record fills a page of the log's file."""

EXPECTED = [
    Record(month * EACH + n, AUGUST.plus(month).begins, b"key", b"%d/%d" % (month, n) + PADDING)
    for month in range(MONTHS)
    for n in range(EACH)
]


def prepare() -> None:
    """One row or page a step, whatever time it takes: the points of a life are the same each time."""
    archiving.LEAST_STEP = 1
    archiving.STEP_SECONDS = 0.0


class ArchiveLife:
    """`done` names the steps that were acknowledged before; `acknowledge` is told of each one that is now."""

    def __init__(self, folder: Path, done: set[str], acknowledge: Callable[[str], None]) -> None:
        self._path = folder / "log.sqlite"
        self._done = done
        self._acknowledge = acknowledge
        self._clock = SettableClock()

    def live(self) -> None:
        self._path.parent.mkdir(exist_ok=True)
        with opened(self._path, self._clock) as log:
            held = log.bounds()[LANE].end
            assert list(log.read(*LANE, 0, 100)) == EXPECTED[:held], "it was not whole"
            for month in range(FIRST_ROUND):
                self._append(log, month)
            self._step("first", lambda: self._archive(log))
            for month in range(FIRST_ROUND, MONTHS):
                self._append(log, month)
            self._step("second", lambda: self._archive(log))

    def _step(self, name: str, act: Callable[[], None]) -> None:
        if name not in self._done:
            act()
            self._acknowledge(name)

    def _append(self, log: SqliteLog, month: int) -> None:
        def act() -> None:
            if log.bounds()[LANE].end > month * EACH:
                return  # kept, but not acknowledged
            self._clock.now = AUGUST.plus(month).begins
            records = [record[2:] for record in EXPECTED if record.recorded_at == self._clock.now]
            log.append(topics.TOUCHPOINTS, [NewRecord(*record) for record in records]).result(10)

        self._step(f"month{month}", act)

    def _archive(self, log: SqliteLog) -> None:
        archiving.archive(log, self._path, archiving.plan(log, self._path, NEVER))

    def wrongs(self) -> Iterator[str]:
        """What a finished life left that its input does not say."""
        with opened(self._path, self._clock) as log:
            if list(log.read(*LANE, 0, 100)) != EXPECTED:
                yield "the log does not hold what it was given"
            if log.bounds()[LANE] != (0, len(EXPECTED)):
                yield f"bounds: {log.bounds()[LANE]}"
        files = archived_files(self._path)
        spans = [(file.first, file.end) for file in files]
        if spans != [(month * EACH, (month + 1) * EACH) for month in range(MONTHS - 1)]:
            yield f"files: {spans}"
        folder = folder_of(self._path)
        if sorted(os.listdir(folder)) != sorted(file.name for file in files):
            yield f"left behind: {os.listdir(folder)}"
        faults = {file.name: fault_of(folder, file, hashed=True) for file in files}
        if any(faults.values()):
            yield f"faults: {faults}"
        with closing(sqlite3.connect(self._path)) as connection:
            ((low,),) = connection.execute('SELECT min("offset") FROM "touchpoints/0"').fetchall()
            ((free,),) = connection.execute("PRAGMA freelist_count").fetchall()
        if (low, free) != ((MONTHS - 1) * EACH, 0):
            yield f"rows from {low} on are in the log's file, {free} of its pages are free"
