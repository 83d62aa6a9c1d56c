"""What the commands that take out, correct and put back share: their options, the question, the answer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .asking import ask_one
from .options import typed
from .running_node import UNLIMITED, Answer, Parameters
from .terminal import err, out, print_json

if TYPE_CHECKING:
    from .api import Api

Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it stays in the log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", metavar="", help="Only say what would become of it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")]


def act(
    api: Api,
    path: str,
    body: Mapping[str, object],
    hint: str,
    *,
    question: str = "",
    params: Parameters | None = None,
) -> Answer:
    """Do it, after the question where one is given and a person looks: it is answered with what it would take
    out before."""
    if question and not body["dry_run"] and sys.stdin.isatty():
        dry = ask_one(api, "POST", path, hint, {**body, "dry_run": True}, params=params)
        events = f" {_events(dry['taken_out'])}."
        typer.confirm(f"{question}{events} Go on?", abort=True, err=True)
    return ask_one(api, "POST", path, hint, body, params=params, timeout=UNLIMITED)


def print_outcome(answer: Answer, data: Path, *, as_json: bool) -> None:
    """What it did, and how to undo it."""
    if as_json:
        print_json(answer)
        return
    would = "would be " if answer["dry_run"] else ""
    if answer["taken_out"] is not None:
        out.print(f"{_events(answer['taken_out'])} {would}taken out", end="")
        out.print(f", {_events(answer['restored'])} put back" if answer["restored"] else "", end="")
        out.print(
            f"; {answer['replaced']:,} of them still count by a copy from elsewhere"
            if answer["replaced"]
            else ""
        )
    elif not answer["folded"] and not answer["dry_run"]:
        err.print("It is in the log, but not folded yet: answers will show it soon.", style="dim")
    if answer["dry_run"]:
        return
    for event_id in answer["events"][:1]:
        undo = typed(f"kizuna events retract {event_id}", data)
        err.print(f"It is event {event_id}: `{undo}` undoes it.", style="dim", markup=False)


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"
