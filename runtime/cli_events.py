"""Commands on the events that are there: tail, failed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from kizuna.eventlog import topics
from kizuna.schemas import times
from kizuna.schemas.errors import ConfigurationError

from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, load_settings, told, typed
from .terminal import err, local, out, print_json, print_json_line, print_table

if TYPE_CHECKING:
    from .tail import Entry

failed = typer.Typer(help="Items that were refused, kept whole with the reason.")

Code = Annotated[
    str | None, typer.Option(metavar="CODE", help="Only of this code, such as invalid or unknown_type.")
]
Source = Annotated[str | None, typer.Option(metavar="SOURCE", help="Only of this source.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="So many, newest first.")
]


def register(app: typer.Typer) -> None:
    app.command(help=told(tail), rich_help_panel=GROUP_EVENTS)(tail)
    app.add_typer(failed, name="failed", rich_help_panel=GROUP_EVENTS)


def tail(
    data: Data = DEFAULT_DATA,
    last: Annotated[
        int, typer.Option("--last", "-n", metavar="N", min=0, help="Begin with so many of the newest.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", metavar="", help="Go on with what comes.")
    ] = True,
    everything: Annotated[
        bool,
        typer.Option("--all", metavar="", help="Failed events and definitions too, not only touchpoints."),
    ] = False,
    values: Annotated[
        bool,
        typer.Option("--values", metavar="", help="Show the whole records, with the personal data in them."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Follow the log: when each event came, its type, source and position. Ctrl-C ends it."""
    from .tail import entries
    from .wiring import opened_log

    directory = DataDirectory(data)
    directory.require()
    wanted = topics.ALL if everything else (topics.TOUCHPOINTS,)
    with opened_log(directory, load_settings(directory)) as log:
        try:
            for entry in entries(log, wanted, last, follow=follow):
                _print_entry(entry, values=values, as_json=as_json)
        except KeyboardInterrupt:
            return


def _print_entry(entry: Entry, *, values: bool, as_json: bool) -> None:
    if as_json:
        line: dict[str, object] = {
            "recorded_at": times.text(entry.recorded_at),
            "topic": entry.at.topic,
            "partition": entry.at.partition,
            "offset": entry.offset,
            "type": entry.what,
            "source": entry.source,
        }
        print_json_line(line | {"value": entry.value} if values else line)
        return
    mark = {topics.FAILED_EVENTS: "[red]refused[/] ", topics.DEFINITIONS: "[cyan]defined[/] "}
    position = f"{entry.at.topic}/{entry.at.partition}@{entry.offset}"
    out.print(
        f"[dim]{local(entry.recorded_at)}[/]  {mark.get(entry.at.topic, '')}{escape(entry.what):24} "
        f"{escape(entry.source):12} [dim]{position}[/]"
    )
    if values:
        out.print_json(data=entry.value)


@failed.callback(invoke_without_command=True)
def failed_or_list(context: typer.Context, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Items that were refused, kept whole with the reason. Without a command: the newest."""
    if context.invoked_subcommand is None:
        list_failed(data, as_json=as_json)


@failed.command("list")
def list_failed(
    data: Data = DEFAULT_DATA,
    code: Code = None,
    source: Source = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List failed events, newest first: when, why and where; not what was in them."""
    from .api import opened_api

    asked = {"code": code, "source": source, "limit": limit}
    with opened_api(DataDirectory(data)) as api:
        answer = api.ask(
            "GET",
            "/api/failed-events",
            params={name: value for name, value in asked.items() if value is not None},
        )
    if as_json:
        print_json(answer["items"])
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
        for one in answer["items"]
    ]
    if not rows:
        err.print("There are none.")
        return
    print_table(("id", "received", "code", "type", "where", "reason"), rows, whole=("id",))
    if answer["next_cursor"]:
        err.print(f"There are more than these {limit}: -n shows more.", style="dim")


@failed.command("show")
def show_failed(
    failed_id: Annotated[str, typer.Argument(metavar="ID", help="As `kizuna failed list` shows it.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show one failed event with the item as it came, and the personal data in it."""
    from .api import opened_api

    with opened_api(DataDirectory(data)) as api:
        try:
            one = api.ask("GET", f"/api/failed-events/{quote(failed_id, safe='')}")
        except ConfigurationError as error:
            # The API's hint names its route; whoever types commands needs the command.
            hint = f"`{typed('kizuna failed list', data)}` lists them."
            message = str(error).removesuffix(error.hint).strip()
            raise ConfigurationError(message, hint=hint) from None
    if as_json:
        print_json(one)
        return
    for name in ("code", "path", "reason", "source", "received_at", "file", "line", "repeats"):
        if one[name]:
            out.print(f"[bold]{name:12}[/] {escape(str(one[name]))}")
    out.print(f"[bold]{'position':12}[/] {one['topic']}/{one['partition']}@{one['offset']}")
    out.print()
    out.print(one["item"] if one["item"] is not None else "The log no longer has the item.", markup=False)


def _where(one: dict[str, Any]) -> str:
    """The file and line of an import, else the source; behind it the place in the item."""
    place = f"{one['file']}:{one['line']}" if one["file"] else str(one["source"])
    return f"{place} {one['path']}".rstrip()
