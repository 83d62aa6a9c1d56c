"""A node killed under load: nothing acknowledged is lost, nothing counts twice, a rebuild gives the same.

What is expected is counted by the client alone: the ids it sent, and the rows of the file it imported.
"""

from __future__ import annotations

import subprocess
import time
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import UUID

import duckdb
import pytest

from kizuna.schemas.admission import event_id_for
from tests.importing import tills_map
from tests.node_process import KIZUNA, NodeProcess, environment, kizuna, kizuna_json
from tests.recovery.chores import Chores
from tests.recovery.client import BATCH, Client, folded

ROWS = 10_000


def _sales_file(folder: Path) -> tuple[Path, Path, Decimal]:
    """A file of sales, its map, and what the sales add up to."""
    file, map_ = folder / "sales.csv", folder / "sales.yaml"
    rows = [
        f"R-{n},2025-{n % 12 + 1:02}-{n % 28 + 1:02} 10:00:00,{n % 997},{n % 5_000}.5" for n in range(ROWS)
    ]
    file.write_text("\n".join(["receipt,time,card,amount", *rows]))
    map_.write_text(tills_map("JPY"))
    return file, map_, sum((Decimal(row.rsplit(",", 1)[1]) for row in rows), Decimal(0))


@pytest.mark.parametrize(
    "kills", [pytest.param(20, marks=pytest.mark.slow), pytest.param(500, marks=pytest.mark.soak)]
)
def test_a_node_killed_under_load_loses_nothing_and_counts_nothing_twice(kills: int, tmp_path: Path) -> None:
    luck = Random(kills)
    data = tmp_path / "data"
    file, map_, sold = _sales_file(tmp_path)
    command = [KIZUNA, "import", str(file), "--map", str(map_), "--data", str(data)]
    with NodeProcess(data) as node:
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        clients = [Client(node, key, seed) for seed in (1, 2)]
        for client in clients:
            client.start()
        chores = Chores(data, tmp_path, luck, lambda: sum(len(client.acknowledged) for client in clients))
        chores.start()
        importing = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
        for number in range(kills):
            time.sleep(luck.uniform(0.2, 1.2))
            if number % 3 == 1 and importing.poll() is None:
                importing.kill()
                importing.wait()
            node.kill()
            time.sleep(luck.uniform(0, 0.3))
            node.start(until="/health")
            if importing.poll() is not None and (importing.returncode or number % 10 == 0):
                importing = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
        for client in clients:
            client.finish()
        importing.wait(120)
        chores.finish()
        kizuna(*command[1:])
        acknowledged = [message for client in clients for message in client.acknowledged]
        assert min(chores.done[one] for one in ("backups", "undo", "redo")) >= kills // 20, chores.done
        assert len(set(acknowledged)) == len(acknowledged) > kills * BATCH
        status = folded(data)
        events = {one["source"]: one["events"] for one in status["sources"]}
        assert (events["shop"], events["tills"]) == (len(acknowledged), ROWS)
        assert status["account"]["adds_up"] is True
        assert status["failed_events"] == 0
        assert kizuna_json("rebuild", "--verify", "--data", data)["differences"] == {}
        assert node.stop() == 0
    _compare(data, {event_id_for("shop", message) for message in acknowledged}, sold)


def test_sigterm_under_load_loses_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with NodeProcess(data) as node:
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        clients = [Client(node, key, seed) for seed in (3, 4)]
        for client in clients:
            client.start()
        time.sleep(1)
        assert node.stop() == 0
        node.start(until="/health")
        for client in clients:
            client.finish()
        acknowledged = [message for client in clients for message in client.acknowledged]
        status = folded(data)
        assert status["events"] == len(acknowledged) > BATCH
        # A request is finished or refused whole: what was sent again had not been kept.
        assert status["duplicates"] == 0
        assert node.stop() == 0


def _compare(data: Path, sent: set[UUID], sold: Decimal) -> None:
    """The store against what the client knows: each event once, no other, and the money of the file."""
    with duckdb.connect(str(data / "store.duckdb"), read_only=True) as store:
        ids = [
            row[0] for row in store.execute("SELECT event_id FROM events WHERE source = 'shop'").fetchall()
        ]
        imported = store.execute(
            "SELECT count(*), count(DISTINCT event_id) FROM events WHERE source = 'tills'"
        )
        assert imported.fetchone() == (ROWS, ROWS)
        money = store.execute("SELECT sum(amount) FROM movements WHERE source = 'tills'").fetchone()
    assert len(ids) == len(set(ids))
    assert set(ids) == sent
    assert money == (sold,)
