"""Every command of the README's tour, and of the pages that can be followed alone, works as typed in an empty
directory, and shows what the page says."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.transcript import agrees, run, steps
from tests.node_process import environment

_PORT = re.compile(r"\b80[89]\d\b")


def tour(text: str) -> str:
    return text.split("\n## Tour\n")[1].split("\n## ")[0]


def watched(text: str) -> str:
    """The page but for its end, which wants a log of several months."""
    return text.split("\n## Archive\n")[0]


def whole(text: str) -> str:
    return text


PAGES: dict[str, Callable[[str], str]] = {
    "README.md": tour,
    "docs/backup.md": whole,
    "docs/upgrade.md": whole,
    "docs/operations.md": watched,
}


def free_ports(count: int) -> list[str]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [str(probe.getsockname()[1]) for probe in probes]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_works_as_typed(name: str, root: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the commands use curl, which is not installed")
    text = PAGES[name]((root / name).read_text())
    named = sorted(set(_PORT.findall(text)))
    ports = dict(zip(named, free_ports(len(named)), strict=True))
    script = steps(_PORT.sub(lambda found: ports[found[0]], text))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outcomes = run(script, tmp_path, {**environment(), "PATH": path}, timeout=300)
    for step, output, code in outcomes:
        assert code == 0, f"$ {step.command}\n{output}\n--- background:\n{_background(tmp_path)}"
        if step.shown:
            assert agrees(output, step.shown), f"$ {step.command}\nshows\n{output}\n{name} has\n{step.shown}"
    assert [outcome.step for outcome in outcomes] == script
    assert script


def _background(folder: Path) -> str:
    log = folder / "background.log"
    return log.read_text() if log.exists() else ""
