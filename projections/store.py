"""The store: one DuckDB file, one writing connection, snapshots for everybody else."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import duckdb

from kizuna.schemas.errors import (
    ForeignLog,
    StoreDamaged,
    StoreLocked,
    StoreOutdated,
    StoreUnavailable,
)
from kizuna.schemas.position import Position

from . import metrics, tables
from .lookups import fetch
from .store_file import ids, logs, wal

FOLD_VERSION = 6
"""Raised by every change of the fold that gives another state from the same log."""


CHECKPOINT_BYTES = 128 * 1024 * 1024
"""What may stand in the write-ahead log before it is moved into the file, though there is more to fold; half
of it, when there is not. The pause grows with it, and with the customers whose rows were replaced: 0.8 s as
a rule and 1.5 s at most up to 5,000,000 events of 200,000 customers, 2.5 s at most at 6,000,000 of 1,000,000.
What has not been moved is held in memory: where that is most of what DuckDB may use, every statement takes up
to 1.4 times as long."""


AHEAD = "ahead"
"""A database in memory beside the store's: batches that are decoded, but not yet folded."""


NEEDLESS = (
    "common_subplan", "statistics_propagation", "projection_placement", "projection_pullup",
    "duplicate_groups", "aggregate_reuse", "common_aggregate", "partial_aggregate_pushdown",
    "top_n_window_elimination", "join_elimination", "outer_join_simplification", "redundant_order_keys",
    "window_self_join",
)  # fmt: skip
"""Rewrites of a query that find nothing to do in ours: looking for it took a twelfth of a small batch."""


DAMAGE = (
    "not a valid DuckDB database file", "Corrupt database file", "Could not read enough bytes",
    "Failure while replaying WAL", "Trying to read a database file with version number",
)  # fmt: skip
"""What DuckDB says of a file that it will never read. All else (a lock, a mode, a full disk) may pass."""


FULL = ("No space left on device", "Disk quota exceeded")
"""What the system says of a full disk, as DuckDB repeats it."""


def damaged(path: Path | str, error: duckdb.Error) -> StoreDamaged:
    """The error to raise for a file of which DuckDB said that."""
    said = str(error).splitlines()[0].rstrip("!. ")
    return StoreDamaged(
        f"The store {path} is damaged ({said}).",
        hint="Run `kizuna rebuild`: it folds the store anew, from the log.",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What DuckDB may take of the machine."""

    threads: int = 1
    memory: str = "1GB"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a snapshot stands: the positions consumed, T, and the highest `recorded_at` folded."""

    positions: tuple[Position, ...]
    t: datetime
    recorded_high: datetime


BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Store:
    """Opens or creates the store. Raises StoreLocked when another process holds it, ForeignLog when it was
    folded from another log, StoreOutdated when another version of the fold wrote it, StoreDamaged when it is
    no store that can be read.

    `writer` belongs to one thread. `read()` may be called from any thread.
    """

    def __init__(
        self, path: Path, *, log_id: UUID, generation: int, store_id: UUID, limits: Limits | None = None
    ) -> None:
        self.path = path
        self.log_id = log_id
        self.generation = generation
        self.limits = limits or Limits()
        self._gate = threading.Condition()
        self._readers = 0
        self._swapping = False
        self.store_id = store_id
        self.writer = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = connect(self.path, self.limits)
        try:
            with outages(self.path):
                connection.execute("BEGIN")  # a store is made whole, or not at all
                for table in tables.FIXED:
                    connection.execute(table.ddl)
                self._verify(connection)
                connection.execute("COMMIT")
        except BaseException as error:
            connection.close()
            if isinstance(error, duckdb.Error) and is_damage(error):
                raise damaged(self.path, error) from error
            raise
        return connection

    def _verify(self, connection: duckdb.DuckDBPyConnection) -> None:
        ours = {"log_id": str(self.log_id), "generation": str(self.generation), "fold": str(FOLD_VERSION)}
        held = dict(connection.execute("SELECT key, value FROM meta").fetchall())
        if not held:
            rows = [*ours.items(), ("store_id", str(self.store_id))]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            connection.execute("INSERT INTO clock VALUES (TIMESTAMP '1970-01-01', TIMESTAMP '1970-01-01')")
            return
        # Whose it is comes first: an outdated store of this log can be thrown away, another log's cannot.
        if (held["log_id"], held["generation"]) != (ours["log_id"], ours["generation"]):
            raise ForeignLog(
                f"{self.path} was folded from log {held['log_id']}, not from {self.log_id}.",
                hint="Put its own log beside it, or run `kizuna rebuild` to fold this one.",
            )
        if held["fold"] != ours["fold"]:
            raise StoreOutdated(
                f"{self.path} was written by fold version {held['fold']}; this is version {ours['fold']}.",
                hint="`kizuna run` folds it anew, and takes events in meanwhile; or run `kizuna rebuild`.",
            )
        if held["store_id"] != str(self.store_id):  # it was copied here
            connection.execute("UPDATE meta SET value = ? WHERE key = 'store_id'", [str(self.store_id)])

    @property
    def ids(self) -> Path:
        """The folder of the files that hold the ids of its events."""
        return ids(self.path)

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A snapshot: every query inside sees the same cut. Raises StoreUnavailable while the database has
        given itself up and is to be opened again."""
        with self._gate:
            self._gate.wait_for(lambda: not self._swapping)
            self._readers += 1
        try:
            cursor = self.writer.cursor()
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                yield cursor
            finally:
                cursor.close()
        except (duckdb.FatalException, duckdb.ConnectionException) as error:
            raise StoreUnavailable(f"{self.path} is being opened again.", hint="Try again.") from error
        finally:
            with self._gate:
                self._readers -= 1
                self._gate.notify_all()

    def swap(self, built: Path) -> None:
        """Put the store file `built`, which is closed, in the place of this one. Called by the writer's
        thread. Raises StoreUnavailable when a part of it still stands in a write-ahead log."""
        if wal(built).exists():
            raise StoreUnavailable(f"{built} could not be put in order.", hint="Free space on its disk.")
        with self._alone():
            self.writer.close()
            for path in logs(self.path):
                path.unlink(missing_ok=True)
            # Named by their content, they may lie beside those of the old store: what is not of this one is
            # removed when the ids are read.
            for file in ids(built).glob("*"):
                self.ids.mkdir(exist_ok=True)
                os.replace(file, self.ids / file.name)
            os.replace(built, self.path)
            self.writer = self._open()

    def recover(self) -> bool:
        """After a failure: open the database again, if it gave itself up. True when it did. Called by the
        writer's thread; raises what opening raises, and can then be called again."""
        try:
            self.writer.execute("SELECT 1")
            return False
        except (duckdb.FatalException, duckdb.ConnectionException):
            pass
        with self._alone():
            self.writer.close()
            self.writer = self._open()
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Waits for the snapshots that are open, and holds new ones until the end."""
        with self._gate:
            self._swapping = True
            self._gate.wait_for(lambda: self._readers == 0)
        try:
            yield
        finally:
            with self._gate:
                self._swapping = False
                self._gate.notify_all()

    def pending(self) -> int:
        """Bytes in the write-ahead log."""
        try:
            return wal(self.path).stat().st_size
        except FileNotFoundError:
            return 0

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file. Called by the writer's thread, between two batches. False
        when the disk has no room for it, or a transaction of somebody else stood in the way: then try again
        later."""
        # A database whose checkpoint fails gives itself up: look first.
        if shutil.disk_usage(self.path.parent).free < self.pending():
            return False
        try:
            with metrics.CHECKPOINT.time():
                self.writer.execute("CHECKPOINT")
        except duckdb.TransactionException:
            return False
        return True

    def put_in_order(self, *, idle: bool = False) -> None:
        """A checkpoint between two batches, if there is enough for it in the write-ahead log."""
        if self.pending() > (CHECKPOINT_BYTES // 2 if idle else CHECKPOINT_BYTES):
            self.checkpoint()

    def close(self) -> None:
        self.writer.close()


def connect(path: Path | str, limits: Limits) -> duckdb.DuckDBPyConnection:
    """A locked-down connection: no file or network access from SQL, no setting changed afterwards."""
    try:
        connection = duckdb.connect(str(path))
    except duckdb.Error as error:
        if is_locked(error):
            raise StoreLocked(
                f"Another process holds {path}.", hint="Ask that node (`kizuna status`), or stop it."
            ) from None
        if is_damage(error):
            raise damaged(path, error) from error
        if not isinstance(error, duckdb.IOException):
            raise
        raise StoreUnavailable(
            f"Cannot open {path}: {error}", hint="Make it a file that this user can read and write."
        ) from error
    for setting in (
        f"SET threads = {limits.threads}",
        f"SET memory_limit = '{limits.memory}'",
        "SET preserve_insertion_order = false",
        "SET TimeZone = 'UTC'",
        # The projector takes them, between batches: one of DuckDB's own falls into whatever commit is next.
        "SET checkpoint_threshold = '1GB'",
        f"SET disabled_optimizers = '{','.join(NEEDLESS)}'",
        f"ATTACH ':memory:' AS {AHEAD}",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(setting)
    return connection


def is_locked(error: duckdb.Error) -> bool:
    """Whether another process holds the file."""
    return "Could not set lock on file" in str(error)


def is_damage(error: duckdb.Error) -> bool:
    """Whether the file itself is the trouble: then no second try helps, only another store does."""
    return any(said in str(error) for said in DAMAGE)


@contextmanager
def outages(path: Path) -> Iterator[None]:
    """A full disk raises StoreUnavailable."""
    try:
        yield
    except duckdb.Error as error:
        if not is_full(error):
            raise
        raise StoreUnavailable(f"The disk is full that {path} is on.", hint="Free space on it.") from error


def is_full(error: BaseException | None) -> bool:
    """Whether a full disk is the trouble."""
    return isinstance(error, duckdb.Error) and any(said in str(error) for said in FULL)


def cut(snapshot: duckdb.DuckDBPyConnection) -> Cut:
    """Where the snapshot stands."""
    rows = fetch(
        snapshot,
        'SELECT t, recorded_high, topic, generation, "partition", "offset" '
        "FROM clock LEFT JOIN positions ON true",
    )
    return Cut(
        tuple(sorted(Position(*row[2:]) for row in rows if row[2] is not None)),
        rows[0][0].replace(tzinfo=UTC),
        rows[0][1].replace(tzinfo=UTC),
    )
