"""Retractions: one event, a whole import, an event of a customer with a long history; and their undoing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.processors import reader
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store
from kizuna.runtime.server import spare_the_collector
from kizuna.schemas.admission import Accepted, Origin, admit

from .folding import fill
from .measure import Measure, median
from .stream import KEY, START

IMPORT = "bench"
REPEATS = 5
BATCH = 50_000

ORDINARY = "SELECT event_id FROM events WHERE type <> 'event.retracted' ORDER BY hash(event_id) LIMIT {count}"
FIRST_SEEN = "SELECT event_id FROM events ORDER BY received_at, occurred_at, event_id LIMIT {count}"
LAST_OF_ALL = """SELECT event_id FROM events WHERE type <> 'event.retracted'
ORDER BY occurred_at DESC, received_at DESC, event_id DESC LIMIT {count}"""


class _World:
    """A store that follows its log, one batch a call."""

    def __init__(self, folder: Path, log: SqliteLog) -> None:
        self.log = log
        self.store = Store(
            folder / "store.duckdb", log_id=log.identity.log_id, generation=0, store_id=UUID(int=2)
        )
        self._fold = Fold(self.store, KEY)
        self._stands: Mapping[TopicPartition, reader.Stand] = {}
        self._sent = 0

    def follow(self) -> Counter[str]:
        """Fold what the log holds; seconds by stage, `whole` among them."""
        self._fold.seconds.clear()
        started = time.perf_counter()
        while len((reading := reader.read(self.log, self._stands, self.log.bounds(), START, BATCH)).batch):
            self._fold.apply(reading.batch)
            self._stands = reading.stands
        return Counter({"whole": time.perf_counter() - started, **self._fold.seconds})

    def retract(self, **target: str) -> tuple[UUID, Counter[str]]:
        """The id of the retraction, and the seconds it took from the log to the commit."""
        self._sent += 1
        item = {"type": "event.retracted", "message_id": f"retraction {self._sent}", "properties": target}
        at = START + timedelta(days=1, seconds=self._sent)
        sealed = admit(item, Origin("shop", "secret", at), KEY, lambda: UUID(int=0))
        assert isinstance(sealed, Accepted), sealed
        self.log.append(topics.TOUCHPOINTS, [NewRecord(sealed.key, sealed.value)]).result()
        return sealed.event_id, self.follow()

    def count(self) -> int:
        return int(self._asked("SELECT count(*) FROM events WHERE type <> 'event.retracted'")[0])

    def ids(self, query: str, count: int) -> list[UUID]:
        return self._asked(query.format(count=count))

    def _asked(self, query: str) -> list[UUID]:
        with self.store.read() as snapshot:
            return [one for (one,) in snapshot.execute(query).fetchall()]


@contextmanager
def _world(count: int, customers: int) -> Iterator[_World]:
    with TemporaryDirectory() as temporary:
        log, _ = fill(Path(temporary), count, customers, import_id=IMPORT)
        world = _World(Path(temporary), log)
        try:
            world.follow()
            world.store.checkpoint()
            yield world
        finally:
            world.store.close()
            log.close()


def run(count: int, customers: int, heavy: int) -> Iterator[Measure]:
    """`count` events of many customers, all of one import, and `heavy` events of a single customer."""
    spare_the_collector()  # as the node does
    with _world(count, customers) as world:
        note = f"store of {count:,} events"
        yield from _events(world, "one event", ORDINARY, note, asked=1_000)
        yield from _import(world, note)
    with _world(heavy, 1) as world:
        note = f"customer with {heavy:,} events"
        for name, query, asked in (
            ("an ordinary event of one customer", ORDINARY, 1_000),
            ("its first events, one by one", FIRST_SEEN, 5_000),
            ("its last events, one by one", LAST_OF_ALL, 5_000),
        ):
            yield from _events(world, name, query, note, asked)


def _events(world: _World, name: str, query: str, note: str, asked: float) -> Iterator[Measure]:
    taken, undone = [], []
    before = world.count()
    for event_id in world.ids(query, REPEATS):
        retraction, seconds = world.retract(event_id=str(event_id))
        taken.append(seconds)
        assert world.count() == before - 1
        undone.append(world.retract(event_id=str(retraction))[1])
        assert world.count() == before
    yield _measure(f"retraction of {name}", taken, note, asked)
    yield _measure(f"undoing the retraction of {name}", undone, note, asked)


def _import(world: _World, note: str) -> Iterator[Measure]:
    before = world.count()
    retraction, seconds = world.retract(import_id=IMPORT)
    assert world.count() == 0
    yield _measure("retraction of an import", [seconds], note, 60_000)
    _, seconds = world.retract(event_id=str(retraction))
    assert world.count() == before
    yield _measure("undoing the retraction of an import", [seconds], note, 60_000)


def _measure(name: str, found: list[Counter[str]], note: str, asked: float) -> Measure:
    stages = {stage: median([one[stage] for one in found]) for stage in found[0] if stage != "whole"}
    whole = median([one["whole"] for one in found])
    note = f"{note}, from the log to the commit" + (f", median of {len(found)}" if len(found) > 1 else "")
    return Measure(name, whole * 1000, "ms", asked, less=True, stages=stages, note=note)
