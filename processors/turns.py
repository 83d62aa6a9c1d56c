"""Turns: what administrators append, one after the other, each knowing what those before did."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import duckdb

from kizuna.eventlog.partitioner import MAX_RECORD_BYTES
from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.projections.store import Store
from kizuna.schemas.admission import Accepted
from kizuna.schemas.errors import LogUnavailable
from kizuna.schemas.refusal import Refusal

from .projector import Projector

FOLD_SECONDS = 30.0
"""How long one waits for the fold to see all turns before it."""

SEEN_SECONDS = 5.0
"""How long it waits until it is folded itself."""

DURABLE_SECONDS = 30.0

WAITING = 16
"""How many wait for their turn, or take it: each keeps a thread from others."""


class Turns:
    """Any thread may call; one turn is taken at a time."""

    def __init__(self, log: EventLog, store: Store, projector: Projector) -> None:
        self._log = log
        self._store = store
        self._projector = projector
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)

    @contextmanager
    def take(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A snapshot that has seen all turns before. Raises LogUnavailable when the fold is behind, or too
        many wait already."""
        if not self._places.acquire(blocking=False):
            raise LogUnavailable("Too many repairs and corrections are under way.", hint="Try again.")
        try:
            with self._lock:
                if not self._projector.catch_up(FOLD_SECONDS):
                    raise LogUnavailable(
                        "The fold is behind, so it is not known what is done already.", hint="Try again."
                    )
                with self.look() as snapshot:
                    yield snapshot
        finally:
            self._places.release()

    def look(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A snapshot of what stands now."""
        return self._store.read()

    def append(self, events: Sequence[Accepted]) -> None:
        """Durable when it returns. Raises LogUnavailable when the log takes nothing."""
        records = [NewRecord(one.key, one.value) for one in events]
        try:
            self._log.append(TOUCHPOINTS, records).result(DURABLE_SECONDS)
        except TimeoutError:
            raise LogUnavailable("The log did not answer in time.", hint="Try again.") from None

    def seen(self, seconds: float = SEEN_SECONDS) -> bool:
        """Wait until what was appended is folded; False when that takes too long."""
        return self._projector.catch_up(seconds)


def sized(outcome: Accepted | Refusal) -> Accepted | Refusal:
    """The same, or a refusal where the log takes no record so large."""
    if isinstance(outcome, Accepted) and len(outcome.key) + len(outcome.value) > MAX_RECORD_BYTES:
        return Refusal("too_large", "", f"the event has more than {MAX_RECORD_BYTES:,} bytes")
    return outcome
