"""A real node in a process of its own, for tests that start, ask, stop and kill it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import httpx

KIZUNA = str(Path(sys.executable).with_name("kizuna"))
PATIENCE = 60.0

Until = Literal["/health", "/ready"]
"""When a node counts as started: it listens, or it has folded what the log holds."""


def environment(**settings: str) -> dict[str, str]:
    """That of the tests, without settings of Kizuna that somebody may have, and with these."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("KIZUNA_")}
    return others | {f"KIZUNA_{name.upper()}": value for name, value in settings.items()}


def kizuna(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [KIZUNA, *(str(one) for one in arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, (command, done.returncode, done.stdout, done.stderr)
    return done


def kizuna_json(*arguments: object) -> Any:
    return json.loads(kizuna(*arguments, "--json").stdout)


def resident(process: int | Literal["self"]) -> int:
    """Bytes of memory that a process holds now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class NodeProcess:
    """`kizuna run` on a free port. Started on entering, as far as `until`, stopped on leaving; its log is
    `log`."""

    def __init__(
        self, data: Path, *options: str, command: str = "run", until: Until = "/ready", **settings: str
    ) -> None:
        self._until = until
        self._settings = settings
        self.data = data
        self.log = data.with_name(f"{data.name}.log")
        self._client = httpx.Client(timeout=30)
        self._options = (command, "--data", str(data), "--port", "0", *options)

    def __enter__(self) -> NodeProcess:
        self.start(self._until)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._client.close()

    def start(self, until: Until = "/ready") -> None:
        """Returns when it answers there."""
        (self.data / "node.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [KIZUNA, *self._options], env=environment(**self._settings), stdout=log, stderr=log
            )
        give_up = time.monotonic() + PATIENCE
        while not self._answers(until):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up, self.log.read_text()
            time.sleep(0.02)

    def _answers(self, path: str) -> bool:
        try:
            held = json.loads((self.data / "node.json").read_text())
        except FileNotFoundError:
            return False
        self.address, self.token = held["address"], held["token"]
        try:
            return self._client.get(f"{self.address}{path}").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    @property
    def memory(self) -> int:
        """Bytes that it holds now."""
        return resident(self.process.pid)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The API, as an administrator."""
        headers = {"authorization": f"Bearer {self.token}"}
        return self._client.request(method, f"{self.address}{path}", headers=headers, **given)

    def post(self, key: str, items: list[dict[str, object]], query: str = "") -> httpx.Response:
        """Touchpoints, to the collector."""
        headers = {"authorization": f"Bearer {key}"}
        return self._client.post(f"{self.address}/v1/events{query}", json=items, headers=headers)
