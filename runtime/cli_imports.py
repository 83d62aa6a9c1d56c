"""Commands on imports: list, show, undo, redo."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from .asking import ask_one, listed
from .correcting import DryRun, Reason, Yes, act, print_outcome
from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, told, typed
from .terminal import err, local, number, out, print_json, print_table

imports = typer.Typer(help="Imported files: what came of them, and how to take one back.")

Id = Annotated[str, typer.Argument(metavar="ID", help="As `kizuna imports list` shows it.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="So many, newest first.")
]
COUNTS = ("events", "duplicates", "failed", "taken_out")


def register(app: typer.Typer) -> None:
    imports.command("list", help=told(list_imports))(list_imports)
    imports.command("show", help=told(show_import))(show_import)
    imports.command("undo", help=told(undo_import))(undo_import)
    imports.command("redo", help=told(redo_import))(redo_import)
    app.add_typer(imports, name="imports", rich_help_panel=GROUP_EVENTS)


@imports.callback(invoke_without_command=True)
def imports_or_list(context: typer.Context, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Imported files: what came of them, and how to take one back. Without a command: the newest."""
    if context.invoked_subcommand is None:
        list_imports(data, as_json=as_json)


def list_imports(data: Data = DEFAULT_DATA, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List imports, newest first: the file, when it began, its rows, and what came of them."""
    from .api import opened_api

    with opened_api(DataDirectory(data)) as api:
        items = list(listed(api, "/api/imports", {}, limit + 1))
    if as_json:
        print_json(items[:limit])
        return
    if not items:
        err.print("There are none.")
        return
    names = ("id", "began", "file", "source", "rows", *COUNTS, "undone")
    rows = [
        (
            one["id"],
            _moment(one["began_at"]),
            one["file"] or "",
            one["source"],
            "" if one["rows"] is None else one["rows"],
            *(one[name] for name in COUNTS),
            _moment(one["undone_at"]) if one["undone_at"] else "",
        )
        for one in items[:limit]
    ]
    print_table(names, rows, numbers=("rows", *COUNTS), whole=("id",))
    if len(items) > limit:
        err.print(f"There are more than these {limit}: -n shows more.", style="dim")


def show_import(import_id: Id, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show one import: its records by type, and the first of its failed rows."""
    from .api import opened_api

    with opened_api(DataDirectory(data)) as api:
        one = ask_one(api, "GET", _path(import_id), _lists(data))
    if as_json:
        print_json(one)
        return
    for name in ("file", "source", "began_at", "rows", *COUNTS, "undone_by", "undone_at"):
        if one[name] is not None:
            out.print(f"[bold]{name:12}[/] {escape(number(one[name]))}")
    if one["types"]:
        out.print()
        rows = [[its[name] for name in ("type", *COUNTS)] for its in one["types"]]
        print_table(("type", *COUNTS), rows, numbers=COUNTS)
    if one["failures"]:
        out.print()
        names = ("id", "line", "code", "path", "reason")
        print_table(names, [[_said(its, name) for name in names] for its in one["failures"]], whole=("id",))


def undo_import(
    import_id: Id,
    data: Data = DEFAULT_DATA,
    reason: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take all events of an import out of every state and history. Where a person looks it asks first. The
    file can be imported again, and then counts."""
    question = "" if yes else f"This takes out import {import_id}:"
    _do("undo", import_id, data, reason, dry_run=dry_run, question=question, as_json=as_json)


def redo_import(
    import_id: Id,
    data: Data = DEFAULT_DATA,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put back an import that was undone."""
    _do("redo", import_id, data, reason, dry_run=dry_run, question="", as_json=as_json)


def _do(
    verb: str, import_id: str, data: Path, reason: str | None, *, dry_run: bool, question: str, as_json: bool
) -> None:
    from .api import opened_api

    body = {"reason": reason, "dry_run": dry_run}
    with opened_api(DataDirectory(data)) as api:
        answer = act(api, f"{_path(import_id)}/{verb}", body, _lists(data), question=question)
    print_outcome(answer, data, as_json=as_json)


def _path(import_id: str) -> str:
    return f"/api/imports/{quote(import_id, safe='')}"


def _lists(data: Path) -> str:
    return f"`{typed('kizuna imports list', data)}` lists them."


def _moment(text: str) -> str:
    return local(datetime.fromisoformat(text))


def _said(one: dict[str, Any], name: str) -> object:
    return "" if one[name] is None else one[name]
