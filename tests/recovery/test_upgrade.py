"""A store that another version of the fold wrote: it is folded anew while events come in, and then serves."""

from __future__ import annotations

import json
import shutil
import tarfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kizuna.projections import store as stores
from kizuna.projections.store import cut
from kizuna.runtime import settings as all_settings
from kizuna.runtime.directory import DataDirectory
from kizuna.runtime.upgrade import opened_upgraded
from tests.importing import tills_map
from tests.node_process import NodeProcess, kizuna, kizuna_json
from tests.recovery.client import folded

ROWS = 20_000
GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "upgrade"


def sales(folder: Path) -> tuple[Path, Path]:
    file, map_ = folder / "sales.csv", folder / "sales.yaml"
    rows = [f"R-{n},2025-{n % 12 + 1:02}-{n % 28 + 1:02} 10:00:00,{n % 997},2.5" for n in range(ROWS)]
    file.write_text("\n".join(["receipt,time,card,amount", *rows]))
    map_.write_text(tills_map("JPY"))
    return file, map_


def declare(store: Path, version: int) -> None:
    """Make the store one that this version of the fold wrote."""
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'fold'", [str(version)])


def page(message: str) -> list[dict[str, Any]]:
    return [
        {"type": "page.viewed", "message_id": message, "ids": {"user_id": "u"}, "properties": {"path": "/"}}
    ]


def test_events_are_taken_in_while_the_store_is_folded_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    file, map_ = sales(tmp_path)
    with NodeProcess(data) as node:
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        kizuna("import", file, "--map", map_, "--data", data)
        folded(data)
        assert node.stop() == 0
    declare(data / "store.duckdb", 1)
    (data / "kizuna.toml").write_text("batch_size = 500\n")  # so that it takes a while

    with NodeProcess(data, until="/health") as node:
        said = node.ask("GET", "/api/status")
        assert said.status_code == 503
        assert f"of {ROWS:,}" in said.text or " records" in said.text
        assert int(said.headers["retry-after"]) >= 1
        assert "folded anew" in kizuna("status", "--data", data, check=False).stderr
        assert node.post(key, page("while")).status_code == 200
        assert node.ask("GET", "/api/status").status_code == 503, "too fast to be seen: fold more"
        assert node.ask("GET", "/metrics").status_code == 200
        assert (data / "store.outdated.duckdb").exists()
        until = time.monotonic() + 60
        while node.ask("GET", "/ready").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        status = folded(data)
        assert status["events"] == ROWS + 1
        assert status["role"] == "owner"
        assert kizuna_json("rebuild", "--verify", "--data", data)["differences"] == {}
        assert node.stop() == 0
    assert not list(data.glob("store.outdated*"))


def test_a_node_killed_while_it_upgrades_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    file, map_ = sales(tmp_path)
    with NodeProcess(data) as node:
        kizuna("import", file, "--map", map_, "--data", data)
        folded(data)
        assert node.stop() == 0
    declare(data / "store.duckdb", 1)
    (data / "kizuna.toml").write_text("batch_size = 500\n")
    with NodeProcess(data, until="/health") as node:
        for _ in range(3):
            time.sleep(0.3)
            node.kill()
            node.start(until="/health")
        node.kill()
        node.start()
        assert folded(data)["events"] == ROWS
        assert node.stop() == 0
    with duckdb.connect(str(data / "store.duckdb"), read_only=True) as store:
        assert store.execute("SELECT sum(amount) FROM movements").fetchone() == (ROWS * 5 // 2,)


def test_the_version_before_goes_on_with_its_own_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    directory, settings = DataDirectory(data), all_settings.load(None)
    file, map_ = sales(tmp_path)
    kizuna("import", file, "--map", map_, "--data", data)
    kizuna("rebuild", "--data", data)
    old = stores.FOLD_VERSION
    with opened_upgraded(directory, settings, "token") as services:
        stood = cut(services.store.writer).positions
        assert stood
    monkeypatch.setattr(stores, "FOLD_VERSION", old + 1)
    for _ in range(2):  # the second time it goes on with the new one
        with opened_upgraded(directory, settings, "token") as services:
            assert cut(services.store.writer).positions == ()
    monkeypatch.setattr(stores, "FOLD_VERSION", old)
    with opened_upgraded(directory, settings, "token") as services:
        assert cut(services.store.writer).positions == stood
    monkeypatch.setattr(stores, "FOLD_VERSION", old + 2)  # a third one finds nothing of its own
    with opened_upgraded(directory, settings, "token") as services:
        assert cut(services.store.writer).positions == ()
    assert directory.outdated_store.exists()


def test_log_and_store_of_an_earlier_version_are_upgraded(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with tarfile.open(GOLDEN / "data-0.1.0.tar.xz") as tar:
        tar.extractall(data, filter="data")
    expected = json.loads((GOLDEN / "expected.json").read_text())
    with duckdb.connect(str(data / "store.duckdb")) as store:
        held = store.execute("SELECT value FROM meta WHERE key = 'fold'").fetchone()
    assert held is not None
    assert int(held[0]) < stores.FOLD_VERSION
    with NodeProcess(data) as node:
        status = folded(data)
        for name in ("events", "duplicates", "failed_events"):
            assert status[name] == expected[name], name
        for user, traits in expected["profiles"].items():
            found = node.ask("POST", "/api/profiles/lookup", json={"kind": "user_id", "value": user}).json()
            assert {name: found["traits"][name] for name in traits} == traits
        assert kizuna_json("rebuild", "--verify", "--data", data)["differences"] == {}
        again = node.post(expected["key"], expected["items"])
        assert again.status_code == 200
        assert folded(data)["events"] == expected["events"]  # all of them are duplicates
        assert node.stop() == 0
    shutil.rmtree(data)
