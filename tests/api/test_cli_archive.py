"""The command `archive`, and what the others say of a log part of which is archived."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from kizuna.eventlog.archive import archived_files
from kizuna.eventlog.months import Month
from kizuna.runtime import archivist, wiring
from kizuna.runtime.archivist import Archivist
from kizuna.runtime.directory import DataDirectory
from kizuna.runtime.settings import load
from tests.api.command import Run, verdicts

AUGUST = Month(2026, 8)
SetMonth = Callable[[int], None]
FILES = ["definitions-0-2026-08.parquet", "touchpoints-0-2026-08.parquet", "touchpoints-0-2026-09.parquet"]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> SetMonth:
    """Set the log's clock: so many months behind August 2026."""

    def set_month(number: int) -> None:
        monkeypatch.setattr(wiring, "micros", lambda: AUGUST.plus(number).begins)
        monkeypatch.setattr(archivist, "micros", lambda: AUGUST.plus(number).begins)

    return set_month


def shop_sales(folder: Path, month: int, count: int) -> Path:
    file = folder / f"sales-{month}.csv"
    rows = [f"{month}-{n},2026-0{month + 1}-11T10:00:00Z,c{n}@example.com,{n + 1}.50" for n in range(count)]
    file.write_text("\n".join(["id,time,email,amount", *rows]))
    return file


@pytest.fixture
def months(run: Run, data: Path, sales: tuple[Path, Path], at: SetMonth, tmp_path: Path) -> Path:
    """A workspace made in August, with sales imported in August, September and October; it is November."""
    for month in range(3):
        at(month)
        told = run("import", shop_sales(tmp_path, month, 30), "--map", sales[1], "--data", data)
        assert told.code == 0, told.err
    at(3)
    return data


def test_a_dry_run_says_what_would_move_and_moves_nothing(run: Run, months: Path) -> None:
    told = run("archive", "--data", months, "--dry-run", "--json").json
    assert isinstance(told, dict)
    touchpoints = [one for one in told["months"] if one["topic"] == "touchpoints"]
    assert touchpoints == [
        {"topic": "touchpoints", "partition": 0, "month": "2026-08", "first": 0, "end": 30},
        {"topic": "touchpoints", "partition": 0, "month": "2026-09", "first": 30, "end": 60},
    ]
    shown = run("archive", "--data", months, "--dry-run", "--before", "2026-09").out
    assert "2026-08" in shown
    assert "2026-09" not in shown
    assert archived_files(months / "log.sqlite") == []
    assert not (months / "archive").exists()


def test_what_is_archived_is_read_and_folded_as_before(run: Run, months: Path) -> None:
    first = run("rebuild", "--data", months, "--json").json
    before = run("tail", "--data", months, "--no-follow", "--all", "--values", "--json", "-n", 1_000).out
    told = run("archive", "--data", months, "--json").json
    assert isinstance(told, dict)
    assert isinstance(first, dict)
    names = [one["file"] for one in told["files"]]
    assert [name for name in names if name.startswith("touch")] == FILES[1:]
    for one in told["files"]:
        content = (months / "archive" / one["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one["bytes"], one["sha256"])
    after = run("tail", "--data", months, "--no-follow", "--all", "--values", "--json", "-n", 1_000).out
    assert len(before.splitlines()) > 90
    assert after == before
    again = run("rebuild", "--data", months, "--verify", "--json")
    assert again.code == 0
    assert isinstance(again.json, dict)
    assert (again.json["records"], again.json["tables"]) == (first["records"], first["tables"])
    assert again.json["differences"] == {}


def test_closed_months_can_be_kept(run: Run, months: Path) -> None:
    for keep, expected in ((3, []), (2, FILES[1:2]), (1, FILES[2:])):
        told = run("archive", "--data", months, "--keep-months", keep, "--json").json
        assert isinstance(told, dict)
        assert [one["file"] for one in told["files"] if one["topic"] == "touchpoints"] == expected
    assert "Nothing to archive" in run("archive", "--data", months).out


@pytest.mark.parametrize(
    "options", [("--before", "2026-9"), ("--before", "2026-09", "--keep-months", 1), ("--keep-months", -1)]
)
def test_a_month_that_is_none_is_wrong_usage(run: Run, months: Path, options: tuple[object, ...]) -> None:
    assert run("archive", "--data", months, *options).code == 2
    assert archived_files(months / "log.sqlite") == []


def test_a_person_is_told_what_it_saved(run: Run, months: Path) -> None:
    shown = run("archive", "--data", months).out
    assert FILES[1] in shown
    assert "log.sqlite: " in shown


def test_the_doctor_looks_at_the_archive(run: Run, months: Path) -> None:
    assert "archive" not in verdicts(run("doctor", "--data", months, "--json"))
    run("archive", "--data", months)
    for options in ((), ("--deep",)):
        told = run("doctor", "--data", months, *options, "--json")
        assert verdicts(told)["archive"] == "good"
        assert verdicts(told).get("records") == ("good" if options else None)
    (months / "archive" / "other.parquet").write_bytes(b"")
    assert verdicts(run("doctor", "--data", months, "--json"))["archive"] in ("good", "warning")
    assert "other.parquet" in run("doctor", "--data", months).out


def test_the_doctor_names_a_damaged_file_and_its_records(run: Run, months: Path) -> None:
    run("archive", "--data", months)
    file = months / "archive" / FILES[2]
    content = bytearray(file.read_bytes())
    content[300:340] = bytes(40)
    file.write_bytes(content)
    assert verdicts(run("doctor", "--data", months, "--json"))["archive"] == "good"  # of the right size
    told = run("doctor", "--data", months, "--deep", "--json")
    assert told.code == 1
    assert isinstance(told.json, dict)
    found = [(one["check"], one["found"]) for one in told.json["findings"] if one["verdict"] == "bad"]
    (archive,) = [text for check, text in found if check == "archive"]
    assert f"{file} has another SHA-256" in archive
    assert "touchpoints/0@30 to 59" in archive
    records = [text for check, text in found if check == "records"]
    assert f"archive/{FILES[2]}" in records[0]
    assert {text.split(":")[0] for text in records} <= {f"touchpoints/0@{n}" for n in range(30, 60)}
    assert records


def test_a_missing_file_is_told_by_whatever_needs_it(run: Run, months: Path) -> None:
    run("archive", "--data", months)
    (months / "archive" / FILES[1]).unlink()
    told = run("rebuild", "--data", months)
    assert told.code == 3
    assert f"archive/{FILES[1]} is missing" in told.err
    assert f"Put archive/{FILES[1]} back from a backup" in told.err
    doctor = run("doctor", "--data", months)
    assert doctor.code == 1
    assert "is missing; it holds touchpoints/0@0 to 29" in doctor.out


def test_the_node_archives_by_itself(
    run: Run,
    months: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At the first try the archive is no folder: it is said, and tried again."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(archivist, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(archivist, "DAY_SECONDS", 0.05)
    (months / "archive").write_text("in the way")
    directory = DataDirectory(months)
    one = Archivist(directory, load(None, archive_after_months=2))
    one.start()
    _until(lambda: "trying again tomorrow" in caplog.text)
    (months / "archive").unlink()
    _until(lambda: len(archived_files(directory.log)) > 0)
    _until(lambda: "archived" in caplog.messages)
    one.stop()
    names = [file.name for file in archived_files(directory.log)]
    assert [name for name in names if name.startswith("touch")] == FILES[1:2]


def test_the_node_archives_nothing_unless_told(months: Path) -> None:
    threads = threading.active_count()
    one = Archivist(DataDirectory(months), load(None))
    one.start()
    assert threading.active_count() == threads
    one.stop()


def test_what_is_written_is_json(run: Run, months: Path) -> None:
    """The plan too: one document, whatever it holds."""
    run("archive", "--data", months)
    assert orjson.loads(run("archive", "--data", months, "--dry-run", "--json").out) == {"months": []}


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
