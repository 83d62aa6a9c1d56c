"""A node whose log is in Kafka: it takes in, folds, and outlives its own death and the broker's."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from kizuna.processors.access import STALE_SECONDS
from kizuna.schemas.admission import event_id_for
from tests.broker import started
from tests.node_process import NodeProcess, kizuna, kizuna_json
from tests.recovery.client import Client, folded


def test_a_node_takes_in_and_folds(address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with NodeProcess(data, log=address) as node:
        key = kizuna_json("keys", "create", "web", "--data", data)["key"]
        item: dict[str, object] = {
            "type": "page.viewed",
            "ids": {"user_id": "u1"},
            "properties": {"path": "/"},
        }
        answer = node.post(key, [item], "?wait=10s").json()
        assert (answer["accepted"], answer["folded"]) == (1, True)
        status = kizuna_json("status", "--data", data)
        assert (status["events"], status["lag"]) == (1, 0)
        assert kizuna_json("rebuild", "--verify", "--data", data)["differences"] == {}
        assert node.stop() == 0
    assert kizuna_json("status", "--data", data)["events"] == 1, "the directory knows where its log is"
    assert not (data / "log.sqlite").exists()
    told = kizuna("doctor", "--data", data, check=False).stdout
    assert "opens; " in told
    assert "✗" not in told
    for command in (["backup", str(tmp_path / "b.kizuna")], ["archive"]):
        refused = kizuna(*command, "--data", data, check=False)
        assert refused.returncode == 1
        assert "this one is in Kafka" in refused.stderr


def test_a_store_does_not_go_on_with_another_log(address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with NodeProcess(data, log=address) as node:
        assert node.stop() == 0
    (data / "log.kafka").write_text(f"{address.rpartition('/')[0]}/{uuid4()}\n")
    refused = kizuna("run", "--data", data, "--port", "0", check=False)
    assert refused.returncode == 3
    assert "was folded from log" in refused.stderr


def test_looking_at_topics_leaves_nothing_behind(address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "kizuna.toml").write_text(f'log = "{address}"\n')
    looked = kizuna("topics", "--data", data, check=False)
    assert looked.returncode == 1
    assert "has no topic" in looked.stderr
    assert [one.name for one in data.iterdir()] == ["kizuna.toml"]


def test_an_embedded_log_is_not_left_for_kafka(tmp_path: Path) -> None:
    data = tmp_path / "data"
    kizuna("keys", "create", "web", "--data", data)
    (data / "kizuna.toml").write_text('log = "kafka://127.0.0.1:9092"\n')
    refused = kizuna("status", "--data", data, check=False)
    assert refused.returncode == 1
    assert "lies there, and not in Kafka" in refused.stderr


@pytest.mark.parametrize("kills", [pytest.param(6), pytest.param(50, marks=pytest.mark.soak)])
def test_nothing_acknowledged_is_lost_when_node_or_broker_is_killed(kills: int, tmp_path: Path) -> None:
    local = started(1)
    data = tmp_path / "data"
    address = f"kafka://{local.cluster.addresses}"
    with NodeProcess(data, log=address, kafka_delivery_seconds="2") as node:
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        client = Client(node, key, 1)
        client.start()
        for number in range(kills):
            before = len(client.acknowledged)
            until = time.monotonic() + 60
            while len(client.acknowledged) == before:
                assert time.monotonic() < until, node.log.read_text()[-3_000:]
                time.sleep(0.05)
            if number % 2:
                local.kill(1)
                local.start(1)
                local.wait_for(1)
            else:
                node.kill()
                node.start(until="/health")
        client.finish()
        status = folded(data)
        assert client.retries > 0
        assert status["sources"][0]["events"] == len(client.acknowledged)
        assert status["account"]["adds_up"] is True
        assert status["failed_events"] == 0
        assert kizuna_json("rebuild", "--verify", "--data", data)["differences"] == {}
        assert node.stop() == 0
    expected = {event_id_for("shop", message) for message in client.acknowledged}
    with duckdb.connect(str(data / "store.duckdb"), read_only=True) as store:
        kept = {row[0] for row in store.execute("SELECT event_id FROM events").fetchall()}
    assert kept == expected
    local.kill(1)


def test_a_broker_that_pauses_costs_503_and_no_event(tmp_path: Path) -> None:
    local = started(1)
    data = tmp_path / "data"
    with NodeProcess(data, log=f"kafka://{local.cluster.addresses}", kafka_delivery_seconds="2") as node:
        key = kizuna_json("keys", "create", "web", "--data", data)["key"]
        item = {"type": "page.viewed", "ids": {"user_id": "u1"}, "properties": {"path": "/"}}
        assert node.post(key, [{**item, "message_id": "m1"}]).status_code == 200
        local.signal(1, signal.SIGSTOP)
        refused = node.post(key, [{**item, "message_id": "m2"}])
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        time.sleep(STALE_SECONDS)
        began = time.monotonic()
        for _ in range(20):
            assert node.ask("GET", "/health").status_code == 200
            assert node.ask("GET", "/api/imports").status_code == 200
        assert time.monotonic() - began < 15, "who is known is answered from the store"
        local.signal(1, signal.SIGCONT)
        until = time.monotonic() + 60
        while node.post(key, [{**item, "message_id": "m2"}]).status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.2)
        status = folded(data)
        assert status["events"] == 2
        assert node.stop() == 0
    local.kill(1)
