"""The command `archive`: closed months of the log into Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_NODE, AsJson, Data, SettingsFile, load_settings, told
from .terminal import out, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from kizuna.eventlog.archiving import Outcome, Span
    from kizuna.eventlog.months import Month

MEGABYTE = 1 << 20


def register(app: typer.Typer) -> None:
    app.command(help=told(archive), rich_help_panel=GROUP_NODE)(archive)


def archive(
    data: Data = DEFAULT_DATA,
    before: Annotated[
        str | None, typer.Option(metavar="MONTH", help="Only months before this one, such as 2026-09 (UTC).")
    ] = None,
    keep_months: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=1_200, help="Leave so many closed months; 0 unless set."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only say what would be archived.")
    ] = False,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Move closed months of the log into Parquet files.

    They take less room there, and are read as before. It runs beside a node too; a run that is cut off is
    finished by the next one.
    """
    from kizuna.eventlog import archiving

    from .wiring import opened_log

    directory = DataDirectory(data)
    directory.require_embedded("Archiving")
    limit = _limit(before, keep_months)
    with opened_log(directory, load_settings(directory, settings_file)) as log, progress_bar() as bar:
        spans = archiving.plan(log, directory.log, limit)
        done = None
        if not dry_run:
            task = bar.add_task("archiving", total=None)
            done = archiving.archive(
                log,
                directory.log,
                spans,
                progress=lambda passed, total: bar.update(task, completed=passed, total=total),
            )
    if done is None:
        _tell_plan(spans, as_json=as_json)
    else:
        _tell(done, as_json=as_json)


def _limit(before: str | None, keep_months: int | None) -> Month:
    from kizuna.eventlog.months import Month

    from .wiring import micros

    if before is None:
        return Month.of(micros()).plus(-(keep_months or 0))
    if keep_months is not None:
        raise typer.BadParameter("give --before or --keep-months, not both")
    try:
        return Month.parse(before)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _tell_plan(spans: Sequence[Span], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "months": [
                    {**span.lane._asdict(), "month": str(span.month), "first": span.first, "end": span.end}
                    for span in spans
                ]
            }
        )
        return
    if not spans:
        out.print("Nothing to archive: a month is closed when a later record stands behind it.")
        return
    rows = [(*span.lane, span.month, span.first, span.end - span.first) for span in spans]
    print_table(
        ("topic", "partition", "month", "from offset", "records"),
        rows,
        numbers=("partition", "from offset", "records"),
    )


def _tell(done: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "files": [
                    {
                        **file.lane._asdict(),
                        "first": file.first,
                        "end": file.end,
                        "file": file.name,
                        "bytes": file.size,
                        "sha256": file.sha256,
                    }
                    for file in done.files
                ],
                "log_bytes_before": done.size_before,
                "log_bytes_after": done.size_after,
                "log_bytes_reusable": done.reusable,
            }
        )
        return
    if done.files:
        rows = [(file.name, file.end - file.first, _megabytes(file.size)) for file in done.files]
        print_table(("file", "records", "MB"), rows, numbers=("records", "MB"))
    else:
        out.print("Nothing to archive: a month is closed when a later record stands behind it.")
    out.print(f"log.sqlite: {_megabytes(done.size_before)} MB before, {_megabytes(done.size_after)} MB now")
    if done.reusable > MEGABYTE:
        out.print(f"{_megabytes(done.reusable)} MB of it are free for what comes.", style="dim")


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f}"
