"""Commands on failed events: list, groups, show, repair, retry."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from kizuna.schemas.errors import ConfigurationError

from .asking import ask_one, given, listed
from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, told, typed
from .running_node import UNLIMITED, Answer
from .terminal import err, local, out, print_json, print_table

if TYPE_CHECKING:
    from .api import Api

failed = typer.Typer(help="Items that were refused: why, and how to repair them.")

Id = Annotated[str, typer.Argument(metavar="ID", help="As `kizuna failed list` shows it.")]
OneId = Annotated[str | None, typer.Argument(metavar="[ID]", help="One alone; or filters, or --all.")]
Code = Annotated[
    str | None, typer.Option(metavar="CODE", help="Only of this code, such as invalid or unknown_type.")
]
Source = Annotated[str | None, typer.Option(metavar="SOURCE", help="Only of this source.")]
Type = Annotated[
    str | None, typer.Option("--type", metavar="TYPE", help="Only that claim to be of this type.")
]
Import = Annotated[str | None, typer.Option("--import", metavar="ID", help="Only of this import.")]
Group = Annotated[str | None, typer.Option(metavar="GROUP", help="Only of this group, as `groups` shows it.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only that came since: 2026-01-31, or 2026-01-31T09:30:00Z."),
]
Repaired = Annotated[bool, typer.Option("--repaired", metavar="", help="Those that are repaired.")]
All = Annotated[bool, typer.Option("--all", metavar="", help="All that are not repaired.")]
Patch = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|FILE|-",
        help="A JSON Merge Patch for the item: its members take the place of the item's, null removes one.",
    ),
]
Item = Annotated[
    str | None, typer.Option(metavar="JSON|FILE|-", help="A whole event, in the place of one item.")
]
NewId = Annotated[
    bool, typer.Option("--new-id", metavar="", help="Give a new id, where another event holds the item's.")
]
Correct = Annotated[
    bool,
    typer.Option(
        "--correct", metavar="", help="Make a conflict a correction of the event that holds its id."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", metavar="", help="Only say what would become of them.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="So many, newest first.")
]


def register(app: typer.Typer) -> None:
    failed.command("list", help=told(list_failed))(list_failed)
    failed.command("groups", help=told(group_failed))(group_failed)
    failed.command("show", help=told(show_failed))(show_failed)
    failed.command("repair", help=told(repair_failed))(repair_failed)
    failed.command("retry", help=told(retry_failed))(retry_failed)
    app.add_typer(failed, name="failed", rich_help_panel=GROUP_EVENTS)


@failed.callback(invoke_without_command=True)
def failed_or_list(context: typer.Context, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Items that were refused, kept whole with the reason. Without a command: the newest."""
    if context.invoked_subcommand is None:
        list_failed(data, as_json=as_json)


def list_failed(
    data: Data = DEFAULT_DATA,
    code: Code = None,
    source: Source = None,
    type_: Type = None,
    import_: Import = None,
    group: Group = None,
    since: Since = None,
    repaired: Repaired = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List failed events, newest first: when, why and where; not what was in them."""
    asked = _filters(code, source, type_, import_, group, since) | ({"repaired": "true"} if repaired else {})
    with _opened(data) as api:
        items = list(listed(api, "/api/failed-events", asked, limit + 1))
    if as_json:
        print_json(items[:limit])
        return
    if not items:
        err.print("There are none.")
        return
    rows = [
        (
            one["id"],
            local(datetime.fromisoformat(one["received_at"])),
            one["code"],
            one["type"] or "",
            _where(one),
            one["reason"],
        )
        for one in items[:limit]
    ]
    print_table(("id", "received", "code", "type", "where", "reason"), rows, whole=("id",))
    if len(items) > limit:
        err.print(f"There are more than these {limit}: -n shows more.", style="dim")


def group_failed(
    data: Data = DEFAULT_DATA,
    code: Code = None,
    source: Source = None,
    type_: Type = None,
    import_: Import = None,
    since: Since = None,
    repaired: Repaired = False,
    as_json: AsJson = False,
) -> None:
    """Count failed events by reason, the most first. In a path * stands for any place in a list, in a reason
    # for any number; `--group` of the other commands takes a group as it is called here."""
    asked = _filters(code, source, type_, import_, None, since) | ({"repaired": "true"} if repaired else {})
    with _opened(data) as api:
        items = api.ask("GET", "/api/failed-events/groups", params=asked)["items"]
    if as_json:
        print_json(items)
        return
    if not items:
        err.print("There are none.")
        return
    names = ("failed_events", "group", "code", "path", "reason", "sources", "example")
    rows = [[", ".join(one[name]) if name == "sources" else one[name] for name in names] for one in items]
    print_table(names, rows, numbers=("failed_events",), whole=("group", "example"))


def show_failed(failed_id: Id, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show one failed event with the item as it came, and the personal data in it."""
    with _opened(data) as api:
        one = ask_one(api, "GET", f"/api/failed-events/{quote(failed_id, safe='')}", _lists(data))
    if as_json:
        print_json(one)
        return
    for name in ("code", "path", "reason", "source", "received_at", "file", "line", "repeats", "repaired_by"):
        if one[name]:
            out.print(f"[bold]{name:12}[/] {escape(str(one[name]))}")
    out.print(f"[bold]{'position':12}[/] {one['topic']}/{one['partition']}@{one['offset']}")
    out.print()
    out.print(one["item"] if one["item"] is not None else "The log no longer has the item.", markup=False)


def repair_failed(
    failed_id: OneId = None,
    patch: Patch = None,
    item: Item = None,
    new_id: NewId = False,
    correct: Correct = False,
    dry_run: DryRun = False,
    data: Data = DEFAULT_DATA,
    code: Code = None,
    source: Source = None,
    type_: Type = None,
    import_: Import = None,
    group: Group = None,
    since: Since = None,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Repair failed events by a patch and admit them again, under their own ids and times: one by its ID, or
    all that pass the filters. What the door still refuses stays as it was, and makes the exit code 1."""
    if (patch is None) == (item is None):
        raise ConfigurationError(
            "Say how to repair it: with --patch, or with --item.",
            hint=f"`{typed('kizuna failed retry', data)}` admits items again as they came.",
        )
    if item is not None and failed_id is None:
        raise ConfigurationError(
            "--item takes the place of one item.", hint="Name the ID of one, or use --patch."
        )
    how = {"patch": given(patch, "--patch")} if patch is not None else {"item": given(str(item), "--item")}
    asked = _filters(code, source, type_, import_, group, since)
    body = {**how, "new_id": new_id, "correct": correct, "dry_run": dry_run}
    _repair(_Wanted(data, failed_id, asked, everything, as_json), body)


def retry_failed(
    failed_id: OneId = None,
    new_id: NewId = False,
    correct: Correct = False,
    dry_run: DryRun = False,
    data: Data = DEFAULT_DATA,
    code: Code = None,
    source: Source = None,
    type_: Type = None,
    import_: Import = None,
    group: Group = None,
    since: Since = None,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Admit failed events again as they came, for what the door takes by now; else as `repair`."""
    asked = _filters(code, source, type_, import_, group, since)
    wanted = _Wanted(data, failed_id, asked, everything, as_json)
    _repair(wanted, {"new_id": new_id, "correct": correct, "dry_run": dry_run})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which failed events are meant, and how the answer is printed."""

    data: Path
    failed_id: str | None
    filters: dict[str, str]
    everything: bool
    as_json: bool


def _repair(wanted: _Wanted, body: Mapping[str, object]) -> None:
    if sum((wanted.failed_id is not None, bool(wanted.filters), wanted.everything)) != 1:
        raise ConfigurationError(
            "Say which failed events: the ID of one, or filters, or --all.",
            hint=f"`{typed('kizuna failed groups', wanted.data)}` counts them by reason.",
        )
    with _opened(wanted.data) as api:
        if wanted.failed_id is not None:
            path = f"/api/failed-events/{quote(wanted.failed_id, safe='')}/repair"
            answer = ask_one(api, "POST", path, _lists(wanted.data), body)
        else:
            params = wanted.filters or {"all": "true"}
            answer = api.ask("POST", "/api/failed-events/repair", params=params, body=body, timeout=UNLIMITED)
    if wanted.as_json:
        print_json(answer)
    else:
        _print_outcome(answer)
    if answer["refused"]:
        raise typer.Exit(1)


def _print_outcome(answer: Answer) -> None:
    would = "would be " if answer["dry_run"] else ""
    out.print(f"{answer['accepted']:,} {would}accepted, {answer['refused']:,} {would}refused")
    if answer["reasons"]:
        names = ("failed_events", "code", "path", "reason")
        rows = [[one[name] for name in names] for one in answer["reasons"]]
        print_table(names, rows, numbers=("failed_events",))
    for one in answer["results"]:
        if one["event"]:
            out.print_json(data=one["event"])
    if not answer["folded"] and not answer["dry_run"]:
        err.print("It is in the log, but not folded yet: answers will show it soon.", style="dim")


def _opened(data: Path) -> AbstractContextManager[Api]:
    from .api import opened_api

    return opened_api(DataDirectory(data))


def _lists(data: Path) -> str:
    return f"`{typed('kizuna failed list', data)}` lists them."


def _filters(
    code: str | None,
    source: str | None,
    type_: str | None,
    import_: str | None,
    group: str | None,
    since: str | None,
) -> dict[str, str]:
    if since is not None and "T" not in since:
        since = f"{since}T00:00:00Z"
    asked = {
        "code": code,
        "source": source,
        "type": type_,
        "import_id": import_,
        "group": group,
        "received_at.gte": since,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _where(one: dict[str, Any]) -> str:
    """The file and line of an import, else the source; behind it the place in the item."""
    place = f"{one['file']}:{one['line']}" if one["file"] else str(one["source"])
    return f"{place} {one['path']}".rstrip()
