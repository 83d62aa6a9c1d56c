"""Commands on events: tail follows the log; show, correct and retract are about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from kizuna.eventlog import topics
from kizuna.schemas import times

from .asking import ask_one, given
from .correcting import DryRun, Reason, Yes, act, print_outcome
from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, load_settings, told
from .terminal import local, out, print_json, print_json_line

if TYPE_CHECKING:
    from .tail import Entry


events = typer.Typer(help="Single events: where one stands; correct it, or take it out.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The event's id.")]
STANDING = ("standing", "since", "taken_out_by", "effective")
BESIDE = (*STANDING, "copies", "as_of", "positions")
HINT = "A timeline, or the history of an order, ticket or visit, has the ids of events."


def register(app: typer.Typer) -> None:
    app.command(help=told(tail), rich_help_panel=GROUP_EVENTS)(tail)
    events.command("show", help=told(show_event))(show_event)
    events.command("correct", help=told(correct_event))(correct_event)
    events.command("retract", help=told(retract_event))(retract_event)
    app.add_typer(events, name="events", rich_help_panel=GROUP_EVENTS, no_args_is_help=True)


def show_event(event_id: Id, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show one event, with the personal data in it: whether it counts, since when not, and what took it out.
    A retraction is an event too."""
    from .api import opened_api

    with opened_api(DataDirectory(data)) as api:
        one = ask_one(api, "GET", _path(event_id), HINT)
    if as_json:
        print_json(one)
        return
    for name in STANDING:
        if one[name] is not None:
            out.print(f"[bold]{name:12}[/] {one[name]}")
    if one["copies"]:
        out.print(f"[bold]{'copies':12}[/] {len(one['copies'])}")
    out.print()
    out.print_json(data={name: value for name, value in one.items() if name not in BESIDE})


def correct_event(
    event_id: Id,
    patch: Annotated[
        str,
        typer.Option(
            metavar="JSON|FILE|-",
            help="A JSON Merge Patch for the event as a client would send it: null removes a member.",
        ),
    ],
    data: Data = DEFAULT_DATA,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Correct an event: it is taken out, and what the patch makes of it stands in its place, under an id of
    its own."""
    from .api import opened_api

    body = {"patch": given(patch, "--patch"), "reason": reason, "dry_run": dry_run}
    with opened_api(DataDirectory(data)) as api:
        answer = act(api, f"{_path(event_id)}/correct", body, HINT)
    if not as_json:
        out.print_json(data=answer["event"])
    print_outcome(answer, data, as_json=as_json)


def retract_event(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The event's id; with --entity, the entity's.")],
    data: Data = DEFAULT_DATA,
    entity: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="All events of an order, visit, ticket, deal, company and so on."),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the entity's id: its source, unless it named one.")
    ] = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take an event out of every state and history, or all events of an entity. Retracting a retraction or a
    correction undoes it. Where a person looks it asks before it takes out an entity."""
    from .api import opened_api

    body = {"reason": reason, "dry_run": dry_run}
    with opened_api(DataDirectory(data)) as api:
        if entity is None:
            answer = act(api, f"{_path(id_)}/retract", body, HINT)
        else:
            path = f"/api/entities/{quote(entity, safe='')}/{quote(id_, safe='')}/retract"
            params = {} if namespace is None else {"namespace": namespace}
            question = "" if yes else f"This takes out {entity} {id_}:"
            answer = act(api, path, body, HINT, question=question, params=params)
    print_outcome(answer, data, as_json=as_json)


def _path(event_id: str) -> str:
    return f"/api/events/{quote(event_id, safe='')}"


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
    """Follow the log, event by event.

    When each came, its type, source and position. Ctrl-C ends it."""
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
