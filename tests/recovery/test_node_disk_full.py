"""A real node on a disk that fills up, at each kind of write: it refuses and never lies, it lives, nothing
that it acknowledged is lost, and once there is room it goes on by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import httpx
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.processors.projector import Projector
from kizuna.projections.store import Store
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.errors import StoreUnavailable
from tests.folding import KEY, LOG, NOW, accepted, memory_log, shipped_definitions
from tests.importing import tills_map
from tests.node_process import NodeProcess, kizuna, kizuna_json
from tests.recovery.conftest import SmallDisk

BATCH = 50
PADDING = "x" * 2_000
PATIENCE = 60.0
ROOM = [0, 50_000, 300_000, 600_000, 1_000_000, 2_000_000]
"""Bytes left: less and more than what is tried needs, so that it fails early and late."""

ROWS = 3_000


class Till:
    """Posts sales, and sends again what was not acknowledged."""

    def __init__(self, node: NodeProcess) -> None:
        self._node = node
        self._key = str(kizuna_json("keys", "create", "till", "--data", node.data)["key"])
        self._number = 0
        self.acknowledged: list[str] = []
        self.owed: list[list[dict[str, object]]] = []

    def sell(self) -> httpx.Response:
        batch = []
        for _ in range(BATCH):
            self._number += 1
            batch.append(_sale(self._number))
        return self._send(batch)

    def _send(self, batch: list[dict[str, object]]) -> httpx.Response:
        answer = self._node.post(self._key, batch)
        if answer.status_code == 200:
            assert answer.json()["accepted"] == len(batch), answer.text
            self.acknowledged += [str(one["message_id"]) for one in batch]
        else:
            self.owed.append(batch)
        return answer

    def settle(self) -> None:
        """Send what is owed until it is taken."""
        until = time.monotonic() + PATIENCE
        while self.owed:
            if self._send(self.owed.pop(0)).status_code != 200:
                assert time.monotonic() < until
                time.sleep(0.1)


def _sale(number: int) -> dict[str, object]:
    return {
        "message_id": f"m{number}",
        "type": "order.completed",
        "ids": {"card": f"C{number % 7}"},
        "occurred_at": datetime(2026, 1, 1 + number % 28, 10, tzinfo=UTC).isoformat(),
        "properties": {"order_id": f"O{number}", "total": f"{number}.25", "currency": "EUR"},
        "context": {"note": PADDING},
    }


@contextmanager
def selling(disk: SmallDisk) -> Iterator[tuple[NodeProcess, Till]]:
    """A node that has sold something; in the end what it acknowledged is there, once, and a rebuild equal."""
    with NodeProcess(disk.path) as node:
        till = Till(node)
        assert till.sell().status_code == 200
        _wait_folded(node)
        yield node, till
        assert node.process.poll() is None, node.log.read_text()
        assert till.owed == []
        _wait_folded(node)
        assert node.ask("GET", "/ready").status_code == 200
        assert kizuna_json("rebuild", "--verify", "--data", disk.path)["differences"] == {}
        assert node.stop() == 0
    assert "Traceback" not in node.log.read_text()
    with duckdb.connect(str(disk.path / "store.duckdb"), read_only=True) as store:
        ids = store.execute("SELECT event_id FROM events WHERE source = 'till'").fetchall()
        ((money,),) = store.execute("SELECT sum(amount) FROM movements WHERE source = 'till'").fetchall()
    assert sorted(row[0] for row in ids) == sorted(event_id_for("till", one) for one in till.acknowledged)
    assert money == sum((Decimal(f"{one[1:]}.25") for one in till.acknowledged), Decimal(0))


def _wait_folded(node: NodeProcess) -> None:
    until = time.monotonic() + PATIENCE
    while (answer := node.ask("GET", "/ready")).status_code != 200 or answer.json()["lag"]:
        assert time.monotonic() < until, (answer.text, node.log.read_text())
        time.sleep(0.1)


def _wait_logged(node: NodeProcess, said: str) -> None:
    until = time.monotonic() + PATIENCE
    while said not in node.log.read_text():
        assert time.monotonic() < until, node.log.read_text()
        time.sleep(0.1)


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["code"] == "unavailable"


def test_an_append_is_refused_while_the_disk_is_full(small_disk: SmallDisk) -> None:
    with selling(small_disk) as (node, till):
        small_disk.fill()
        while (answer := till.sell()).status_code == 200:
            assert len(till.acknowledged) < 100_000
        assert_refused(answer)
        assert_refused(till.sell())
        assert_refused(node.ask("POST", "/api/keys", json={"name": "another"}))
        assert node.ask("GET", "/health").status_code == 200
        assert node.ask("GET", "/api/status").status_code == 200
        small_disk.free()
        till.settle()
        assert node.ask("POST", "/api/keys", json={"name": "another"}).status_code == 201


def test_what_is_accepted_is_folded_once_the_store_has_room(small_disk: SmallDisk, tmp_path: Path) -> None:
    """The log is on another disk, and goes on."""
    (small_disk.path / "log.sqlite").symlink_to(tmp_path / "log.sqlite")
    with selling(small_disk) as (node, till):
        small_disk.fill()
        for _ in range(20):
            assert till.sell().status_code == 200
        _wait_logged(node, "cannot fold now, trying again")
        time.sleep(2)  # twice more
        status = node.ask("GET", "/api/status")
        assert (status.status_code, status.json()["lag"] > 0) == (200, True)
        small_disk.free()
        _wait_folded(node)


def test_a_node_stops_and_starts_around_a_full_disk(small_disk: SmallDisk) -> None:
    with selling(small_disk) as (node, till):
        small_disk.fill()
        assert node.stop() == 0
        refused = kizuna("run", "--data", small_disk.path, "--port", "0", check=False)
        assert refused.returncode == 1
        assert refused.stderr.count("error:") == 1
        assert "Traceback" not in refused.stderr
        assert not list(small_disk.path.glob("node.json*"))
        small_disk.free()
        node.start()
        assert till.sell().status_code == 200


def test_a_first_start_on_a_full_disk_leaves_nothing_in_the_way(small_disk: SmallDisk) -> None:
    for room in (0, 8_192, 40_000, 80_000):
        data = small_disk.path / f"data{room}"
        small_disk.fill(leave=room)
        refused = kizuna("run", "--data", data, "--port", "0", check=False)
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False), refused.stderr
        assert not list(data.glob("node.json*"))
        small_disk.free()
        with NodeProcess(data) as node:
            node.log = small_disk.path.with_name("node.log")
            assert Till(node).sell().status_code == 200
            assert node.stop() == 0


def _sales_file(folder: Path, name: str) -> tuple[Path, Path]:
    file, map_ = folder / f"{name}.csv", folder / "sales.yaml"
    rows = [f"{name}-{n},2025-{n % 12 + 1:02}-{n % 28 + 1:02} 10:00:00,{n % 97},{n}.5" for n in range(ROWS)]
    file.write_text("\n".join(["receipt,time,card,amount", *rows]))
    map_.write_text(tills_map("JPY"))
    return file, map_


@pytest.mark.parametrize("rows_elsewhere", [False, True])
def test_an_import_is_refused_and_then_done(
    small_disk: SmallDisk, tmp_path: Path, rows_elsewhere: bool
) -> None:
    """The rows are sorted on the same disk, or on another one: then the append is what fails."""
    if rows_elsewhere:
        (tmp_path / "imports").mkdir()
        (small_disk.path / "imports").symlink_to(tmp_path / "imports")
    refused = 0
    with selling(small_disk) as (node, till):
        for number, room in enumerate(ROOM[::2]):
            file, map_ = _sales_file(tmp_path, f"R{number}")
            command = ("import", file, "--map", map_, "--data", small_disk.path)
            small_disk.fill(leave=room)
            done = kizuna(*command, check=False)
            assert "Traceback" not in done.stderr
            if done.returncode:
                assert (done.returncode, done.stderr.count("error:")) == (1, 1), done.stderr
                refused += 1
            small_disk.free()
            kizuna(*command)
        till.settle()
        _wait_folded(node)
        source = next(
            one for one in node.ask("GET", "/api/status").json()["sources"] if one["source"] == "tills"
        )
        assert source["events"] == ROWS * len(ROOM[::2])
        assert refused >= 1


def test_a_rebuild_without_room_leaves_the_live_store(small_disk: SmallDisk) -> None:
    refused = 0
    with selling(small_disk) as (node, till):
        for _ in range(40):
            assert till.sell().status_code == 200
        _wait_folded(node)
        for room in ROOM:
            small_disk.fill(leave=room)
            answer = node.ask("POST", "/api/rebuild", json={"verify": True}, timeout=PATIENCE)
            if answer.status_code != 200:
                assert_refused(answer)
                refused += 1
            assert not list(small_disk.path.glob("store.rebuild*"))
            assert node.ask("GET", "/api/status").json()["lag"] == 0
            small_disk.free()
        assert refused >= 3
        assert till.sell().status_code == 200


def test_a_store_that_gave_itself_up_is_opened_again(small_disk: SmallDisk) -> None:
    """What DuckDB does when a checkpoint finds no room: no statement works any more."""
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    store = Store(small_disk.path / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
    projector = Projector(log, store, KEY, lambda: NOW)
    sold = 0

    def sell() -> None:
        nonlocal sold
        values = [accepted(_sale(sold + n)) for n in range(1, 301)]
        sold += len(values)
        log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in values])

    try:
        sell()
        projector.start()
        assert projector.wait_folded(log.bounds(), PATIENCE)
        small_disk.fill()
        with pytest.raises(duckdb.FatalException, match="No space left"):
            projector.call(lambda: store.writer.execute("CHECKPOINT"))
        sell()
        small_disk.free()
        assert projector.wait_folded(log.bounds(), PATIENCE)
        assert projector.failure is None
        with store.read() as snapshot:
            assert snapshot.execute("SELECT count(*) FROM events").fetchall() == [(sold,)]
        assert projector.call(store.checkpoint)
    finally:
        projector.stop()
        store.close()


def test_a_checkpoint_without_room_is_not_tried(small_disk: SmallDisk) -> None:
    store = Store(small_disk.path / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
    try:
        store.writer.execute("UPDATE clock SET t = TIMESTAMP '2026-01-01'")
        small_disk.fill()
        assert not store.checkpoint()
        with pytest.raises(duckdb.FatalException, match="No space left"):
            store.writer.execute("CHECKPOINT")
        with pytest.raises(StoreUnavailable), store.read() as snapshot:
            snapshot.execute("SELECT t FROM clock")
        assert store.recover()
        assert not store.recover()
        small_disk.free()
        assert store.checkpoint()
        with store.read() as snapshot:
            assert snapshot.execute("SELECT year(t) FROM clock").fetchall() == [(2026,)]
    finally:
        store.close()
