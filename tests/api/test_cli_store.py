"""Commands that open the store themselves: one that lags, is damaged, outdated, or of another log."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.api.command import MAIL, Run, verdicts


def test_without_a_node_status_tells_the_lag_and_rebuild_folds(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    before = run("status", "--data", data, "--json").json
    assert isinstance(before, dict)
    # Three items, and what the import says of itself.
    assert (before["events"], before["lag"]) == (0, 4)
    told = run("rebuild", "--data", data, "--json").json
    assert isinstance(told, dict)
    assert (told["swapped"], told["differences"]) == (True, None)
    after = run("status", "--data", data, "--json").json
    assert isinstance(after, dict)
    assert (after["events"], after["profiles"], after["failed_events"], after["lag"]) == (2, 1, 1, 0)
    # What the store holds by now is compared, with one more record behind it.
    run("keys", "create", "web", "--data", data)
    again = run("rebuild", "--verify", "--data", data, "--json").json
    assert isinstance(again, dict)
    assert (again["swapped"], again["differences"], again["records"]) == (True, {}, told["records"] + 1)


def test_a_rebuild_names_the_rows_that_differ(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    run("rebuild", "--data", data)
    store = data / "store.duckdb"
    with duckdb.connect(str(store)) as tampered:
        tampered.execute("UPDATE identifiers SET value = 'x@example.com' WHERE value = ?", [MAIL])
        tampered.execute("INSERT INTO person_totals FROM person_totals")
        tampered.execute("UPDATE clock SET t = t + INTERVAL 1 DAY")  # local: not compared
    report = run("rebuild", "--verify", "--data", data, "--json")
    assert report.code == 1
    assert isinstance(report.json, dict)
    assert report.json["swapped"] is False
    assert report.json["differences"].keys() == {"identifiers", "person_totals"}
    (changed,) = [row for row in report.json["differences"]["identifiers"] if row.startswith("- ")]
    (sound,) = [row for row in report.json["differences"]["identifiers"] if row.startswith("+ ")]
    assert "x@example.com" in changed
    assert MAIL in sound
    assert changed[2:].replace("x@example.com", MAIL) == sound[2:]
    (twice,) = report.json["differences"]["person_totals"]
    assert twice.startswith("- ")
    # It is told to who asks, in words too, and to nobody else.
    told = run("rebuild", "--verify", "--data", data)
    assert told.code == 1
    assert "2 tables differ; the live store stays, as the evidence." in told.out
    assert "identifiers" in told.out
    assert "x@example.com" in told.out
    assert not any(mail in one.err for mail in (MAIL, "x@example.com") for one in (report, told))
    with duckdb.connect(str(store)) as kept:
        assert kept.execute("SELECT count(*) FROM identifiers WHERE value = 'x@example.com'").fetchone() == (
            1,
        )


def damage(data: Path, how: str) -> None:
    """As disks and people do it. DuckDB checks the header at once, a table's blocks when it reads them."""
    store = data / "store.duckdb"
    whole = store.read_bytes()
    match how:
        case "no database":
            store.write_bytes(b"junk\n")
        case "empty":
            store.write_bytes(b"")
        case "broken off":
            store.write_bytes(whole[:20_000])
        case "header":
            store.write_bytes(whole[:4_096] + bytes(3_000) + whole[7_096:])
        case "body":
            store.write_bytes(whole[:12_288] + b"x" * (len(whole) - 12_288))


@pytest.mark.parametrize("how", ["no database", "empty", "broken off", "header", "body"])
def test_a_damaged_store_is_told_and_rebuilt(
    how: str, run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    run("rebuild", "--data", data)
    sound = run("status", "--data", data, "--json").json
    assert isinstance(sound, dict)
    damage(data, how)
    assert verdicts(run("doctor", "--data", data, "--json"))["store"] == "bad"
    for command in (("status",), ("failed",), ("run", "--port", 0)):
        told = run(*command, "--data", data)
        assert told.code == 3
        assert told.err.startswith("error: ")
        assert "is damaged" in told.err
        assert "hint: Run `kizuna rebuild`" in told.err
    rebuilt = run("rebuild", "--data", data)
    assert rebuilt.code == 0
    assert "It cannot be compared, and is thrown away." in rebuilt.err
    after = run("status", "--data", data, "--json").json
    assert isinstance(after, dict)
    counts = ("events", "profiles", "failed_events", "lag", "positions")
    assert {name: after[name] for name in counts} == {name: sound[name] for name in counts}
    assert verdicts(run("doctor", "--data", data, "--json"))["store"] == "good"


def test_a_rebuild_leaves_a_damaged_store_that_a_process_holds(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    """The lock of another process, as DuckDB itself sets it: whoever reads it may be mending it."""
    run("import", sales[0], "--map", sales[1], "--data", data)
    store = data / "store.duckdb"
    store.write_bytes(b"junk\n")
    holds = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"{holds}; sys.stdin.read()", str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"1\n"
        told = run("rebuild", "--data", data)
        assert told.code == 1
        assert "Another process holds" in told.err
        assert store.read_bytes() == b"junk\n"
        assert holder.stdin
        holder.stdin.close()
    assert run("rebuild", "--data", data).code == 0


def test_the_store_of_another_log_is_put_aside(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    """Outdated or not: its own log may be somewhere."""
    other = data.with_name("other")
    for one in (data, other):
        run("import", sales[0], "--map", sales[1], "--data", one)
        run("rebuild", "--data", one)
    with duckdb.connect(str(other / "store.duckdb")) as store:
        store.execute("UPDATE meta SET value = '0' WHERE key = 'fold'")
    foreign = (other / "store.duckdb").read_bytes()
    (data / "store.duckdb").write_bytes(foreign)
    assert run("status", "--data", data).code == 3
    told = run("rebuild", "--data", data)
    assert told.code == 0
    assert "kept as" in told.err
    assert (data / "store.aside-1.duckdb").read_bytes() == foreign
    assert run("failed", "--data", data, "--json").code == 0


def test_a_store_of_another_version_is_told_and_rebuilt(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    run("rebuild", "--data", data)
    with duckdb.connect(str(data / "store.duckdb")) as store:
        store.execute("UPDATE meta SET value = '0' WHERE key = 'fold'")
    told = run("status", "--data", data)
    assert told.code == 3
    assert "kizuna rebuild" in told.err
    assert verdicts(run("doctor", "--data", data, "--json"))["store"] == "bad"
    assert run("rebuild", "--data", data).code == 0
    after = run("status", "--data", data, "--json").json
    assert isinstance(after, dict)
    assert (after["events"], after["lag"]) == (2, 0)


def test_answers_without_a_node_say_what_they_leave_out(
    run: Run, data: Path, sales: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands told are run as they stand."""
    monkeypatch.chdir(data.parent)
    imported = run("import", sales[0], "--map", sales[1], "--data", "data dir")
    (hint,) = re.findall("`(kizuna failed.*)`", imported.err)
    for command in (hint, "kizuna status --data 'data dir'"):
        told = run(*shlex.split(command)[1:])
        assert "4 records of the log are not folded yet" in told.err
    start, rebuild = re.findall("`([^`]*)`", told.err)
    assert start == "kizuna run --data 'data dir'"
    assert run(*shlex.split(rebuild)[1:]).code == 0
    told = run(*shlex.split(hint)[1:])
    assert "unmapped" in told.out
    assert told.err == ""
    run("import", sales[0], "--map", sales[1])
    assert "`kizuna rebuild`" in run("failed").err
