"""The projector when something goes wrong, and when events never pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import duckdb
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord
from kizuna.processors import reader
from kizuna.processors.projector import Projector
from kizuna.processors.rebuild import rebuild
from kizuna.projections import store as store_module
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store, cut
from kizuna.schemas import times
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.errors import LogGap, LogUnavailable
from tests.folding import KEY, LOG, NOW, accepted, folded, memory_log, shipped_definitions


def view(number: int) -> NewRecord:
    item = {
        "type": "page.viewed",
        "message_id": str(number),
        "ids": {"user_id": f"u{number}"},
        "properties": {"path": "/"},
    }
    sealed = accepted(item)
    return NewRecord(sealed.key, sealed.value)


@pytest.fixture
def log() -> MemoryLog:
    one = memory_log()
    one.append(topics.DEFINITIONS, shipped_definitions())
    return one


def events(store: Store) -> int:
    with store.read() as snapshot:
        ((count,),) = snapshot.execute("SELECT count(*) FROM events").fetchall()
    return int(count)


@pytest.fixture
def world(log: MemoryLog) -> Iterator[tuple[Store, Projector]]:
    with folded(log, batch=2) as both:
        yield both


def test_a_batch_that_fails_is_folded_again_and_none_is_left_out(
    log: MemoryLog, world: tuple[Store, Projector]
) -> None:
    """The fourth batch cannot be folded while a table is missing; the fifth was read ahead meanwhile."""
    store, projector = world
    log.append(topics.TOUCHPOINTS, [view(number) for number in range(7)])
    store.writer.execute("ALTER TABLE copies RENAME TO hidden")
    log.append(topics.TOUCHPOINTS, [view(0), view(7), view(8)])  # a copy: it needs the table
    with pytest.raises(duckdb.CatalogException):
        projector.fold_all()
    assert events(store) == 6
    store.writer.execute("ALTER TABLE hidden RENAME TO copies")
    projector.fold_all()
    assert events(store) == 9
    assert {at.offset for at in cut(store.writer).positions if at.topic == topics.TOUCHPOINTS} == {10}


def _quarter_of_what_stands(
    log: MemoryLog, world: tuple[Store, Projector], monkeypatch: pytest.MonkeyPatch
) -> int:
    """Fold 40 events; from then on a quarter of what they left in the write-ahead log may stand there."""
    store, projector = world
    log.append(topics.TOUCHPOINTS, [view(number) for number in range(40)])
    projector.fold_all()
    most = store.pending() // 4
    assert most > 0
    monkeypatch.setattr(store_module, "CHECKPOINT_BYTES", most)
    return most


def test_what_stands_in_the_write_ahead_log_is_moved_between_batches(
    log: MemoryLog, world: tuple[Store, Projector], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though there is always more to fold: an idle moment never comes."""
    store, projector = world
    most = _quarter_of_what_stands(log, world, monkeypatch)
    monkeypatch.setattr(Projector, "_tick", lambda self, reading: None)
    log.append(topics.TOUCHPOINTS, [view(number) for number in range(40, 80)])
    before = store.path.stat().st_size
    projector.fold_all()
    assert store.pending() <= most
    assert store.path.stat().st_size > before
    assert events(store) == 80


def test_a_rebuild_does_not_hold_in_memory_what_it_folded(
    log: MemoryLog, world: tuple[Store, Projector], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, projector = world
    most = _quarter_of_what_stands(log, world, monkeypatch)
    left: list[int] = []
    put_in_order = Store.put_in_order

    def watched(one: Store, *, idle: bool = False) -> None:
        put_in_order(one, idle=idle)
        if one.path != store.path:
            left.append(one.pending())

    monkeypatch.setattr(Store, "put_in_order", watched)
    assert rebuild(log, store, projector, KEY, verify=True).differences == {}
    assert len(left) > 20
    assert max(left) <= most


def test_a_batch_that_starts_elsewhere_is_refused(log: MemoryLog, world: tuple[Store, Projector]) -> None:
    store, _ = world
    log.append(topics.TOUCHPOINTS, [view(number) for number in range(4)])
    fold = Fold(store, KEY)
    stands = reader.start(log, cut(store.writer).positions, log.bounds())
    first = reader.read(log, stands, log.bounds(), NOW, 2)
    second = reader.read(log, first.stands, log.bounds(), NOW, 2)
    with pytest.raises(LogGap, match="starts at 2, but the store stands at 0"):
        fold.apply(second.batch)
    fold.apply(first.batch)
    with pytest.raises(LogGap, match="starts at 0, but the store stands at 2"):
        fold.apply(first.batch)
    fold.apply(replace(second.batch, t=second.batch.t))
    assert events(store) == 4


def test_a_rebuild_ends_though_events_never_pause(log: MemoryLog) -> None:
    with folded(log, batch=500) as (store, projector):
        stopping = threading.Event()

        def pour() -> None:
            number = 0
            while not stopping.is_set():
                log.append(topics.TOUCHPOINTS, [view(number)])
                number += 1
                time.sleep(0.0005)

        projector.start()
        pouring = threading.Thread(target=pour)
        pouring.start()
        try:
            reports = []

            def run() -> None:
                reports.append(rebuild(log, store, projector, KEY, verify=True))

            rebuilding = threading.Thread(target=run)
            rebuilding.start()
            rebuilding.join(60)
            assert not rebuilding.is_alive()
            assert reports[0].differences == {}
        finally:
            stopping.set()
            pouring.join()
            projector.stop()
        assert projector.failure is None


def test_a_backlog_is_folded_without_pauses(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what has caught up pauses after a small batch: here it would take half an hour."""
    monkeypatch.setattr("kizuna.processors.projector.LINGER_SECONDS", 100.0)
    log.append(topics.TOUCHPOINTS, [view(number) for number in range(40)])
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
        projector = Projector(log, store, KEY, lambda: NOW, batch=2)
        projector.start()
        try:
            assert projector.wait_folded(log.bounds(), 60)
        finally:
            projector.stop()
        assert events(store) == 40
        store.close()


class Dozing(MemoryLog):
    """A log whose readers doze until they are woken."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: times.to_micros(NOW), identity=LOG)
        self.dozing, self.wake = threading.Event(), threading.Event()

    def wait(self, timeout: float) -> None:
        self.dozing.set()
        self.wake.wait(10)


def test_a_call_that_comes_too_late_is_refused() -> None:
    log = Dozing()
    log.append(topics.DEFINITIONS, shipped_definitions())
    with folded(log) as (_, projector):
        refused: list[LogUnavailable] = []

        def ask() -> None:
            try:
                projector.call(lambda: None)
            except LogUnavailable as error:
                refused.append(error)

        projector.start()
        log.dozing.wait(10)
        stopping, asking = threading.Thread(target=projector.stop), threading.Thread(target=ask)
        stopping.start()
        asking.start()
        asking.join(0.2)
        log.wake.set()
        for thread in (stopping, asking):
            thread.join(10)
            assert not thread.is_alive()
        assert len(refused) == 1


def sent(message: str, path: str, second: int) -> NewRecord:
    item = {
        "type": "page.viewed",
        "message_id": message,
        "ids": {"user_id": "u"},
        "properties": {"path": path},
    }
    sealed = accepted(item, NOW + timedelta(seconds=second))
    return NewRecord(sealed.key, sealed.value)


def test_a_copy_that_counts_again_is_known_after_every_start(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of ids are made again from the store: of copies too, or a later one would count beside it."""
    monkeypatch.setattr("kizuna.projections.known_ids.FILED", 3)
    retraction = {"type": "event.retracted", "properties": {"event_id": str(event_id_for("shop", "m"))}}
    with folded(log) as (store, _):
        for records in (
            [sent("m", "/first", 0), view(1), view(2)],
            [sent("m", "/second", 20), view(3), view(4), view(5)],
            [NewRecord(b"", accepted(retraction, NOW + timedelta(seconds=10)).value)],
            [sent("m", "/third", 30)],
        ):
            log.append(topics.TOUCHPOINTS, records)
            Projector(log, store, KEY, lambda: NOW, 2).fold_all()
        paths = store.writer.execute(
            "SELECT properties FROM events WHERE event_id = ?", [event_id_for("shop", "m")]
        ).fetchall()
        assert paths == [('{"path":"/second"}',)]
