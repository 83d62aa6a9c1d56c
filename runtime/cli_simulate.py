"""The command `simulate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from .options import GROUP_EVENTS, told
from .terminal import err, progress_bar

EVENTS_A_DAY = 2.0
"""Events of one customer a day, in a history that is not told its length."""


def _tell(text: str) -> None:
    err.print(text, style="yellow", markup=False)


def register(app: typer.Typer) -> None:
    app.command(help=told(simulate), rich_help_panel=GROUP_EVENTS)(simulate)


def simulate(
    to: Annotated[
        str, typer.Option(metavar="URL|FILE|-", help="A node, a file of NDJSON, or standard output.")
    ] = "-",
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SOURCE=]KEY",
            help="Write key for a node: one for all, or one a source (web, till-1, till-2, salon, mail, "
            "helpdesk, crm).",
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(metavar="N", min=0, help="Events a second; 0 is as fast as the target takes them."),
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another shop.")] = 1,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after so many events.")] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="N", min=0, help="Stop after so many seconds.")
    ] = None,
    customers: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="Size of the pool of customers.")
    ] = 1_000,
    currency: Annotated[str, typer.Option(metavar="CODE", help="ISO 4217 code of every amount.")] = "EUR",
    start: Annotated[
        datetime | None,
        typer.Option(
            metavar="MOMENT",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
            help="A history from this moment (UTC) on, such as 2026-01-31T09:30:00; needs --count.",
        ),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.01, help="Length of the history; without --start it ends now."),
    ] = None,
) -> None:
    """The demo shop, made from a seed, as a stream of events.

    The same seed, start, days and count give the same bytes. Without --start and --days the events are of
    now, and go on until --count, --seconds or Ctrl-C.
    """
    from .shop import Shop
    from .shop_hours import moments
    from .simulate import Sent, drive
    from .targets import opened_target
    from .wiring import clock

    history = start is not None or days is not None
    if history and count is None:
        raise typer.BadParameter("a history needs --count", param_hint="--start")
    with ExitStack() as stack:
        target = stack.enter_context(opened_target(to, key or [], _tell))
        if history:
            assert count is not None
            length = timedelta(days=days or count / (EVENTS_A_DAY * customers))
            begin = start.replace(tzinfo=UTC) if start else clock() - length
            when: Iterator[datetime] = moments(begin, begin + length, count)
        else:
            begin = clock()
            when = iter(clock, None) if count is None else (clock() for _ in range(count))
        shop = Shop(seed, begin, customers=customers, currency=currency, live=not history)
        bar = stack.enter_context(progress_bar())
        task = bar.add_task("sent", total=count)

        sent = Sent()

        def show(so_far: Sent) -> None:
            nonlocal sent
            sent = so_far
            bar.update(task, completed=sent.touchpoints)

        with suppress(KeyboardInterrupt):
            drive(shop, when, target, rate=rate, seconds=seconds, progress=show)
    if to != "-":
        refused = f", {sent.refused:,} refused" if sent.refused else ""
        err.print(f"{sent.touchpoints:,} events sent to {to}{refused}.")
