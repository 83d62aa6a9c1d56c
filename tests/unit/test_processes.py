"""Who looks after processes: what it does when they end, hang, or are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from kizuna.runtime.processes import Processes
notes, kind = Path(sys.argv[1]), sys.argv[2]

def work(beat):
    with notes.open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    first = len(notes.read_text().split()) == 1
    while True:
        if kind == "hang" and first:
            time.sleep(60)
        if kind == "stop" and first:
            os.kill(os.getpid(), signal.SIGSTOP)
        if kind == "end":
            os._exit(7)
        if kind == "fail" and first:
            raise RuntimeError("wrong")
        beat()
        time.sleep(0.05)

again = {{"end": lambda code: False}}.get(kind, lambda code: True)
sys.exit(Processes(work, {count}, again=again, patience=1.0).run())
"""


def started(notes: Path, kind: str, count: int = 1) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT.format(count=count), str(notes), kind])


def noted(notes: Path, count: int) -> list[int]:
    """The process ids, once there are so many."""
    until = time.monotonic() + 30
    while len(pids := [int(one) for one in notes.read_text().split()] if notes.exists() else []) < count:
        assert time.monotonic() < until, pids
        time.sleep(0.02)
    return pids


def gone(pid: int) -> None:
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["hang", "stop", "fail"])
def test_one_that_hangs_stops_or_fails_is_replaced(tmp_path: Path, kind: str) -> None:
    parent = started(tmp_path / "notes", kind)
    first, second = noted(tmp_path / "notes", 2)
    gone(first)
    assert Path(f"/proc/{second}").exists()
    parent.terminate()
    assert parent.wait(30) == 0
    gone(second)


def test_one_that_is_killed_is_replaced_and_the_others_live_on(tmp_path: Path) -> None:
    parent = started(tmp_path / "notes", "live", count=3)
    pids = noted(tmp_path / "notes", 3)
    os.kill(pids[1], signal.SIGKILL)
    assert len(set(noted(tmp_path / "notes", 4))) == 4
    assert Path(f"/proc/{pids[0]}").exists()
    parent.terminate()
    assert parent.wait(30) == 0


def test_an_end_that_is_no_reason_to_go_on_is_passed_on(tmp_path: Path) -> None:
    parent = started(tmp_path / "notes", "end", count=2)
    assert parent.wait(30) == 7


def test_who_is_left_alone_ends(tmp_path: Path) -> None:
    parent = started(tmp_path / "notes", "live")
    (pid,) = noted(tmp_path / "notes", 1)
    parent.kill()
    parent.wait(30)
    gone(pid)
