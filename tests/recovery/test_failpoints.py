"""A node that dies before or after any call by which it writes: nothing acknowledged is lost, nothing counts
twice, a rebuild gives the same, and it starts again without help. Every call, not a sample of them; where two
moments leave the same, one death tells of both.

A process that dies takes nothing along of what it gave to the system, so deaths say nothing of fsync: that an
answer waits for the disk is seen in the order of the calls.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.node_process import environment
from tests.recovery.failpoints import KILLED, Point

SQLITE_FULL = 2
KINDS = {
    "mkdir", "open", "fsync", "replace", "unlink", "rmdir",
    "sqlite PAGE_SIZE", "sqlite JOURNAL_MODE", "sqlite CREATE", "sqlite BEGIN",
    "sqlite INSERT", "sqlite COMMIT", "sqlite close",
    "duckdb open", "duckdb COMMIT", "duckdb CHECKPOINT", "duckdb close",
}  # fmt: skip
"""What a short life cannot do without: a wrapper that catches nothing any more would go unnoticed."""

PLACES = {
    "runtime/node_file.py", "runtime/directory.py", "eventlog/sqlite_file.py", "eventlog/sqlite.py",
    "projections/store.py", "projections/fold.py", "projections/id_run.py", "projections/known_ids.py",
    "processors/rebuild.py", "ingest/cursor.py", "ingest/arrangement.py", "ingest/importer.py",
}  # fmt: skip
STEPS = [
    "workspace", "key", "first", "refused", "trait", "second", "import", "undo", "void", "correct", "repair",
    "redo", "rebuild", "third",
]  # fmt: skip


def live(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "tests.recovery.deaths", str(folder), *options]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """In memory where the machine has such a place: some hundred directories are made and thrown away."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def campaign(folder: Path, root: Path) -> dict[str, Any]:
    done = subprocess.run(
        live(folder), cwd=root, env=environment(), capture_output=True, text=True, timeout=1_800
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def points(campaign: dict[str, Any]) -> list[Point]:
    return [Point(*one) for one in campaign["trace"] if not isinstance(one, str)]


@pytest.mark.slow
def test_every_write_is_a_point(campaign: dict[str, Any], points: list[Point]) -> None:
    deaths = len(campaign["trials"])
    print(f"{len(points)} points, {deaths} states, as many deaths, {campaign['seconds']:.0f} s")
    print(*Counter(one.kind for one in points).items(), sep="\n")
    assert campaign["strays"] == []
    assert campaign["same"], "two lives differ: their points cannot be told apart by number"
    assert len(points) > 80
    assert KINDS - {one.kind for one in points} == set()
    sites = " ".join(one.site for one in points)
    assert {place for place in PLACES if place not in sites} == set()


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_counts_twice_wherever_it_dies(
    campaign: dict[str, Any], points: list[Point]
) -> None:
    trials, states = campaign["trials"], campaign["states"]
    assert len(states) == 2 * len(points)
    died = {states[2 * one["point"] + (one["when"] == "after")] for one in trials}
    assert died == set(states)
    wrong = [
        (points[one["point"]], one["when"], one["exit_code"], one["wrongs"])
        for one in trials
        if one["exit_code"] != KILLED or one["wrongs"]
    ]
    assert wrong == []


@pytest.mark.slow
def test_a_step_is_acknowledged_behind_its_commit(campaign: dict[str, Any], points: list[Point]) -> None:
    """In the order of the calls; and by the deaths, each of which had acknowledged what stands before it."""
    trace = campaign["trace"]
    steps = [one.split()[0] for one in trace if isinstance(one, str)]
    assert steps == STEPS
    behind: list[str] = []
    acknowledged: dict[tuple[int, str], list[str]] = {}
    commits, number = 0, 0
    for one in trace:
        if isinstance(one, str):
            behind = [*behind, one.split()[0]]
            if behind[-1] not in ("workspace", "rebuild"):
                # The trait is activated by the fold before the import, which says first what it is.
                assert commits == (3 if behind[-1] == "import" else 1), one
            commits = 0
            continue
        acknowledged[number, "before"] = acknowledged[number, "after"] = behind
        number += 1
        commits += one[0] == "sqlite COMMIT"
    assert {one.synchronous for one in points if one.kind == "sqlite COMMIT"} == {SQLITE_FULL}
    for trial in campaign["trials"]:
        told = [name.split()[0] for name in trial["acknowledged"]]
        assert told == acknowledged[trial["point"], trial["when"]]


@pytest.mark.slow
def test_a_file_is_on_the_disk_before_it_gets_its_name(points: list[Point]) -> None:
    """Whatever is opened to be written is synced, then renamed; but for a lock, which holds nothing. What a
    rebuild puts in its place was whole before."""
    files = [
        one
        for one in points
        if one.kind in ("open", "fsync", "replace") and "projections/store.py:swap" not in one.site
    ]
    by_file: dict[str, str] = {}
    for one in files:
        by_file[one.target] = f"{by_file.get(one.target, '')}{one.kind} "
    for name, kinds in by_file.items():
        expected = r"open " if name.endswith(".lock") else r"(open fsync replace )+"
        assert re.fullmatch(expected, kinds), (name, kinds)


def test_an_answer_waits_for_the_disk(tmp_path: Path, root: Path) -> None:
    """What the system is asked for: when a step is acknowledged, nothing that was written to the log since is
    left unsynced."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not on this machine")
    seen = tmp_path / "calls"
    calls = "trace=write,pwrite64,fsync,fdatasync"
    command = [strace, "-f", "-y", "-s", "40", "-e", calls, "-o", str(seen), *live(tmp_path, "--once")]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, timeout=300)
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    unsynced, writes, steps = False, 0, []
    for line in seen.read_text().splitlines():
        to_log = "log.sqlite" in line
        if to_log and re.search(r"\b(write|pwrite64)\(", line):
            unsynced = True
            writes += 1
        elif to_log and re.search(r"\b(fsync|fdatasync)(\(| resumed).*= 0", line):
            unsynced = False
        elif found := re.search(r'write\(1<.*"acknowledged (\w+)', line):
            steps.append(found.group(1))
            assert not unsynced, found.group(1)
            if found.group(1) != "rebuild":
                assert writes, found.group(1)
            writes = 0
    assert steps == STEPS
