"""The page about totals works as typed, in an empty directory, and shows what it says."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.docs.transcript import agrees, run, steps
from tests.node_process import environment


def test_a_till_is_closed_as_the_page_says(root: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the page uses curl, which is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    script = steps((root / "docs" / "totals.md").read_text().replace("8080", port))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outcomes = run(script, tmp_path, {**environment(), "PATH": path}, timeout=120)
    for step, output, code in outcomes:
        assert code == 0, f"$ {step.command}\n{output}"
        if step.shown:
            assert agrees(output, step.shown), f"$ {step.command}\nshows\n{output}\nnot\n{step.shown}"
    assert [outcome.step for outcome in outcomes] == script
    assert sum(bool(step.shown) for step in script) >= 4
