"""The benchmarks that take long, on a small scale: the command of the page on capacity, and the week."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node_process import environment

pytestmark = pytest.mark.slow


def benched(root: Path, *arguments: str) -> dict[str, float]:
    """What was found, by its name."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "--json"],
        cwd=root, env=environment(), capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {one["name"]: one["value"] for one in json.loads(done.stdout)["measures"]}


def test_the_command_of_the_page_on_capacity(root: Path) -> None:
    page = (root / "docs" / "capacity.md").read_text()
    found = re.search(r'^make bench ARGS="(.+)"$', page, re.MULTILINE)
    assert found is not None
    smaller = {"1000000,10000000": "50000,100000", "1000000": "1000"}
    measures = benched(root, *(smaller.get(one, one) for one in shlex.split(found[1])))
    assert measures["fold, 50,000 a batch"] > 1_000
    assert measures["disk: log"] > measures["disk: store"] > measures["an envelope"] / 50
    for answer in ("profile", "timeline", "search", "list", "heaviest profile", "its timeline", "status"):
        assert measures[f"{answer} over HTTP while 1,000 events/s come in, p99"] > 0
    assert measures["memory of the node"] > 50
    assert measures["ready after a kill"] < 60


def test_a_week_goes_by(root: Path) -> None:
    measures = benched(root, "week", "--shop", "20", "--speed", "10000")
    assert measures["a week, memory of the node, largest"] > 50
    assert measures["memory on the last day, of that on the second"] > 50
    assert measures["log, largest"] > measures["ids, largest"] >= 0
