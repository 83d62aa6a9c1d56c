"""The command that follows the log: tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from kizuna.eventlog import topics
from kizuna.schemas import times

from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, load_settings, told
from .terminal import local, out, print_json_line

if TYPE_CHECKING:
    from .tail import Entry


def register(app: typer.Typer) -> None:
    app.command(help=told(tail), rich_help_panel=GROUP_EVENTS)(tail)


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
