"""Archiving: what it saves, how fast it goes, how long appends wait meanwhile, and how fast both are read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from kizuna.eventlog.archiving import archive, plan
from kizuna.eventlog.months import Month
from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.runtime.shop import Shop
from kizuna.runtime.shop_hours import moments
from kizuna.schemas import times
from kizuna.schemas.admission import Accepted, Origin, admit

from .measure import Measure, median, percentile
from .stream import KEY, START

DAYS = 150
CHUNK = 1_000
READ = 50_000
BATCH = 20
PAUSE_SECONDS = 0.005
NEVER = Month(9999, 1)


def run(count: int, customers: int) -> Iterator[Measure]:
    """`count` events of the demo shop over five months, of which the last stays."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.sqlite"
        now = [0]
        with closing(SqliteLog(path, clock=lambda: now[0], new_id=lambda: UUID(int=1))) as log:
            for moment, records in _chunks(count, customers):
                now[0] = times.to_micros(moment)
                log.append(TOUCHPOINTS, records).result()
            spans = plan(log, path, NEVER)
            closed = spans[-1].end
            note = f"{closed:,} of {count:,} events of the demo shop"
            yield Measure("log, read", _read(log, closed), "events/s", note=note)
            appender = _Appender(path, records)
            time.sleep(2)
            yield from _waits("append", appender.take())
            started = time.perf_counter()
            done = archive(log, path, spans)
            took = time.perf_counter() - started
            yield from _waits("append while archiving", appender.take())
            appender.stop()
            yield Measure("archived", closed / took, "events/s", note=note)
            yield Measure("archive, read", _read(log, closed), "events/s", note=note)
        size = sum(file.size for file in done.files)
        yield Measure("an event in the log", done.size_before / count, "bytes", less=True, note=note)
        yield Measure(
            "an event in the archive", size / closed, "bytes", less=True, note=f"{len(done.files)} files"
        )
        yield Measure(
            "log.sqlite behind it",
            path.stat().st_size / 1e6,
            "MB",
            less=True,
            note=f"{done.size_before / 1e6:,.0f} MB before",
        )


def _chunks(count: int, customers: int) -> Iterator[tuple[datetime, list[NewRecord]]]:
    """Every so many records, with the moment at which they are appended."""
    shop = Shop(1, START, customers=customers)
    chunk: list[NewRecord] = []
    for number, moment in enumerate(moments(START, START + timedelta(days=DAYS), count), 1):
        one = shop.next(moment)
        sealed = admit(one.submission, Origin(one.source, "secret", moment), KEY, lambda: UUID(int=0))
        assert isinstance(sealed, Accepted), sealed
        chunk.append(NewRecord(sealed.key, sealed.value))
        if len(chunk) == CHUNK or number == count:
            yield moment, chunk
            chunk = []


def _read(log: SqliteLog, end: int) -> float:
    """Records a second, as a rebuild reads them; the best of three."""
    best = 0.0
    for _ in range(3):
        started, at = time.perf_counter(), 0
        while at < end:
            at += len(log.read(TOUCHPOINTS, 0, at, min(READ, end - at)))
        best = max(best, end / (time.perf_counter() - started))
    return best


def _waits(name: str, waited: Sequence[float]) -> Iterator[Measure]:
    note = f"{len(waited):,} appends of {BATCH}"
    yield Measure(f"{name}, median", median(waited) * 1000, "ms", less=True, note=note)
    yield Measure(f"{name}, p99", percentile(waited, 0.99) * 1000, "ms", less=True, note=note)
    yield Measure(f"{name}, worst", max(waited) * 1000, "ms", less=True, note=note)


class _Appender:
    """Another connection to the log, which appends a little all the time."""

    def __init__(self, path: Path, records: Sequence[NewRecord]) -> None:
        self._path = path
        self._records = records[:BATCH]
        self._waited: list[float] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def take(self) -> list[float]:
        """Seconds that each append took since the last call."""
        waited, self._waited = self._waited, []
        return waited

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        clock = times.to_micros(START + timedelta(days=DAYS))
        with closing(SqliteLog(self._path, clock=lambda: clock, new_id=lambda: UUID(int=1))) as log:
            while not self._stopping.wait(PAUSE_SECONDS):
                started = time.perf_counter()
                log.append(TOUCHPOINTS, self._records).result()
                self._waited.append(time.perf_counter() - started)
