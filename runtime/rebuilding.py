"""The rebuild: asked of the running node, or done here where none runs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path

import duckdb

from kizuna.processors.rebuild import Progress, Report
from kizuna.processors.rebuild import rebuild as rebuild_store
from kizuna.projections.definitions import shipped
from kizuna.projections.store import damaged, is_damage
from kizuna.projections.store_file import discard, move
from kizuna.schemas.errors import ForeignLog, KizunaError, StoreDamaged, StoreLocked, StoreOutdated

from . import bootstrap, running_node
from .directory import DataDirectory
from .running_node import UNLIMITED, Answer
from .settings import Settings
from .terminal import err, number, out
from .wiring import opened_services


def rebuild(directory: DataDirectory, settings: Settings, *, verify: bool, progress: Progress) -> Answer:
    """The report. A store that cannot be folded further is a cache of the log: it makes room. Raises what
    opening the directory raises."""
    node = running_node.find(directory)
    if node:
        return node.ask("POST", "/api/rebuild", body={"verify": verify}, timeout=UNLIMITED)
    try:
        return asdict(_rebuild_here(directory, settings, verify=verify, progress=progress))
    except (ForeignLog, StoreDamaged, StoreOutdated) as error:
        problem: KizunaError = error
    except duckdb.Error as error:  # in a block that nothing had read before
        if not is_damage(error):
            raise
        problem = damaged(directory.store, error)
    with _owned(directory.store):
        if isinstance(problem, ForeignLog):
            done = f"kept as {_put_aside(directory.store)}"
        else:
            discard(directory.store)
            done = "thrown away"
    said = str(problem).removesuffix(problem.hint).strip()
    err.print(f"{said} It cannot be compared, and is {done}.", style="dim", markup=False)
    return asdict(_rebuild_here(directory, settings, verify=False, progress=progress))


@contextmanager
def _owned(path: Path) -> Iterator[None]:
    """Raises StoreLocked when a process holds the store, such as a node that started meanwhile. DuckDB locks
    its file in the same way."""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreLocked(f"Another process holds {path}.", hint="Wait for it, or stop it.") from None
        yield


def _put_aside(path: Path) -> Path:
    """Another log may still want its store: give it a name that nothing has."""
    aside = next(one for n in count(1) if not (one := path.with_name(f"store.aside-{n}.duckdb")).exists())
    move(path, aside)
    return aside


def _rebuild_here(
    directory: DataDirectory, settings: Settings, *, verify: bool, progress: Progress
) -> Report:
    with opened_services(directory, settings) as services:
        if services.ownership.mine:
            bootstrap.define(services.log, settings, shipped(), services.clock)
        return rebuild_store(
            services.log,
            services.store,
            services.projector,
            services.workspace_key,
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
