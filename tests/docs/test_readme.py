"""Every command of the README's tour works as typed, in an empty directory, and shows what it says."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.docs.transcript import agrees, run, steps

PORT = "8080"


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_the_tour_works(root: Path, tmp_path: Path, free_port: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the tour uses curl, which is not installed")
    _, tour = (root / "README.md").read_text().split("\n## Tour\n")
    script = steps(tour.split("\n## ")[0].replace(PORT, free_port))
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    outcomes = run(script, tmp_path, environment, timeout=300)
    for step, output, code in outcomes:
        assert code == 0, f"$ {step.command}\n{output}\n--- background:\n{_background(tmp_path)}"
        if step.shown:
            assert agrees(output, step.shown), (
                f"$ {step.command}\nshows\n{output}\nthe README has\n{step.shown}"
            )
    assert [outcome.step for outcome in outcomes] == script
    assert len(script) >= 10


def _background(folder: Path) -> str:
    log = folder / "background.log"
    return log.read_text() if log.exists() else ""
