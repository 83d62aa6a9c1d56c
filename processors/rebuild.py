"""Rebuild: fold the whole log into a new store beside the live one, compare, and swap it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kizuna.eventlog.port import Bounds, EventLog, TopicPartition
from kizuna.projections import canon
from kizuna.projections.batch import Batch, Rows
from kizuna.projections.fold import Fold
from kizuna.projections.store import BEGINNING, Cut, Store, cut, outages
from kizuna.projections.store_file import discard

from . import reader
from .ahead import ReadAhead
from .projector import Projector

Progress = Callable[[int, int], None]
"""Called with records folded and records in all."""


@dataclass(frozen=True, slots=True)
class Report:
    """`differences` names the first differing rows per table; empty when equal, None when not compared."""

    records: int
    tables: dict[str, str]
    differences: dict[str, list[str]] | None
    swapped: bool


def rebuild(
    log: EventLog,
    store: Store,
    projector: Projector,
    workspace_key: str,
    *,
    verify: bool,
    progress: Progress = lambda done, total: None,
) -> Report:
    """With `verify`, both stores are compared at the same positions; when they differ the live one stays,
    as it is the evidence. The live store serves until the swap, which waits for open reads only. What is
    swapped in is the same store: it has its id from the start, and in the end the live one's T.

    Raises StoreUnavailable when the disk is full; then the live store stays.
    """
    path = store.path.with_name("store.rebuild.duckdb")
    discard(path)
    try:
        with outages(path):
            built = Store(
                path,
                log_id=store.log_id,
                generation=store.generation,
                store_id=store.store_id,
                limits=store.limits,
            )
            try:
                builder = _Builder(log, built, workspace_key, projector.batch_size, progress)
                builder.fold_to(log.bounds())
                return projector.call(lambda: _finish(builder, store, projector, verify=verify))
            finally:
                built.close()
    finally:
        discard(path)


def _finish(builder: _Builder, store: Store, projector: Projector, *, verify: bool) -> Report:
    # The builder may have read further than the live store. Events may go on coming without a pause: what
    # counts is that both stand at one place.
    projector.fold_until(builder.stands)
    live = cut(store.writer)
    builder.fold_to(
        {
            TopicPartition(at.topic, at.partition): Bounds(0, at.offset)
            for at in live.positions
            if at.generation == store.generation
        }
    )
    builder.stand(live)
    built = builder.store
    tables = canon.digest(built.writer)
    differences: dict[str, list[str]] | None = None
    if verify:
        ours = canon.digest(store.writer)
        unequal = {name for name in tables.keys() | ours.keys() if tables.get(name) != ours.get(name)}
        differences = canon.differing(
            store.writer, built.writer, [one for one in canon.compared(built.writer) if one.name in unequal]
        )
        for name in unequal:
            differences.setdefault(name, [])
    if differences:
        return Report(builder.done, tables, differences, swapped=False)
    built.checkpoint()
    built.close()
    store.swap(built.path)
    projector.adopt()
    return Report(builder.done, tables, differences, swapped=True)


class _Builder:
    def __init__(
        self,
        log: EventLog,
        store: Store,
        workspace_key: str,
        limit: int,
        progress: Progress,
    ) -> None:
        self.store = store
        self.done = 0
        self._log = log
        self._limit = limit
        self._progress = progress
        self._fold = Fold(store, workspace_key)
        self.stands: dict[TopicPartition, reader.Stand] = {}

    def fold_to(self, bounds: dict[TopicPartition, Bounds]) -> None:
        total = sum(its.end for its in bounds.values())
        ahead = ReadAhead(
            lambda stands: reader.read(self._log, stands, bounds, BEGINNING, self._limit),
            self._fold.decode,
        )
        caught_up = False
        try:
            while not caught_up:
                reading, decoded = ahead.take(self.stands)
                if len(reading.batch):
                    # It ends where it was told to, and not where the log does: nothing here says what T is.
                    self._fold.apply(replace(reading.batch, t=BEGINNING), decoded)
                self.stands = dict(reading.stands)
                self.done += len(reading.batch)
                self.store.put_in_order()
                caught_up = reading.caught_up or not len(reading.batch)
                self._progress(self.done, total)
        finally:
            ahead.close()

    def stand(self, at: Cut) -> None:
        """Take over the T of the store that stands at the same positions."""
        self._fold.apply(Batch(Rows(), Rows(), Rows(), (), (), at.t, at.recorded_high))
