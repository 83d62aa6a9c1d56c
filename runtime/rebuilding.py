"""The rebuild: asked of the running node, or done here where none runs."""

from __future__ import annotations

from dataclasses import asdict
from uuid import uuid4

from kizuna.processors.rebuild import Progress, Report, discard
from kizuna.processors.rebuild import rebuild as rebuild_store
from kizuna.projections.definitions import shipped
from kizuna.schemas.errors import ForeignLog, StoreOutdated

from . import bootstrap, running_node
from .directory import DataDirectory
from .running_node import UNLIMITED, Answer
from .settings import Settings
from .terminal import err, number, out
from .wiring import opened_services


def rebuild(directory: DataDirectory, settings: Settings, *, verify: bool, progress: Progress) -> Answer:
    """The report. Raises what opening the directory raises."""
    node = running_node.find(directory)
    if node:
        return node.ask("POST", "/api/rebuild", body={"verify": verify}, timeout=UNLIMITED)
    try:
        return asdict(_rebuild_here(directory, settings, verify=verify, progress=progress))
    except (ForeignLog, StoreOutdated) as error:
        err.print(f"{error} The store there is thrown away; it cannot be compared.", style="dim")
        discard(directory.store)
        return asdict(_rebuild_here(directory, settings, verify=False, progress=progress))


def _rebuild_here(
    directory: DataDirectory, settings: Settings, *, verify: bool, progress: Progress
) -> Report:
    with opened_services(directory, settings) as services:
        bootstrap.define(services.log, settings, shipped(), services.clock)
        return rebuild_store(
            services.log,
            services.store,
            services.projector,
            services.workspace_key,
            services.clock,
            uuid4(),
            verify=verify,
            progress=progress,
        )


def show(report: Answer) -> None:
    """What was compared and what differs; the hashes are for --json."""
    differences = report["differences"]
    if differences:
        out.print(f"[red]✗[/] {len(differences)} tables differ; the live store stays, as the evidence.")
        for table, rows in differences.items():
            out.print(f"  [bold]{table}[/]")
            for row in rows[:5]:
                out.print(f"    {row}", markup=False)
        return
    compared = "" if differences is None else f"; all {len(report['tables'])} tables are equal"
    swapped = "and swapped in" if report["swapped"] else "and left aside"
    out.print(f"[green]✓[/] {number(report['records'])} records folded anew {swapped}{compared}.")
