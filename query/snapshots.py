"""Snapshots: one cut of the store for a whole answer, with the plan of traits in force there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from kizuna.eventlog.topics import DEFINITIONS
from kizuna.projections.definitions import load_plan
from kizuna.projections.store import Cut, Store, cut
from kizuna.projections.traits import Plan
from kizuna.schemas.position import Position


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every query on `cursor` sees the same `cut`."""

    cursor: duckdb.DuckDBPyConnection
    cut: Cut
    plan: Plan


class Snapshots:
    """Opens snapshots. Any thread may."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: tuple[list[Position], Plan] | None = None

    @contextmanager
    def open(self) -> Iterator[Snapshot]:
        with self._store.read() as cursor:
            stand = cut(cursor)
            yield Snapshot(cursor, stand, self._plan(cursor, stand))

    def stand(self) -> Cut:
        """Where the store stands now."""
        with self._store.read() as cursor:
            return cut(cursor)

    def _plan(self, cursor: duckdb.DuckDBPyConnection, stand: Cut) -> Plan:
        """Definitions follow from how far their topic was read: the same positions, the same plan."""
        positions = [at for at in stand.positions if at.topic == DEFINITIONS]
        held = self._held
        if held is None or held[0] != positions:
            held = positions, load_plan(cursor)
            self._held = held
        return held[1]
