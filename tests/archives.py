"""Logs over several months, to be archived."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

from kizuna.eventlog import topics
from kizuna.eventlog.archiving import Outcome, archive, plan
from kizuna.eventlog.months import Month
from kizuna.eventlog.port import NewRecord, Record, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from tests.conformance.rigs import SettableClock

TOPIC = topics.TOUCHPOINTS
LANE = TopicPartition(TOPIC, 0)
AUGUST, NEVER = Month(2026, 8), Month(9999, 1)
LOG_ID = UUID(int=1)


@contextmanager
def opened(path: Path, clock: SettableClock | None = None) -> Iterator[SqliteLog]:
    with closing(SqliteLog(path, clock=clock or SettableClock(), new_id=lambda: LOG_ID)) as log:
        yield log


def records_of(month: Month, count: int, size: int = 20) -> list[NewRecord]:
    """Values that hardly compress."""
    noise = random.Random(str(month)).randbytes
    return [
        NewRecord(b"key%03d" % (n % 7), b"%s/%d " % (str(month).encode(), n) + noise(size))
        for n in range(count)
    ]


def fill(path: Path, months: int = 4, count: int = 10, size: int = 20) -> list[Record]:
    """So many records in each month from August 2026 on; what a reader has to find."""
    clock = SettableClock()
    kept: list[Record] = []
    with opened(path, clock) as log:
        for number in range(months):
            month = AUGUST.plus(number)
            clock.now = month.begins + 1_000_000 * number
            made = records_of(month, count, size)
            log.append(TOPIC, made).result(timeout=10)
            kept += [Record(at, clock.now, *one) for at, one in enumerate(made, len(kept))]
    return kept


def archived(path: Path, before: Month = NEVER) -> Outcome:
    with opened(path) as log:
        return archive(log, path, plan(log, path, before))


def read_all(path: Path) -> list[Record]:
    with opened(path) as log:
        found: list[Record] = []
        while part := log.read(*LANE, len(found), 7):
            found += part
        return found


def rows(path: Path) -> list[int]:
    """The offsets in the log's own file."""
    with closing(sqlite3.connect(path)) as connection:
        return [at for (at,) in connection.execute(f'SELECT "offset" FROM "{TOPIC}/0"').fetchall()]
