"""The command `doctor`: what it finds, and what it advises."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.projections.store import FOLD_VERSION
from kizuna.runtime.directory import DataDirectory
from kizuna.runtime.doctor import Patient, examine
from kizuna.runtime.settings import load
from kizuna.schemas.times import to_micros
from tests.api.command import Run, Told, verdicts
from tests.folding import NOW


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


def findings(told: Told, check: str) -> list[dict[str, str]]:
    answer = told.json
    assert isinstance(answer, dict)
    return [one for one in answer["findings"] if one["check"] == check]


def test_the_doctor_names_a_damaged_row_at_the_log_s_end(run: Run, data: Path) -> None:
    run("keys", "create", "web", "--data", data)
    with sqlite3.connect(data / "log.sqlite") as log:
        ((last,),) = log.execute('SELECT max("offset") FROM "definitions/0"').fetchall()
        change = "UPDATE \"definitions/0\" SET frame = CAST(substr(frame, 1, 60) || x'00' AS BLOB)"
        assert log.execute(f'{change} WHERE "offset" = ?', (last,)).rowcount == 1
    log.close()
    told = run("doctor", "--data", data, "--json")
    assert told.code == 1
    (found,) = findings(told, "log")
    assert found["verdict"] == "bad"
    assert f"definitions/0, offset {last}: record missing, or not as its checksum says" in found["found"]
    assert "backup" in found["advice"]


def test_the_doctor_sees_a_store_of_another_log(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    other = data.with_name("other")
    for one in (data, other):
        run("import", sales[0], "--map", sales[1], "--data", one)
        assert run("rebuild", "--data", one).code == 0
    (other / "store.duckdb").replace(data / "store.duckdb")
    told = run("doctor", "--data", data, "--json")
    assert told.code == 1
    assert findings(told, "store") == [
        {
            "check": "store",
            "verdict": "bad",
            "found": "it was folded from another log",
            "advice": "Put its own log beside it, or run `kizuna rebuild` to fold this one.",
        }
    ]
    assert run("rebuild", "--data", data).code == 0
    assert run("doctor", "--data", data, "--json").code == 0


def test_the_doctor_sees_a_log_that_was_put_back(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    """The log of yesterday beside the store of today."""
    run("keys", "create", "web", "--data", data)
    (data / "before.sqlite").write_bytes((data / "log.sqlite").read_bytes())
    run("import", sales[0], "--map", sales[1], "--data", data)
    assert run("rebuild", "--data", data).code == 0
    assert run("doctor", "--data", data, "--json").code == 0
    for path in data.glob("log.sqlite*"):
        path.unlink()
    (data / "before.sqlite").rename(data / "log.sqlite")
    told = run("doctor", "--data", data, "--json")
    assert told.code == 1
    (found,) = findings(told, "store")
    assert re.search(r"definitions/0 up to \d+, and the log ends at 1: .* earlier state", found["found"])
    assert run("run", "--port", 0, "--data", data).code == 3
    assert run("rebuild", "--data", data).code == 0
    assert run("doctor", "--data", data, "--json").code == 0


def test_the_doctor_sees_a_store_of_another_version_of_the_fold(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    assert run("rebuild", "--data", data).code == 0
    with duckdb.connect(str(data / "store.duckdb")) as store:
        store.execute("UPDATE meta SET value = '1' WHERE key = 'fold'")
    told = run("doctor", "--data", data, "--json")
    assert told.code == 1
    (found,) = findings(told, "store")
    assert found["found"] == f"fold version 1, this is {FOLD_VERSION}"
    assert "kizuna run" in found["advice"]


@pytest.mark.parametrize(
    ("off", "verdict", "found"),
    [
        (timedelta(0), "good", "not behind the log"),
        (timedelta(seconds=-3), "good", "not behind the log"),
        (timedelta(hours=-2), "bad", "behind the newest record"),
        (datetime(2001, 1, 1, tzinfo=UTC) - NOW, "bad", "it says 2001-01-01"),
    ],
    ids=["right", "drifting", "set back", "never set"],
)
def test_the_doctor_looks_at_the_clock(data: Path, off: timedelta, verdict: str, found: str) -> None:
    directory, settings = DataDirectory(data), load(None, port=0)
    directory.open_workspace(lambda path: None)

    def opened() -> SqliteLog:
        return SqliteLog(directory.log, clock=lambda: to_micros(NOW), new_id=lambda: UUID(int=1))

    with closing(opened()) as log:
        log.append(TOUCHPOINTS, [NewRecord(b"", b"{}")]).result(10)
    patient = Patient(directory, settings, opened, now=NOW + off, address=None)
    (clock,) = [one for one in examine(patient) if one.check == "clock"]
    assert clock.verdict == verdict
    assert found in clock.found
    assert bool(clock.advice) is (verdict == "bad")
