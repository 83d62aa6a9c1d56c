"""Collectors and workers as processes of their own: events go in at one side and come out at the other."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import httpx
import pytest

from kizuna.runtime.watchdog import STUCK_SECONDS
from tests.broker import free_ports
from tests.node_process import KIZUNA, PATIENCE, NodeProcess, environment, kizuna, kizuna_json

ITEM: dict[str, object] = {"type": "page.viewed", "ids": {"user_id": "u1"}, "properties": {"path": "/"}}


class Collectors:
    """`kizuna collector` with some processes, until leaving; its log is `log`."""

    def __init__(self, data: Path, address: str, workers: int) -> None:
        self.port = free_ports(1)
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = data.with_name("collectors.log")
        command = [
            KIZUNA,
            "collector",
            "--data",
            str(data),
            "--port",
            str(self.port),
            "--workers",
            str(workers),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment(log=address), stdout=log, stderr=log)

    def __enter__(self) -> Collectors:
        until = time.monotonic() + PATIENCE
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def children(self) -> list[int]:
        return children(self.process.pid)

    def post(self, key: str, number: int, query: str = "") -> httpx.Response:
        """One event, over a connection of its own: any of the processes takes it."""
        headers = {"authorization": f"Bearer {key}"}
        item = {**ITEM, "message_id": f"m{number}"}
        return httpx.post(f"{self.address}/v1/events{query}", json=item, headers=headers, timeout=30)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def children(pid: int) -> list[int]:
    """The processes that it started."""
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    return [int(one) for one in subprocess.run(command, capture_output=True, check=False).stdout.split()]


def events(node: NodeProcess) -> int:
    found: int = node.ask("GET", "/api/status").json()["events"]
    return found


def test_what_collectors_take_in_a_worker_folds(address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Collectors(data, address, workers=2) as collectors:
        key = kizuna_json("keys", "create", "web", "--data", data)["key"]
        assert collectors.post(key, 0).json()["accepted"] == 1
        waiting = collectors.post(key, 0, "?wait=1s")
        assert (waiting.status_code, waiting.json()["error"]["code"]) == (400, "invalid")
        assert "kizuna_log_records_total" in httpx.get(f"{collectors.address}/metrics").text
        assert httpx.get(f"{collectors.address}/api/status").status_code == 404
        with NodeProcess(data, command="worker", log=address) as worker:
            refused = worker.post(key, [dict(ITEM)])
            assert refused.status_code == 404
            accepted = 1
            for number in range(1, 60):
                if number == 20:
                    assert len(collectors.children()) == 2
                    os.kill(collectors.children()[0], signal.SIGKILL)
                try:
                    answer = collectors.post(key, number)
                except httpx.TransportError:
                    answer = collectors.post(key, number)  # the one that was killed had it: the retry is safe
                assert answer.status_code == 200
                accepted += 1
            until = time.monotonic() + PATIENCE
            while len(collectors.children()) < 2 or events(worker) < accepted:
                assert time.monotonic() < until, (collectors.children(), events(worker), accepted)
                time.sleep(0.1)
            status = worker.ask("GET", "/api/status").json()
            assert (status["events"], status["account"]["adds_up"]) == (accepted, True)
            assert worker.stop() == 0
    assert collectors.process.returncode == 0


def test_a_second_worker_stands_by_and_takes_over(address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ExitStack() as stack:
        collectors = stack.enter_context(Collectors(data, address, workers=1))
        key = kizuna_json("keys", "create", "web", "--data", data)["key"]
        first = stack.enter_context(NodeProcess(data, command="worker", log=address))
        standby_log = tmp_path / "standby.log"
        with standby_log.open("ab") as log:
            second = subprocess.Popen(
                [KIZUNA, "worker", "--data", str(data), "--port", "0"],
                env=environment(log=address),
                stdout=log,
                stderr=log,
            )
        stack.callback(second.wait, PATIENCE)
        stack.callback(second.terminate)
        until = time.monotonic() + PATIENCE
        while "standing by" not in standby_log.read_text():
            assert second.poll() is None, standby_log.read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        assert collectors.post(key, 1).status_code == 200
        address_of_first = first.address
        first.kill()
        began = time.monotonic()
        assert collectors.post(key, 2).status_code == 200
        while True:
            assert time.monotonic() - began < 15, standby_log.read_text()
            if first._answers("/ready") and first.address != address_of_first and events(first) == 2:
                break
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("how", "seconds"),
    [
        pytest.param(signal.SIGKILL, 15, id="killed"),
        pytest.param(signal.SIGSTOP, STUCK_SECONDS + 15, id="stopped", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_is_killed_or_stopped_is_replaced(
    address: str, tmp_path: Path, how: signal.Signals, seconds: float
) -> None:
    """Also one that keeps the lock of the store and does nothing more."""
    data = tmp_path / "data"
    with Collectors(data, address, workers=1) as collectors:
        key = kizuna_json("keys", "create", "web", "--data", data)["key"]
        with NodeProcess(data, command="worker", log=address) as worker:
            (working,) = children(worker.process.pid)
            os.kill(working, how)
            began = time.monotonic()
            assert collectors.post(key, 1).status_code == 200
            while True:
                assert time.monotonic() - began < seconds, worker.log.read_text()
                with suppress(httpx.TransportError):
                    if worker._answers("/ready") and events(worker) == 1:
                        break
                time.sleep(0.1)
            assert children(worker.process.pid) != [working]
            assert worker.stop() == 0


@pytest.mark.parametrize("command", ["collector", "worker"])
def test_collectors_and_workers_need_kafka(tmp_path: Path, command: str) -> None:
    refused = kizuna(command, "--data", tmp_path / "data", check=False)
    assert refused.returncode == 1
    assert "is for a log in Kafka, and this one is a file" in refused.stderr
    assert not (tmp_path / "data").exists()
