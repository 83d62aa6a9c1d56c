"""One store owns a log; what was copied or restored is another store, and only reads."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord
from kizuna.processors.owned_log import OwnedLog
from kizuna.processors.ownership import Ownership
from kizuna.runtime import store_identity
from kizuna.runtime.directory import DataDirectory
from kizuna.schemas.errors import LogUnavailable
from tests.folding import NOW, memory_log

HERE, THERE = UUID(int=1), UUID(int=2)


def ownership(log: MemoryLog, store: UUID, now: datetime = NOW) -> Ownership:
    found = Ownership(log, store, lambda: now)
    found.refresh()
    return found


def touchpoints(log: MemoryLog) -> list[bytes]:
    return [record.value for record in log.read(topics.TOUCHPOINTS, 0, 0, 10)]


def test_the_first_store_to_claim_a_log_owns_it() -> None:
    log = memory_log()
    here, there = ownership(log, HERE), ownership(log, THERE)
    assert here.mine
    assert there.mine  # nobody claimed it yet
    here.claim()
    there.claim()
    assert here.mine
    assert not there.mine
    assert there.owner == here.owner


def test_claiming_again_adds_nothing_to_the_log() -> None:
    log = memory_log()
    ownership(log, HERE).claim()
    ends = log.bounds()
    again = ownership(log, HERE)
    again.claim()
    again.promote()
    assert log.bounds() == ends
    assert again.owner is not None
    assert again.owner.epoch == 1


def test_whoever_is_promoted_owns_the_log_and_the_other_learns_it() -> None:
    log = memory_log()
    here, there = ownership(log, HERE), ownership(log, THERE, NOW - timedelta(days=9))  # its clock is behind
    here.claim()
    assert there.promote().epoch == 2
    assert there.mine
    here.refresh()
    assert not here.mine
    assert here.promote().epoch == 3
    there.refresh()
    assert not there.mine


@pytest.mark.parametrize("first", [HERE, THERE])
def test_two_stores_that_claim_at_once_agree_on_one(first: UUID) -> None:
    log = memory_log()
    stores = {one: Ownership(log, one, lambda: NOW) for one in (HERE, THERE)}
    # Neither has seen the other: both append the first epoch.
    for one in (first, HERE if first == THERE else THERE):
        stores[one]._take()
    for its in stores.values():
        its.refresh()
    assert stores[HERE].mine != stores[THERE].mine
    assert stores[HERE].owner == stores[THERE].owner


def test_a_replica_reads_and_appends_nothing() -> None:
    log = memory_log()
    ownership(log, HERE).claim()
    replica = ownership(log, THERE)
    guarded = OwnedLog(log, replica)
    log.append(topics.TOUCHPOINTS, [NewRecord(b"", b"of the owner")]).result()
    with pytest.raises(LogUnavailable, match="kizuna promote"):
        guarded.append(topics.TOUCHPOINTS, [NewRecord(b"", b"of the replica")]).result()
    assert touchpoints(log) == [b"of the owner"]
    assert guarded.bounds() == log.bounds()
    replica.promote()
    guarded.append(topics.TOUCHPOINTS, [NewRecord(b"", b"of the owner now")]).result()
    assert touchpoints(log) == [b"of the owner", b"of the owner now"]


def test_a_directory_keeps_its_store_until_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = count(1)

    def of(path: Path) -> UUID:
        return store_identity.store_id(DataDirectory(path), lambda: UUID(int=next(ids)))

    (tmp_path / "data").mkdir()
    first = of(tmp_path / "data")
    assert of(tmp_path / "data") == first
    (tmp_path / "data").rename(tmp_path / "moved")
    assert of(tmp_path / "moved") == first
    shutil.copytree(tmp_path / "moved", tmp_path / "copy")
    assert of(tmp_path / "copy") != first
    assert of(tmp_path / "moved") == first
    machine = tmp_path / "machine-id"
    machine.write_text("another")
    monkeypatch.setattr(store_identity, "MACHINE", machine)
    assert of(tmp_path / "moved") != first


def test_an_identity_that_cannot_be_read_makes_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{")
    assert store_identity.store_id(DataDirectory(tmp_path), lambda: HERE) == HERE
    assert store_identity.store_id(DataDirectory(tmp_path), lambda: THERE) == HERE
