"""The command `import`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import EventLog, LogIdentity
from kizuna.schemas import times

from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, load_settings, told, typed
from .terminal import err, out, print_json, progress_bar, tell_made

if TYPE_CHECKING:
    from kizuna.ingest.importer import ImportReport, Progress

STAGES = {"read": "reading", "arrange": "sorting", "append": "appending"}


def register(app: typer.Typer) -> None:
    app.command("import", help=told(import_file), rich_help_panel=GROUP_EVENTS)(import_file)


def import_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV, NDJSON or Parquet.")
    ],
    map_: Annotated[
        Path,
        typer.Option(
            "--map", metavar="MAP", exists=True, dir_okay=False, help="What the columns mean: YAML."
        ),
    ],
    data: Data = DEFAULT_DATA,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Read and judge every row, keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a file as events, by a map of its columns.

    The events go straight to the log, beside a running node too. The same file imported twice counts once; an
    import that was stopped goes on where it stood. A row that cannot be read becomes a failed event.
    """
    from kizuna.ingest.importer import run_import
    from kizuna.ingest.map_file import load_map
    from kizuna.ingest.readers import open_file

    from .wiring import clock, micros, opened_log

    directory = DataDirectory(data)
    map_file = load_map(map_)
    with ExitStack() as stack:
        log: EventLog
        if dry_run:  # needs no data directory
            log, workspace_key = MemoryLog({}, clock=micros, identity=LogIdentity(uuid4(), 0)), ""
        else:
            settings = load_settings(directory)
            if not directory.exists:  # a file that does not fit leaves no new workspace behind
                columns = open_file(file, map_file.map.format).columns
                if columns is not None:
                    map_file.check_columns(columns)
            workspace_key = directory.open_workspace(tell_made)
            log = stack.enter_context(opened_log(directory, settings))
        bar = stack.enter_context(progress_bar())
        task = bar.add_task("reading", total=None)
        stage = "read"

        def show(progress: Progress) -> None:
            nonlocal task, stage
            if progress.stage != stage:  # each stage has a rate and an end of its own
                bar.remove_task(task)
                stage = progress.stage
                task = bar.add_task(STAGES[stage], total=None)
            if stage != "arrange":  # it has no steps to count
                bar.update(task, completed=progress.rows, total=progress.total or None)

        report = run_import(
            file,
            map_file,
            log,
            workspace_key,
            clock=clock,
            state_dir=directory.imports,
            dry_run=dry_run,
            progress=show,
        )
    if as_json:
        print_json(
            {
                **asdict(report),
                "received_at": times.text(report.received_at),
                "seconds": round(report.seconds, 3),
                "examples": [one._asdict() for one in report.examples],
                "dry_run": dry_run,
            }
        )
    else:
        _summarise(report, file, data, dry_run=dry_run)


def _summarise(report: ImportReport, file: Path, data: Path, *, dry_run: bool) -> None:
    verb = "would become" if dry_run else "became"
    rate = report.rows / report.seconds if report.seconds else 0
    out.print(
        f"{report.rows:,} rows of {escape(file.name)} {verb} [bold]{report.events:,} events[/] of source "
        f"{escape(report.source)}, in {report.seconds:.1f} s ({rate:,.0f} rows/s)."
    )
    for name, rows in report.left_out.items():
        out.print(f"  {rows:,} rows left out by the map: {escape(name)}")
    if report.resumed_at:
        out.print(f"  An earlier run had appended {report.resumed_at:,} of them.")
    if report.repeats:
        out.print("  This file was imported with this map before: what of that still counts, counts once.")
    if report.failed:
        out.print(f"  [yellow]{report.failed:,} failed[/], such as:")
        for one in report.examples[:5]:
            where = f" {escape(one.path)}" if one.path else ""
            out.print(f"    line {one.line}: {one.code}{where}: {escape(one.reason)}")
        if not dry_run:
            err.print(
                f"  All are kept: `{typed('kizuna failed', data)}` lists them.", style="dim", markup=False
            )
    if not dry_run:
        undo = typed(f"kizuna imports undo {report.import_id}", data)
        err.print(f"It is import {report.import_id}: `{undo}` takes it out again.", style="dim", markup=False)
