"""Which entities have which number: as the table says, whatever collides, and after a start as before it."""

from __future__ import annotations

from uuid import UUID

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.projections import id_run, known_entities, tables
from kizuna.projections.id_run import Hashes
from kizuna.projections.known_entities import KnownEntities

NARROW = "(hash({id}) & 3)"


@given(
    st.lists(st.lists(st.integers(0, 30), unique=True), max_size=12),
    st.lists(st.integers(0, 40), unique=True),
    st.sampled_from([known_entities.HASH, NARROW]),
)
def test_of_those_asked_for_it_finds_the_numbers_that_they_have(
    batches: list[list[int]], asked: list[int], hashed: str
) -> None:
    with pytest.MonkeyPatch.context() as patch, duckdb.connect() as connection:
        patch.setattr(known_entities, "HASH", hashed)
        patch.setattr(id_run, "FAN", 2)
        connection.execute(tables.ENTITIES.ddl)
        known, numbers = KnownEntities(connection), dict[int, int]()
        for batch in batches:
            new = [one for one in batch if one not in numbers]
            numbers |= {one: known.highest + at for at, one in enumerate(new, start=1)}
            for one in new:
                row = {"number": numbers[one], "id": UUID(int=one)}
                connection.execute("INSERT INTO entities (entity, entity_id) VALUES ($number, $id)", row)
            known.add(_hashes(connection, new), np.array([numbers[one] for one in new], np.int64))
        assert known.highest == len(numbers)
        wanted = {numbers[one] for one in asked if one in numbers}
        for kept in (known, KnownEntities(connection)):
            found = set(kept.find(np.sort(_hashes(connection, asked))).tolist())
            assert wanted <= found <= set(numbers.values())
            assert hashed == NARROW or found == wanted
            assert kept.highest == len(numbers)


def _hashes(connection: duckdb.DuckDBPyConnection, entities: list[int]) -> Hashes:
    hashed = known_entities.HASH.format(id="id")
    rows = connection.execute(
        f"SELECT {hashed} FROM unnest($ids::UUID[]) r(id)", {"ids": [UUID(int=one) for one in entities]}
    )
    return np.array([one for (one,) in rows.fetchall()], np.uint64)
