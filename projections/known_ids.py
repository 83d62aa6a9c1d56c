"""Known ids: which event ids of a batch came before, and where, without a look at the whole history.

Runs of ids, one a batch at first. Large ones are files beside the store, which names each by its checksum:
only what came after them is read from the store at a start. A hash that is found may be another id's, so
whoever asks looks at the events themselves; one that is not found never came.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np

from . import id_run
from .id_run import Hashes, Numbers, Run
from .script import transaction

logger = logging.getLogger(__name__)

FILED = 1 << 20
"""Ids from which on a run becomes a file."""

HASH = "md5_number_lower({id}::VARCHAR)"
"""The SQL of an id's hash. Files hold it, so it stays as it is; the tests narrow it before anything is
imported that makes SQL of it."""

_TAIL = """
SELECT {hash}, "partition", "offset"
FROM (SELECT event_id, "partition", "offset" FROM events
      UNION ALL SELECT event_id, "partition", "offset" FROM copies) r
WHERE "offset" >= coalesce((SELECT c."offset" FROM id_coverage c WHERE c."partition" = r."partition"), 0)
ORDER BY "partition", "offset"
"""
_FILES = "SELECT file FROM id_files ORDER BY number"

Stands = Mapping[int, int]
"""The next offset of touchpoints, by partition."""


class KnownIds:
    """The ids of one store, for its writer's thread. What was added and then rolled back does no harm: it is
    looked for in vain."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Reads the files in `folder`, and the store from there on; all of it when a file is damaged."""
        self._folder = folder
        self._runs: list[tuple[Run, Stands]] = []
        self._named: list[str] = []
        self._stands: Stands = {}
        self._load(connection)

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    @property
    def runs(self) -> list[Run]:
        """Oldest first."""
        return [run for run, _ in self._runs]

    def find(self, hashes: Hashes) -> tuple[Hashes, Numbers]:
        """Which of these ascending hashes came before, and the offsets of the records that brought them."""
        return id_run.find(self.runs, hashes)

    def add(self, hashes: Hashes, offsets: Numbers, stands: Stands) -> None:
        """The ids of a batch; `stands` are those after it, of the partitions that it read."""
        if not len(hashes):
            return
        self._stands = {**self._stands, **stands}
        self._runs.append((id_run.run_of(hashes, offsets), self._stands))
        while id_run.alike(last := [run for run, _ in self._runs[-id_run.FAN :]]):
            self._runs[-id_run.FAN :] = [(id_run.merged(last), self._stands)]

    def keep(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Between two batches: write large runs to files, and name these in the store. On a full disk they
        stay in memory."""
        try:
            filed = list(self._filed())
        except OSError as error:
            logger.warning("the ids of events stay in memory, their file cannot be written: %s", error)
            return
        names = [run.file for run, _ in filed]
        if names == self._named:
            return
        self._runs[: len(filed)] = filed
        with transaction(connection):
            connection.execute("DELETE FROM id_files")
            connection.execute("DELETE FROM id_coverage")
            for number, name in enumerate(names):
                connection.execute("INSERT INTO id_files VALUES (?, ?)", [number, name])
            for partition, offset in filed[-1][1].items():
                connection.execute("INSERT INTO id_coverage VALUES (?, ?)", [partition, offset])
        self._named = names
        self._sweep()

    def _filed(self) -> Iterator[tuple[Run, Stands]]:
        """The oldest runs, as long as they are large, each with its file."""
        for run, stands in self._runs:
            if len(run) < FILED:
                return
            yield (run if run.file else id_run.write(run, self._folder)), stands

    def _load(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._stands = dict(connection.execute("FROM id_coverage").fetchall())
        names = [name for (name,) in connection.execute(_FILES).fetchall()]
        try:
            self._runs = [(id_run.read(self._folder / name), self._stands) for name in names]
            self._named = names
        except (OSError, ValueError) as error:
            logger.warning("the ids of events are read from the store again: %s", error)
            connection.execute("DELETE FROM id_files")
            connection.execute("DELETE FROM id_coverage")
            self._stands = {}
        for piece in connection.sql(_TAIL.format(hash=HASH.format(id="event_id"))).to_arrow_reader(FILED):
            hashes, partitions, offsets = (column.to_numpy() for column in piece.columns)
            # In the order of the log, so each piece says how far it reaches.
            last = np.flatnonzero(np.diff(partitions, append=-1))
            ends = zip(partitions[last].tolist(), (offsets[last] + 1).tolist(), strict=True)
            self.add(hashes, offsets, dict(ends))
        self._sweep()

    def _sweep(self) -> None:
        """Remove files that the store does not name."""
        for path in self._folder.glob("*"):
            if path.name not in self._named:
                path.unlink(missing_ok=True)
