"""What the README and the pages about HTTP name and type is there: addresses answer, commands work."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.transcript import agrees, run, steps
from tests.node_process import NodeProcess, environment, kizuna

BASE = "http://127.0.0.1:8080"
_ADDRESS = re.compile(re.escape(BASE) + r"[^\s'\"`<>)|]*")
PAGES = ("README.md", "docs/collector.md", "docs/api.md")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Its folder is `data`, as the commands take it to be."""
    with NodeProcess(tmp_path_factory.mktemp("pages") / "data") as node:
        yield node


def addresses(markdown: str) -> set[str]:
    """Paths of the addresses that a page names, in commands and in prose."""
    return {found.removeprefix(BASE).rstrip(".,:;") or "/" for found in _ADDRESS.findall(markdown)}


def test_addresses_are_found_in_commands_and_prose() -> None:
    prose = f"At <{BASE}/api>, see {BASE}/ready. A node: {BASE}\n"
    commands = f"$ curl '{BASE}/v1/events?wait=5s'\n$ curl \"{BASE}/api/$X/y\"\n"
    assert addresses(prose + commands) == {"/api", "/ready", "/v1/events?wait=5s", "/api/$X/y", "/"}


@pytest.mark.parametrize("name", PAGES)
def test_every_address_that_a_page_names_answers(node: NodeProcess, root: Path, name: str) -> None:
    key = kizuna("keys", "create", f"of-{Path(name).stem.lower()}", "--data", node.data).stdout.strip()
    person: dict[str, object] = {"type": "customer.identified", "ids": {"user_id": "u-1"}}
    assert node.post(key, [person], "?wait=10s").json()["accepted"] == 1
    wanted = {"kind": "user_id", "value": "u-1"}
    profile: str = node.ask("POST", "/api/profiles/lookup", json=wanted).json()["id"]
    named = addresses((root / name).read_text())
    assert named
    answers = {path: node.ask("GET", path.replace("$PROFILE", profile)) for path in named}
    failed = {path: answer for path, answer in answers.items() if answer.status_code >= 400}
    # What takes POST alone says so.
    assert {
        path: answer.text
        for path, answer in failed.items()
        if answer.status_code != 405 or "POST" not in answer.headers["allow"]
    } == {}


def test_the_commands_about_http_work_as_typed(node: NodeProcess, root: Path) -> None:
    """In the order of reading: events go in, then they are asked for."""
    if shutil.which("curl") is None:
        pytest.skip("the commands use curl, which is not installed")
    text = "".join((root / name).read_text() for name in ("docs/collector.md", "docs/api.md"))
    script = steps(text.replace(BASE, node.address))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outcomes = run(script, node.data.parent, {**environment(), "PATH": path}, timeout=120)
    for step, output, code in outcomes:
        assert code == 0, f"$ {step.command}\n{output}"
        if step.shown:
            assert agrees(output, step.shown), f"$ {step.command}\nshows\n{output}\nnot\n{step.shown}"
    assert [outcome.step for outcome in outcomes] == script
    assert len(script) >= 6
