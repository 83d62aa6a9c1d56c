"""Importing a file again, its rows in another order, changes no state: what comes are duplicates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from kizuna.projections import canon
from tests.importing import BEGAN, example, import_file

from .conftest import FILES, Worlds


@pytest.mark.parametrize("name", FILES)
def test_again_and_shuffled(worlds: Worlds, tmp_path: Path, name: str) -> None:
    world = worlds(name)
    shuffled = tmp_path / "shuffled.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * EXCLUDE file_row_number "
            f"FROM read_parquet('{world.path}', file_row_number = true)"
            f" ORDER BY hash(file_row_number + 1)) TO '{shuffled}' (FORMAT parquet)"
        )
    map_file = example(name)
    later = BEGAN + timedelta(days=1)
    again = import_file(shuffled, map_file, tmp_path / "imports", log=world.log, began=later)
    world.projector.fold_all()

    assert again.report.import_id != world.report.import_id
    assert (again.report.rows, again.report.events) == (world.report.rows, world.report.events)
    state = canon.digest(world.store.writer)
    grown = {"copies": "", "definitions": ""}
    assert {**state, **grown} == {**world.digest, **grown}
    # What is known of the import is a record of its own.
    imports = "SELECT count(*) FROM definitions WHERE kind = 'import'"
    assert world.state(imports) == [(2,)]
    copies = int(world.digest["copies"].partition(":")[0])
    assert world.state("SELECT count(*) FROM copies") == [(copies + world.report.events,)]
    conflicts = (
        "SELECT count(*) FROM copies c JOIN events e USING (event_id) WHERE c.body_hash <> e.body_hash"
    )
    assert world.state(conflicts) == [(0,)]
    assert canon.twice(world.store.writer) == {}
