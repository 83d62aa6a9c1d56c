"""The command line where no node runs: access, import, simulate, tail, how answers and errors are told."""

from __future__ import annotations

import os
import pty
import re
import shlex
import socket
import stat
import subprocess
import termios
from pathlib import Path
from typing import cast

import orjson
import pytest

from kizuna.runtime import cli
from tests.api.command import MAIL, Run
from tests.node_process import KIZUNA, environment


def commands() -> list[tuple[str, ...]]:
    """Every command there is, as typer knows them."""
    top: list[tuple[str, ...]] = [
        (one.name or one.callback.__name__,) for one in cli.app.registered_commands if one.callback
    ]
    for group in cli.app.registered_groups:
        assert group.name
        assert group.typer_instance
        inner = group.typer_instance.registered_commands
        top += [(group.name, one.name or one.callback.__name__) for one in inner if one.callback]
    return top


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself_and_is_documented(
    command: tuple[str, ...], run: Run, root: Path
) -> None:
    told = run(*command, "--help")
    assert told.code == 0
    assert f"Usage: kizuna {' '.join(command)}" in told.out
    documented = (root / "docs" / "cli.md").read_text()
    assert f"`kizuna {command[0]}" in documented
    assert re.search(rf"\b{command[-1]}\b", documented)


def test_the_help_fits_on_a_screen(run: Run) -> None:
    told = run("--help")
    assert told.code == 0
    assert len(told.out.splitlines()) <= 50
    assert "Examples" in told.out


def test_wrong_usage_is_code_2(run: Run) -> None:
    assert run("status", "--nonsense").code == 2
    assert run("nonsense").code == 2


def test_a_write_key_is_shown_once_and_only_its_hash_is_kept(run: Run, data: Path) -> None:
    made = run("keys", "create", "web", "--public", "--source", "site", "--data", data, "--json")
    assert made.code == 0
    answer = made.json
    assert isinstance(answer, dict)
    assert (answer["name"], answer["rights"], answer["source"]) == ("web", "public", "site")
    assert re.fullmatch(r"kzw_[\w-]{43}", answer["key"])
    assert run("keys", "list", "--data", data, "--json").json == [
        {"name": "web", "rights": "public", "source": "site"}
    ]
    kept = b"".join(path.read_bytes() for path in data.iterdir())
    assert answer["key"].encode() not in kept
    assert run("keys", "remove", "web", "--data", data).code == 0
    assert run("keys", "list", "--data", data, "--json").json == []


def test_a_key_is_the_only_thing_on_standard_output(run: Run, data: Path) -> None:
    made = run("keys", "create", "web", "--data", data)
    assert re.fullmatch(r"kzw_[\w-]{43}\n", made.out)
    assert "cannot be shown again" in made.err


def test_tokens_have_a_scope(run: Run, data: Path) -> None:
    read = run("tokens", "create", "ann", "--data", data, "--json").json
    admin = run("tokens", "create", "bob", "--scope", "admin", "--data", data, "--json").json
    assert isinstance(read, dict)
    assert isinstance(admin, dict)
    assert re.fullmatch(r"kzt_[\w-]{43}", read["token"])
    assert run("tokens", "list", "--data", data, "--json").json == [
        {"name": "ann", "scope": "read", "fields": []},
        {"name": "bob", "scope": "admin", "fields": []},
    ]
    assert run("tokens", "remove", "ann", "--data", data).code == 0
    assert run("tokens", "create", "eve", "--scope", "root", "--data", data).code == 2


def test_a_token_of_a_till_declares_its_fields(run: Run, data: Path) -> None:
    till = ("tokens", "create", "till", "--scope", "lookup", "--data", data)
    fields = ["fields.given_name", "traits.lifetime_value", "identifiers.card"]
    made = run(*till, *(word for one in fields for word in ("--field", one)), "--json")
    assert isinstance(made.json, dict)
    assert (made.json["scope"], made.json["fields"]) == ("lookup", fields)
    listed = run("tokens", "list", "--data", data)
    assert listed.out.splitlines() == [
        "name  scope   fields",
        "till  lookup  fields.given_name, traits.lifetime_value, identifiers.card",
    ]
    assert run("tokens", "list", "--data", data, "--json").json == [
        {"name": "till", "scope": "lookup", "fields": fields}
    ]
    other = ("tokens", "create", "other", "--data", data)
    for wrong, hint in (
        (("--scope", "lookup"), "Declare id,"),
        (("--scope", "lookup", "--field", "given_name"), "fields.given_name"),
        (("--scope", "lookup", "--field", "traits.lifetime"), "lifetime_value"),
        (("--field", "id"), "Make one of scope lookup."),
    ):
        told = run(*other, *wrong)
        assert (told.code, told.out) == (1, "")
        error, advice = told.err.splitlines()
        assert error.startswith("error: ")
        assert hint in advice
    assert len(listed.out.splitlines()) == len(run("tokens", "list", "--data", data).out.splitlines())


def test_an_error_is_one_line_and_a_hint(run: Run, data: Path) -> None:
    run("keys", "create", "web", "--data", data)
    for told in (
        run("keys", "create", "web", "--data", data),
        run("keys", "create", "Not a name", "--data", data),
        run("keys", "remove", "other", "--data", data),
        run("status", "--data", data / "nowhere"),
        run("simulate", "--to", "http://127.0.0.1:1", "--count", 1),
    ):
        assert told.code == 1
        assert told.out == ""
        lines = told.err.splitlines()
        assert len(lines) == 2, told.err
        assert lines[0].startswith("error: ")
        assert lines[1].startswith("  hint: ")


def test_a_wrong_setting_is_told(run: Run, data: Path) -> None:
    run("keys", "create", "web", "--data", data)
    (data / "kizuna.toml").write_text("prot = 1")
    told = run("keys", "list", "--data", data)
    assert told.code == 1
    assert "has prot, which is no setting" in told.err
    assert "Did you mean port?" in told.err


def test_what_is_written_is_for_its_owner_alone(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    run("keys", "create", "web", "--data", data)
    run("import", sales[0], "--map", sales[1], "--data", data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.rglob("*")}
    assert {name: mode for name, mode in found.items() if mode & 0o077} == {}
    assert "workspace.key" in found


def test_a_dry_run_keeps_nothing(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    told = run("import", sales[0], "--map", sales[1], "--data", data, "--dry-run", "--json")
    assert told.code == 0
    answer = told.json
    assert isinstance(answer, dict)
    assert (answer["rows"], answer["events"], answer["failed"]) == (3, 2, 1)
    assert answer["examples"][0]["line"] == 4
    assert not data.exists()


def test_an_import_says_what_it_did(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    first = run("import", sales[0], "--map", sales[1], "--data", data)
    assert first.code == 0
    assert "3 rows of sales.csv became 2 events of source tills" in first.out
    assert "1 failed, such as:" in first.out
    assert "line 4: " in first.out
    again = run("import", sales[0], "--map", sales[1], "--data", data)
    assert "imported with this map before" in again.out
    assert "kizuna imports undo " in again.err


def test_tail_shows_no_personal_data_unless_asked(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    plain = run("tail", "--data", data, "--no-follow", "--all")
    assert "order.completed" in plain.out
    assert "touchpoints/0@1" in plain.out
    assert "refused" in plain.out
    assert MAIL not in plain.out
    lines = run("tail", "--data", data, "--no-follow", "--json", "-n", 1).out.splitlines()
    (line,) = [orjson.loads(one) for one in lines]
    assert line.keys() == {"recorded_at", "topic", "partition", "offset", "type", "source"}
    assert (line["topic"], line["offset"], line["type"], line["source"]) == (
        "touchpoints",
        1,
        "order.completed",
        "tills",
    )
    assert MAIL in run("tail", "--data", data, "--no-follow", "--values").out
    assert run("tail", "--data", data, "--no-follow", "-n", 0).out == ""


def test_simulate_writes_the_same_file_for_the_same_seed(run: Run, tmp_path: Path) -> None:
    given = ("simulate", "--start", "2026-01-01", "--count", 500, "--customers", 50)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        told = run(*given, "--seed", seed, "--to", tmp_path / name)
        assert told.code == 0
        assert "500 events sent" in told.err
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c
    assert a.count(b"\n") == 500
    assert run("simulate", "--start", "2026-01-01").code == 2


def test_version(run: Run) -> None:
    answer = run("version", "--json").json
    assert isinstance(answer, dict)
    assert answer.keys() == {"kizuna", "python", "duckdb", "sqlite"}
    shown = run("version").out
    assert shown.splitlines()[0] == f"kizuna  {answer['kizuna']}"
    assert run("--version") == (0, shown, "")


def test_a_new_workspace_is_told_of_once_and_where(
    run: Run, data: Path, sales: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    told = run("keys", "create", "web", "--data", "data", "--json")
    assert f"made a new workspace in {data}\n" in told.err
    assert isinstance(told.json, dict)
    assert "made a new" not in run("keys", "create", "app", "--data", "data").err
    told = run("import", sales[0], "--map", sales[1], "--data", "other")
    assert f"made a new workspace in {data.with_name('other')}\n" in told.err


def test_what_fails_at_once_leaves_no_new_workspace(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    file, map_ = sales
    file.write_text("id,when,email,amount\n")
    assert run("import", file, "--map", map_, "--data", data).code == 1
    map_.write_text("source: [")
    assert run("import", file, "--map", map_, "--data", data).code == 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for command in ("run", "demo"):
            told = run(command, "--data", data, "--port", taken.getsockname()[1])
            assert told.code == 1
            assert "Cannot listen on" in told.err
    assert not data.exists()


def test_a_pipe_gets_rows_in_a_line_each_and_no_padding(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    run("import", sales[0], "--map", sales[1], "--data", data)
    run("rebuild", "--data", data)
    head, *rows = run("failed", "--data", data).out.splitlines()
    assert head.split() == ["id", "received", "code", "type", "where", "reason"]
    assert len(rows) == 1
    assert re.match(r"[0-9a-f-]{36}  ", rows[0])
    assert rows[0].endswith("column time holds no time")
    assert [line for line in (head, *rows) if line != line.rstrip()] == []


def test_a_narrow_terminal_keeps_ids_whole(run: Run, data: Path, sales: tuple[Path, Path]) -> None:
    """In a real terminal of 80 columns, whose lines end with carriage return and line feed."""
    run("import", sales[0], "--map", sales[1], "--data", data)
    run("rebuild", "--data", data)
    (one,) = cast(list[dict[str, str]], run("failed", "--data", data, "--json").json)
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    subprocess.run([KIZUNA, "failed", "--data", data], env=environment(), stdout=terminal, check=True)
    shown = os.read(master, 100_000).decode()
    os.close(terminal)
    os.close(master)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).split("\r\n")
    assert [line for line in lines if line.startswith(one["id"] + "  ")]
    assert max(map(len, lines)) <= 80


def test_hints_on_the_command_line_name_what_one_types(
    run: Run, data: Path, sales: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = run("status", "--data", "nowhere").err
    assert f"There is no data in {tmp_path / 'nowhere'}." in missing
    assert "--data DIR" in missing
    run("import", sales[0], "--map", sales[1], "--data", data)
    run("rebuild", "--data", data)
    nothing = run("failed", "show", "nope", "--data", data).err
    assert "GET " not in nothing
    (listing,) = re.findall("`(.*)`", nothing)
    assert run(*shlex.split(listing)[1:]).code == 0
    unwritable = run("simulate", "--count", 1, "--to", tmp_path / "no" / "file").err
    assert "No such file or directory" in unwritable
    assert "hint: " in unwritable


def test_an_import_as_json_has_times_and_seconds_as_everywhere(
    run: Run, data: Path, sales: tuple[Path, Path]
) -> None:
    told = run("import", sales[0], "--map", sales[1], "--data", data, "--json").out
    assert re.search(r'"received_at":"[-\d]{10}T[:\d]{8}\.\d{6}Z"', told)
    assert re.search(r'"seconds":\d+\.\d{1,3}[,}]', told)
