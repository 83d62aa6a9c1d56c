"""The command `doctor`: what it finds, and what it advises."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from tests.api.command import Run, verdicts


def test_the_doctor_finds_nothing_wrong(run: Run, data: Path) -> None:
    run("keys", "create", "web", "--data", data)
    told = run("doctor", "--data", data, "--json")
    assert told.code == 0
    assert set(verdicts(told).values()) <= {"good", "warning"}
    assert verdicts(told)["log"] == "good"


def test_the_doctor_names_what_is_wrong_and_what_to_do(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    data.chmod(0o755)
    (data / "workspace.key").chmod(0o644)
    (data / "store.duckdb").write_bytes(b"no database")
    told = run("doctor", "--data", data, "--json")
    assert told.code == 1
    found = verdicts(told)
    assert (found["directory"], found["workspace key"], found["store"]) == ("warning", "bad", "bad")
    shown = run("doctor", "--data", data).out
    assert f"chmod 700 {data}" in shown.replace("\n", "")
    assert "kizuna rebuild" in shown
    (data / "workspace.key").unlink()
    missing = run("doctor", "--data", data)
    assert missing.code == 1
    assert "Restore it from a backup." in missing.out


def test_the_doctor_sees_a_damaged_log(run: Run, data: Path) -> None:
    run("keys", "create", "web", "--data", data)
    (data / "log.sqlite").write_bytes(b"no log" * 1_000)
    for beside in data.glob("log.sqlite-*"):
        beside.unlink()
    told = run("doctor", "--data", data, "--json")
    assert told.code == 1
    assert verdicts(told)["log"] == "bad"


def test_the_doctor_takes_a_file_for_a_finding(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "afile"
    file.write_text("no folder")
    told = run("doctor", "--data", file, "--json")
    assert told.code == 1
    assert verdicts(told)["directory"] == "bad"
    assert file.read_text() == "no folder"


def test_the_doctor_counts_the_write_ahead_log(run: Run, data: Path) -> None:
    run("keys", "create", "web", "--data", data)
    beside = data / "log.sqlite-wal"
    with sqlite3.connect(data / "log.sqlite") as held:  # while it is open, nothing is moved out of the log
        held.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with beside.open("ab") as wal:
            wal.truncate(5 << 20)
        told = run("doctor", "--data", data, "--json").json
    held.close()
    assert isinstance(told, dict)
    (log,) = [one for one in told["findings"] if one["check"] == "log"]
    assert re.search(r" 5\.\d MB$", log["found"]), log
