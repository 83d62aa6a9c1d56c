"""A log that is archived by a process that dies before or after any call by which it writes: it is whole to
whoever opens it, and archiving goes on to the same end. Every call, not a sample of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.node_process import environment
from tests.recovery.failpoints import KILLED, Point

KINDS = {
    "mkdir", "open", "fsync", "replace", "sqlite BEGIN", "sqlite INSERT", "sqlite USER_VERSION",
    "sqlite COMMIT", "sqlite DELETE", "sqlite INCREMENTAL_VACUUM", "sqlite WAL_CHECKPOINT", "sqlite close",
}  # fmt: skip
STEPS = ["month0", "month1", "month2", "first", "month3", "second"]


@pytest.fixture(scope="module")
def campaign(root: Path) -> dict[str, Any]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.recovery.deaths", folder, "--archive"]
        done = subprocess.run(
            command, cwd=root, env=environment(), capture_output=True, text=True, timeout=600
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def points(campaign: dict[str, Any]) -> list[Point]:
    return [Point(*one) for one in campaign["trace"] if not isinstance(one, str)]


def test_every_write_is_a_point(campaign: dict[str, Any], points: list[Point]) -> None:
    print(f"{len(points)} points, {len(campaign['trials'])} deaths, {campaign['seconds']:.0f} s")
    assert campaign["strays"] == []
    assert campaign["same"], "two lives differ: their points cannot be told apart by number"
    assert KINDS - {one.kind for one in points} == set()
    assert [one for one in campaign["trace"] if isinstance(one, str)] == STEPS


def test_wherever_it_dies_nothing_is_lost_and_nothing_is_there_twice(
    campaign: dict[str, Any], points: list[Point]
) -> None:
    trials, states = campaign["trials"], campaign["states"]
    assert {states[2 * one["point"] + (one["when"] == "after")] for one in trials} == set(states)
    wrong = [
        (points[one["point"]], one["when"], one["exit_code"], one["wrongs"])
        for one in trials
        if one["exit_code"] != KILLED or one["wrongs"]
    ]
    assert wrong == []


def test_no_row_is_deleted_before_its_file_is_on_the_disk(points: list[Point]) -> None:
    """Written, synced, renamed, the folder synced; then known to the log; then the rows go, in steps."""
    letters = {
        "open": "o", "fsync": "f", "replace": "r", "sqlite INSERT": "i", "sqlite COMMIT": "c",
        "sqlite DELETE": "d",
    }  # fmt: skip
    order = "".join(letters.get(one.kind, "") for one in points if "eventlog/archiving.py" in one.site)
    # Each run looks first for rows that were left, in three topics.
    assert re.fullmatch(r"(f?ddd(offrficd+|offrfic(d+))+)+", order.replace("ofrf", "offrf")), order
