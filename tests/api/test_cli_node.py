"""The command line beside a running node, and what happens when a node starts, stops, or cannot."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kizuna.runtime.directory import DataDirectory
from kizuna.runtime.node_file import NodeFile
from tests.node_process import KIZUNA, NodeProcess, environment, kizuna, kizuna_json

MAIL = "hanako.sato@example.com"
ORDER: dict[str, object] = {
    "type": "order.completed",
    "message_id": "m-1",
    "ids": {"user_id": "C-1"},
    "properties": {"order_id": "A-1", "currency": "EUR", "total": "49.5"},
}
REFUSED: dict[str, object] = {"type": "order.compleated", "message_id": "m-2", "ids": {"email": MAIL}}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with one order, its duplicate, and an item that was refused."""
    with NodeProcess(tmp_path_factory.mktemp("node") / "data") as running:
        key = kizuna_json("keys", "create", "shop", "--data", running.data)["key"]
        answer = running.post(key, [ORDER, ORDER, REFUSED], "?wait=10s")
        assert (answer.status_code, answer.json()["folded"]) == (200, True)
        yield running


def test_status_counts_and_stands(node: NodeProcess) -> None:
    status = kizuna_json("status", "--data", node.data)
    counts = {name: status[name] for name in ("events", "profiles", "duplicates", "failed_events")}
    assert counts == {"events": 1, "profiles": 1, "duplicates": 1, "failed_events": 1}
    assert isinstance(status["lag"], int)
    positions = {at["topic"]: at for at in status["positions"]}
    assert positions["touchpoints"] == {"topic": "touchpoints", "generation": 0, "partition": 0, "offset": 2}
    (shop,) = [one for one in status["sources"] if one["source"] == "shop"]
    assert shop["records"] == shop["events"] + shop["duplicates"] + shop["failed_events"] == 3
    shown = kizuna("status", "--data", node.data).stdout
    assert re.search(r"events +1\b", shown)
    assert "touchpoints" in shown


def test_keys_work_and_cease_to_work_at_once(node: NodeProcess) -> None:
    key = kizuna_json("keys", "create", "brief", "--data", node.data)["key"]
    assert node.post(key, [ORDER], "?dry_run=true").status_code == 200
    kizuna("keys", "remove", "brief", "--data", node.data)
    assert node.post(key, [ORDER], "?dry_run=true").status_code == 401


def test_tokens_work_at_once_within_their_scope(node: NodeProcess) -> None:
    token = kizuna_json("tokens", "create", "reader", "--scope", "read", "--data", node.data)["token"]
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{node.address}/api/status", headers=headers).status_code == 200
    assert httpx.get(f"{node.address}/api/keys", headers=headers).status_code == 403
    assert httpx.get(f"{node.address}/api/status").status_code == 401


def test_failed_events_are_listed_without_what_was_in_them(node: NodeProcess) -> None:
    listed = kizuna("failed", "list", "--data", node.data)
    assert "unknown_type" in listed.stdout
    assert "did you mean order.completed?" in listed.stdout
    assert MAIL not in listed.stdout
    assert kizuna("failed", "--data", node.data).stdout == listed.stdout
    (one,) = kizuna_json("failed", "list", "--data", node.data)
    assert one["code"] == "unknown_type"
    shown = kizuna("failed", "show", one["id"], "--data", node.data).stdout
    assert MAIL in shown
    whole = kizuna_json("failed", "show", one["id"], "--data", node.data)
    assert json.loads(whole["item"]) == REFUSED
    assert kizuna_json("failed", "list", "--code", "invalid", "--data", node.data) == []
    missing = kizuna("failed", "show", "nothing", "--data", node.data, check=False)
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: There is no such failed event.")


def test_tail_follows(node: NodeProcess) -> None:
    key = kizuna_json("keys", "create", "tailed", "--data", node.data)["key"]
    command = [KIZUNA, "tail", "--data", str(node.data), "-n", "0", "--json"]
    seen = threading.Event()

    def probe() -> None:
        """Again and again: nothing says from when on it follows."""
        for _ in range(200):
            node.post(key, [{"type": "custom.probe", "ids": {"email": MAIL}}])
            if seen.wait(0.3):
                return

    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout
        probing = threading.Thread(target=probe)
        probing.start()
        line = json.loads(following.stdout.readline())
        seen.set()
        probing.join()
        following.terminate()
    assert (line["type"], line["source"]) == ("custom.probe", "tailed")
    assert MAIL not in json.dumps(line)


def test_simulate_feeds_a_node(node: NodeProcess) -> None:
    key = kizuna_json("keys", "create", "simulated", "--data", node.data)["key"]
    told = kizuna("simulate", "--to", node.address, "--key", key, "--count", 700, "--days", 30)
    assert told.stderr.strip() == f"700 events sent to {node.address}."
    status = _caught_up(node.data)
    (source,) = [one for one in status["sources"] if one["source"] == "simulated"]
    assert source["events"] + source["duplicates"] == 700
    assert source["failed_events"] == 0


def test_a_rebuild_beside_the_node_is_equal(node: NodeProcess) -> None:
    report = kizuna_json("rebuild", "--verify", "--data", node.data)
    assert report["swapped"] is True
    assert report["differences"] == {}
    assert report["records"] >= 3
    assert "equal" in kizuna("rebuild", "--verify", "--data", node.data).stdout


def test_a_second_node_is_refused(node: NodeProcess) -> None:
    second = kizuna("run", "--data", node.data, "--port", 0, check=False)
    assert second.returncode == 1
    assert f"A node runs on {node.data} already at {node.address}." in second.stderr
    assert "hint: " in second.stderr
    assert "Traceback" not in second.stderr
    assert node.ask("GET", "/ready").status_code == 200


def test_the_node_file_is_private(node: NodeProcess) -> None:
    assert (node.data / "node.json").stat().st_mode & 0o777 == 0o600


def test_logs_hold_no_personal_data(node: NodeProcess) -> None:
    node.ask("GET", f"/api/nothing?email={MAIL}")
    node.ask("POST", "/api/profiles/lookup", json={"kind": "email", "value": MAIL})
    text = node.log.read_text()
    assert "listening" in text
    assert MAIL not in text
    assert "C-1" not in text


def _caught_up(data: Path) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        status: dict[str, Any] = kizuna_json("status", "--data", data)
        if status["lag"] == 0:
            return status
        assert time.monotonic() < until, status
        time.sleep(0.1)


def test_sigterm_ends_a_node_in_order(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data") as node:
        key = kizuna_json("keys", "create", "shop", "--data", node.data)["key"]
        assert node.post(key, [ORDER]).status_code == 200
        assert node.stop() == 0
    assert not (node.data / "node.json").exists()
    assert not list(node.data.glob("store.duckdb.wal")), "the store is in order"
    assert "stopped" in node.log.read_text()
    # Without a node the commands open the store themselves.
    status = kizuna_json("status", "--data", node.data)
    assert (status["events"] + status["lag"] > 0, status["failed_events"]) == (True, 0)
    report = kizuna_json("rebuild", "--verify", "--data", node.data)
    assert report["differences"] == {}
    assert kizuna_json("status", "--data", node.data)["lag"] == 0


def test_the_node_file_of_a_dead_node_is_noticed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    kizuna("keys", "create", "shop", "--data", data)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    NodeFile(f"http://127.0.0.1:{port}", "kzt_old").write(DataDirectory(data))
    assert kizuna_json("status", "--data", data)["events"] == 0
    doctor = kizuna("doctor", "--data", data, check=False)
    assert "none answers; one was killed here" in doctor.stdout


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = kizuna("run", "--data", tmp_path / "data", "--port", port, check=False)
    assert told.returncode == 1
    assert f"error: Cannot listen on 127.0.0.1 port {port}: Address already in use." in told.stderr
    assert "hint: Choose another with --port" in told.stderr


def test_a_projector_that_cannot_go_on_ends_the_node_with_code_3(tmp_path: Path) -> None:
    """The log was put back to an earlier state behind the store's back."""
    data = tmp_path / "data"
    with NodeProcess(data) as node:
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        assert node.stop() == 0
        earlier = (data / "log.sqlite").read_bytes()
        node.start()
        assert node.post(key, [ORDER], "?wait=10s").json()["folded"]
        assert node.stop() == 0
    (data / "log.sqlite").write_bytes(earlier)
    told = kizuna("run", "--data", data, "--port", 0, check=False)
    assert told.returncode == 3
    assert "The log of touchpoints/0 ends at 0" in told.stderr
    assert "kizuna rebuild" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_demo_lives_and_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with NodeProcess(data, "--rate", "50", command="demo") as node:
        shown = _shown(node, "Ctrl-C closes it")
        # What stands indented is what a person would copy into a shell.
        script = "\n".join(re.findall(r"^  ((?:TOKEN|KEY|curl|  -d|  \").*)$", shown, re.MULTILINE))
        answers = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=60).stdout
        stats, profile, told = (json.loads(one) for one in answers.replace("}{", "}\n{").splitlines())
        assert stats["events"] > 5_000
        assert profile["traits"]["orders_count"] > 3
        assert told["folded"] is True
        # The command to watch with is typed as it stands, from where the demo was started.
        (watch,) = re.findall(r"^  (\S.* tail .*)$", shown, re.MULTILINE)
        watched = subprocess.run(
            ["bash", "-ec", f"{watch} --no-follow -n 1"], env=environment(), capture_output=True, text=True
        )
        assert (watched.returncode, watched.stderr) == (0, "")
        assert "touchpoints/0@" in watched.stdout
        before = _caught_up_once(data)
        assert {one["source"] for one in before["sources"]} >= {
            "web",
            "till-1",
            "till-2",
            "mail",
            "helpdesk",
            "crm",
        }
        assert before["failed_events"] == 0
        token = re.search(r"kzt_[\w-]+", shown)
        assert token
        assert node.stop() == 0
        node.start()
        until = time.monotonic() + 30
        while kizuna_json("status", "--data", data)["events"] <= before["events"]:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert node.log.read_text().count(token[0]) == 2, "the token of the first start holds on"
        assert node.stop() == 0


def test_a_demo_leaves_other_data_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    kizuna("keys", "create", "shop", "--data", data)
    told = kizuna("demo", "--data", data, "--port", 0, check=False)
    assert told.returncode == 1
    assert "holds data that is no demo's" in told.stderr


def _shown(node: NodeProcess, text: str) -> str:
    until = time.monotonic() + 60
    while text not in node.log.read_text():
        assert time.monotonic() < until, node.log.read_text()
        time.sleep(0.1)
    return node.log.read_text()


def _caught_up_once(data: Path) -> dict[str, Any]:
    """The status of a demo, whose customers never stop."""
    until = time.monotonic() + 60
    while True:
        status: dict[str, Any] = kizuna_json("status", "--data", data)
        if status["lag"] < 100:
            return status
        assert time.monotonic() < until, status
        time.sleep(0.1)
