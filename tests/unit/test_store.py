"""The store's file: what may stand in the way of putting it in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from kizuna.projections.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.duckdb", log_id=UUID(int=1), generation=0, store_id=UUID(int=2))
    yield opened
    opened.close()


def test_a_checkpoint_gives_way_to_a_transaction_and_succeeds_after_it(store: Store) -> None:
    with store.writer.cursor() as other:
        other.execute("BEGIN")
        other.execute("UPDATE clock SET t = TIMESTAMP '2026-01-01'")
        assert not store.checkpoint()
        assert store.pending() > 0
        other.execute("COMMIT")
    assert store.checkpoint()
    assert store.pending() == 0


def test_a_snapshot_sees_its_cut_across_updates_and_checkpoints(store: Store) -> None:
    query = "SELECT year(t) FROM clock"
    with store.read() as snapshot:
        assert snapshot.execute(query).fetchall() == [(1970,)]
        store.writer.execute("UPDATE clock SET t = TIMESTAMP '2026-01-01'")
        store.checkpoint()
        assert snapshot.execute(query).fetchall() == [(1970,)]
    assert store.checkpoint()
    with store.read() as snapshot:
        assert snapshot.execute(query).fetchall() == [(2026,)]
