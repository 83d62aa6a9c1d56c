"""The projector: the one thread that reads the log and folds it into the store, batch after batch."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar
from uuid import UUID

from kizuna.eventlog.port import Bounds, EventLog, NewRecord, TopicPartition
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.projections.batch import Batch
from kizuna.projections.fold import Fold, Stage
from kizuna.projections.store import Store, cut, outages
from kizuna.schemas.definitions import activation
from kizuna.schemas.errors import KizunaError, LogUnavailable, TransientError
from kizuna.schemas.times import to_micros

from . import metrics, reader
from .ahead import ReadAhead
from .reader import Reading, Stand

logger = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_SECONDS = 0.1
TICK_SECONDS = 1.0
RETRY_SECONDS = 1.0
CALL_SECONDS = 0.5
"""How often a caller looks whether the projector still lives."""

SMALL_BATCH = 20_000
LINGER_SECONDS = 0.1
"""Pause after a batch of fewer records, when none are left behind it. A batch costs nearly the same whether
it holds one event or a thousand: a trickle folded without pauses would take a whole core, and readers would
wait for it."""

DURABLE_SECONDS = 30.0
"""How long it waits for the log to take an activation."""


class Folded(NamedTuple):
    """A batch that was folded. Its times, and those of its stages, are seconds of `time.perf_counter`."""

    records: int
    began: float
    ended: float
    stages: tuple[Stage, ...]


class Projector:
    """Owns the store's writing connection from `start` to `stop`, and puts definitions in force: what they
    need is computed between the batches, then their activation is appended.

    `has_effects` says whether this store appends what follows from what it folds: a replica does not.

    `failure` says why it stopped by itself: a gap, a foreign log, a damaged record. What only lasts a
    while (`TransientError`: a busy log, a full disk) is tried again, from where the store stands.
    `watch` is told of each batch that was folded.
    """

    def __init__(
        self,
        log: EventLog,
        store: Store,
        workspace_key: str,
        clock: Callable[[], datetime],
        batch: int = 50_000,
        has_effects: Callable[[], bool] = lambda: True,
    ) -> None:
        self._log = log
        self._store = store
        self._workspace_key = workspace_key
        self._clock = clock
        self._limit = batch
        self._has_effects = has_effects
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._calls: SimpleQueue[tuple[Callable[[], object], Future[object]]] = SimpleQueue()
        self._folded = threading.Condition()
        self._stands: dict[TopicPartition, Stand] = {}
        self._fold = Fold(store, workspace_key)
        self._ahead = ReadAhead(self._read, lambda batch: self._fold.decode(batch))
        self._ticked = 0.0
        self._round_at = time.monotonic()
        self._asked = False
        self._activated: set[UUID] = set()
        self.failure: BaseException | None = None
        self.caught_up = threading.Event()
        self.watch: Callable[[Folded], None] = lambda folded: None
        self.statistics: dict[str, float] = {"batches": 0, "records": 0, "retries": 0}
        self._before: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def standing_for(self) -> float:
        """Seconds since the thread that folds last came round. What it is asked to do between two batches may
        take as long as it takes."""
        return 0.0 if self._asked else time.monotonic() - self._round_at

    def worked(self) -> float:
        """Seconds of a processor that the thread that folds has used; of the process where a system does not
        tell."""
        identity = self._thread.ident if self._thread is not None and self._thread.is_alive() else None
        if identity is None or not hasattr(time, "pthread_getcpuclockid"):
            return time.process_time()
        return time.clock_gettime(time.pthread_getcpuclockid(identity))

    @property
    def stands(self) -> Mapping[TopicPartition, Stand]:
        """How far each partition was folded."""
        return self._stands

    @property
    def batch_size(self) -> int:
        """Records folded in one transaction, at most."""
        return self._limit

    def start(self) -> None:
        """Check the log against the stored positions, then fold in a thread of its own. Raises ForeignLog."""
        self._stand()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand, then stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._ahead.close()

    def lag(self) -> int:
        """Records in the log that are not folded yet."""
        stands = self._stands
        return sum(
            max(0, bounds.end - stands.get(partition, Stand(0)).offset)
            for partition, bounds in self._log.bounds().items()
        )

    def wait_folded(self, bounds: Mapping[TopicPartition, Bounds], timeout: float) -> bool:
        """Wait until all below the ends of `bounds` is folded; False when time, or the projector, is up."""

        def done() -> bool:
            return self.failure is not None or all(
                self._stands.get(partition, Stand(0)).offset >= its.end for partition, its in bounds.items()
            )

        with self._folded:
            return self._folded.wait_for(done, timeout) and self.failure is None

    def catch_up(self, timeout: float) -> bool:
        """Have all folded that is durable now: wait for the thread that folds, at most so many seconds, or
        fold here where none was started. False when time, or the projector, is up."""
        if self._thread is None:
            self.fold_all()
            return True
        return self.wait_folded(self._log.bounds(), timeout)

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the projector's thread, between two batches."""
        if self._thread is None or not self._thread.is_alive():
            return function()
        future: Future[object] = Future()
        self._calls.put((function, future))
        while True:
            try:
                return future.result(CALL_SECONDS)  # type: ignore[return-value]
            except TimeoutError:
                if future.done():
                    raise
                # It ended after the call was queued, and takes none any more.
                if not self._thread.is_alive() and future.cancel():
                    raise LogUnavailable(
                        "the projector has stopped", hint="Look at the node's log."
                    ) from None

    def fold_all(self) -> None:
        """Fold up to the log's present end, in the caller's thread. For a projector that was not started."""
        if not self._stands:
            self._stand()
        while len(self._step().batch) or self._fold.preparing:
            pass

    def fold_until(self, stands: Mapping[TopicPartition, Stand]) -> None:
        """Fold at least as far as `stands`; nothing is read ahead then. Called on the projector's thread."""
        if not self._stands:
            self._stand()
        while any(self._stands.get(at, Stand(0)).offset < stand.offset for at, stand in stands.items()):
            self._step()
        self._ahead.forget()

    def adopt(self) -> None:
        """The store was swapped: go on from where the new one stands. Called on the projector's thread."""
        self._before = self._seconds(), self.found()
        self._fold = Fold(self._store, self._workspace_key)
        self._stand()

    def _recover(self) -> None:
        """A database that gave itself up is opened again. All that was committed is in it."""
        if self._store.recover():
            logger.info("the store was opened again")
            self.adopt()

    def _stand(self) -> None:
        stands = reader.start(self._log, cut(self._store.writer).positions, self._log.bounds())
        self._ahead.forget()
        with self._folded:
            self._stands = stands
            self._folded.notify_all()

    def _run(self) -> None:
        troubled = False
        while not self._stopping.is_set():
            self._round_at = time.monotonic()
            try:
                if troubled:
                    self._recover()
                    troubled = False
                self._answer_calls()
                with outages(self._store.path):
                    reading = self._step()
                if self._fold.preparing:
                    continue
                if not len(reading.batch):
                    self._log.wait(IDLE_SECONDS)
                elif reading.caught_up and len(reading.batch) < SMALL_BATCH:
                    self._stopping.wait(LINGER_SECONDS)
            except TransientError as error:
                troubled = True
                self.statistics["retries"] += 1
                self._ahead.forget()
                logger.warning("cannot fold now, trying again: %s", error)
                self._stopping.wait(RETRY_SECONDS)
            except BaseException as error:
                self._fail(error)
                return

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, KizunaError):
            logger.error("the projector stopped: %s", error)
        else:
            logger.exception("the projector stopped")
        with self._folded:
            self.failure = error
            self._folded.notify_all()
        while True:
            try:
                self._calls.get_nowait()[1].set_exception(error)
            except Empty:
                return

    def _step(self) -> Reading:
        """Fold one batch, and prepare what is to be in force. The batch is empty when nothing was left."""
        reading = self._take()
        self._store.put_in_order()
        self._activate(self._fold.prepare())
        return reading

    def _take(self) -> Reading:
        reading, decoded = self._ahead.take(self._stands)
        if not len(reading.batch):
            self._tick(reading)
            self.caught_up.set()
            return reading
        began = time.perf_counter()
        try:
            self._fold.apply(reading.batch, decoded)
        except BaseException:
            self._ahead.forget()  # it follows a batch that was not folded
            raise
        if reading.caught_up:
            # Under a steady stream there is always something to read, but nothing old.
            self.caught_up.set()
        self._tell(reading.batch, began, time.perf_counter())
        with self._folded:
            self._stands = dict(reading.stands)
            self._folded.notify_all()
        return reading

    def _tell(self, batch: Batch, began: float, ended: float) -> None:
        self.statistics["batches"] += 1
        self.statistics["records"] += len(batch)
        metrics.BATCH.observe(ended - began)
        moments = (rows.recorded_at for rows in (batch.definitions, batch.touchpoints, batch.failed))
        oldest = min(min(one) for one in moments if one)
        metrics.FRESHNESS.observe(max(0, to_micros(self._clock()) - oldest) / 1e6)
        self.watch(Folded(len(batch), began, ended, tuple(self._fold.stages)))

    def _activate(self, ready: Sequence[UUID]) -> None:
        """Put definitions in force, once each. Not while there are more in the log: one of those may be the
        activation, or supersede them."""
        new = [one for one in ready if one not in self._activated]
        if (
            not new
            or not self._has_effects()
            or any(
                its.end > self._stands.get(at, Stand(0)).offset
                for at, its in self._log.bounds().items()
                if at.topic == DEFINITIONS
            )
        ):
            return
        now = self._clock()
        records = [
            NewRecord(str(one).encode(), activation(one, now).model_dump_json().encode()) for one in new
        ]
        try:
            self._log.append(DEFINITIONS, records).result(DURABLE_SECONDS)
        except TimeoutError:
            raise LogUnavailable("The log did not answer in time.", hint="It is tried again.") from None
        self._activated.update(new)

    def _read(self, stands: Mapping[TopicPartition, Stand]) -> Reading:
        now = self._clock()
        bounds = self._log.bounds()
        reader.check(stands, bounds)
        return reader.read(self._log, stands, bounds, now, self._limit)

    def _tick(self, reading: Reading) -> None:
        """When nothing happens T moves on, and the store's file is put in order."""
        if time.monotonic() - self._ticked >= TICK_SECONDS:
            self._ticked = time.monotonic()
            self._fold.apply(reading.batch)
            self._store.put_in_order(idle=True)

    def stages(self) -> dict[str, float]:
        """Seconds spent by stage of the fold, since the start."""
        return dict(self._seconds())

    def _seconds(self) -> Counter[str]:
        return self._before[0] + self._fold.seconds.copy()  # another thread adds to it

    def found(self) -> Counter[str]:
        """What the fold came across since the start, as `projections.script` counts it."""
        return self._before[1] + self._fold.found.copy()

    def _answer_calls(self) -> None:
        while True:
            try:
                function, future = self._calls.get_nowait()
            except Empty:
                return
            self._asked = True
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
                self._recover()
            finally:
                self._round_at = time.monotonic()
                self._asked = False
