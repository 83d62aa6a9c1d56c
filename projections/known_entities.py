"""Known entities: which of them have a number already, and which, without a look at all there are.

In memory only, 17 bytes an entity, read from the store at a start: new ones are never looked for in the
table, and known ones by their numbers, which lie close together where they are of one time.
"""

from __future__ import annotations

import duckdb
import numpy as np

from . import id_run
from .id_run import Hashes, Numbers, Run

HASH = "hash({id})"
"""The SQL of an entity's hash, the same for as long as the process lives."""

PIECE = 1 << 20


class KnownEntities:
    """Those of one store, for its writer's thread. One that is gone from the store does no harm: it is looked
    for in vain."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.highest = 0
        """The highest number given so far."""
        self._runs: list[Run] = []
        hashed = HASH.format(id="entity_id")
        for piece in connection.sql(f"SELECT {hashed}, entity FROM entities").to_arrow_reader(PIECE):
            hashes, numbers = (column.to_numpy() for column in piece.columns)
            self.add(hashes, numbers)

    def find(self, hashes: Hashes) -> Numbers:
        """The numbers that entities of these ascending hashes may have."""
        return id_run.find(self._runs, hashes)[1]

    def add(self, hashes: Hashes, numbers: Numbers) -> None:
        """Entities that got their numbers, in a batch that is committed."""
        if not len(hashes):
            return
        self.highest = max(self.highest, int(np.max(numbers)))
        self._runs.append(id_run.run_of(hashes, numbers))
        while id_run.alike(last := self._runs[-id_run.FAN :]):
            self._runs[-id_run.FAN :] = [id_run.merged(last)]
