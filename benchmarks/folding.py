"""The fold: records of an embedded log to committed profiles, with all shipped traits and read models."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid5

from kizuna.eventlog import topics
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.processors import reader
from kizuna.processors.ahead import ReadAhead
from kizuna.projections.definitions import shipped
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store
from kizuna.runtime.server import spare_the_collector
from kizuna.schemas import times
from kizuna.schemas.definitions import Activation, Definition, activation

from .measure import Measure, median
from .stream import KEY, START, envelopes

NAMES = UUID(int=11)
MIDDLE, SMALL = 20, 40
LEAST = 50_000 + MIDDLE * 5_000 + SMALL * 500
"""Events in a stream that has a batch of each size."""


def definitions() -> list[NewRecord]:
    """The shipped traits and a workspace in yen, in force."""
    bodies: list[tuple[str, str, dict[str, object]]] = [
        ("workspace", "workspace", {"time_zone": "Asia/Tokyo", "currency": "JPY"}),
        *(
            ("trait", one.name, one.model_dump(mode="json", by_alias=True, exclude_none=True))
            for one in shipped()
        ),
    ]
    before = START - timedelta(days=1)
    records: list[Definition | Activation] = []
    for kind, name, body in bodies:
        one = Definition.model_validate(
            {
                "definition_id": uuid5(NAMES, name),
                "kind": kind,
                "name": name,
                "layer": "shipped",
                "received_at": before,
                "body": body,
            }
        )
        records += [one, activation(one.definition_id, before)]
    return [NewRecord(b"", one.model_dump_json().encode()) for one in records]


def fill(
    folder: Path, count: int, customers: int, *, import_id: str | None = None
) -> tuple[SqliteLog, float]:
    """A log with the stream in it, and the mean size of an envelope in bytes."""
    log = SqliteLog(folder / "log.sqlite", clock=lambda: times.to_micros(START), new_id=lambda: UUID(int=7))
    log.append(topics.DEFINITIONS, definitions()).result()
    size, chunk = 0, []
    for sealed in envelopes(count, customers=customers, import_id=import_id):
        chunk.append(NewRecord(sealed.key, sealed.value))
        size += len(sealed.value)
        if len(chunk) == 5_000:
            log.append(topics.TOUCHPOINTS, chunk).result()
            chunk = []
    if chunk:
        log.append(topics.TOUCHPOINTS, chunk).result()
    return log, size / count


def drain(log: SqliteLog, folder: Path, name: str, sizes: Sequence[tuple[int, int]]) -> Iterator[Measure]:
    """Fold the log from its start into a new store, as the projector does: for each (batch size, batches) one
    measure, from one commit to the next, with its share of the checkpoints that these batches cause. Reading
    and decoding run beside the fold."""
    spare_the_collector()  # as the node does
    store = Store(folder / f"{name}.duckdb", log_id=log.identity.log_id, generation=0, store_id=UUID(int=2))
    fold = Fold(store, KEY)
    bounds = log.bounds()
    stands: dict[TopicPartition, reader.Stand] = {}
    first = {at: its for at, its in bounds.items() if at.topic == topics.DEFINITIONS}
    reading = reader.read(log, stands, first, START, 10_000)
    fold.apply(reading.batch)
    stands = dict(reading.stands)
    try:
        for size, batches in sizes:
            fold.seconds.clear()
            seconds, ahead = [], ReadAhead(reads(log, bounds, size, fold.seconds), fold.decode)
            reading, decoded = ahead.take(stands)
            for _ in range(batches):
                started = time.perf_counter()
                fold.apply(reading.batch, decoded)
                assert len(reading.batch) == size, "the stream is too short for this benchmark"
                stands = dict(reading.stands)
                reading, decoded = ahead.take(stands)
                seconds.append(time.perf_counter() - started)
                _timed(store.put_in_order, fold.seconds)
            ahead.forget()
            ahead.close()
            _timed(store.checkpoint, fold.seconds)
            yield Measure(
                f"batches of {size:,}",
                median(seconds) + fold.seconds["checkpoint"] / batches,
                "s",
                stages={stage: spent / batches for stage, spent in fold.seconds.items()},
                note=f"{batches} batches, median",
            )
    finally:
        store.close()


def _timed(checkpoint: Callable[[], object], seconds: Counter[str]) -> None:
    """Add the seconds that it takes to those of the stages."""
    started = time.perf_counter()
    checkpoint()
    seconds["checkpoint"] += time.perf_counter() - started  # type: ignore[assignment]


def reads(
    log: SqliteLog, bounds: Mapping[TopicPartition, Bounds], size: int, seconds: Counter[str]
) -> Callable[[Mapping[TopicPartition, reader.Stand]], reader.Reading]:
    def read(stands: Mapping[TopicPartition, reader.Stand]) -> reader.Reading:
        started = time.perf_counter()
        reading = reader.read(log, stands, bounds, START, size)
        seconds["read"] += time.perf_counter() - started  # type: ignore[assignment]
        return reading

    return read


def run(count: int, customers: int) -> Iterator[Measure]:
    """The fold's rate at 50,000 and 5,000 a batch, and the time of a batch of 500, in one warm store;
    `count` is `LEAST` or more."""
    large = (count - MIDDLE * 5_000 - SMALL * 500) // 50_000
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        log, size = fill(folder, count, customers)
        found = list(drain(log, folder, "store", [(50_000, large), (5_000, MIDDLE), (500, SMALL)]))
        log.close()
    note = f"{count:,} events of {size:.0f} bytes, {customers:,} customers"
    asked = ((50_000, 70_000, 120_000), (5_000, 40_000, 80_000))
    for (batch, least, aim), one in zip(asked, found[:2], strict=True):
        yield Measure(
            f"fold, {batch:,} a batch",
            batch / one.value,
            "events/s",
            least,
            aim,
            stages=one.stages,
            note=note,
        )
    yield Measure(
        "fold, one batch of 500",
        found[2].value * 1000,
        "ms",
        100,
        50,
        less=True,
        stages=found[2].stages,
        note=note,
    )
