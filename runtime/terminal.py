"""What the commands print: answers on standard output, errors and progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from kizuna.schemas.errors import KizunaError

WIDE = 240
"""Columns where no terminal says how many: whoever reads a file or pipe wants a row in one line."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(answer: object) -> None:
    """One JSON document, indented for people where a person looks."""
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    sys.stdout.write(orjson.dumps(answer, option=option, default=str).decode() + "\n")
    sys.stdout.flush()


def print_json_line(answer: object) -> None:
    """One line of a stream of JSON documents, written at once."""
    sys.stdout.write(orjson.dumps(answer, default=str).decode() + "\n")
    sys.stdout.flush()


def print_error(error: KizunaError) -> None:
    """What went wrong, and below it what to do."""
    message = str(error).removesuffix(error.hint).rstrip() if error.hint else str(error)
    err.print(Text.assemble(("error: ", "bold red"), message))
    if error.hint:
        err.print(Text.assemble(("  hint: ", "bold"), error.hint))


def tell_made(path: Path) -> None:
    """On standard error: a command has made a workspace, perhaps not where it was meant to be."""
    err.print(f"made a new workspace in {path}", markup=False)


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    numbers: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """A plain table; the columns named in `numbers` stand to the right, those in `whole` are never broken.
    A file or pipe gets each row in one line, however long."""
    cells = [[number(cell) for cell in row] for row in rows]
    if not out.is_terminal:
        _print_lines(columns, cells, numbers)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            Text(column),
            justify="right" if column in numbers else "left",
            overflow="fold",
            no_wrap=column in whole,
            min_width=max((cell_len(row[columns.index(column)]) for row in cells), default=0)
            if column in whole
            else None,
        )
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    out.print(table)


def _print_lines(columns: Sequence[str], cells: Sequence[Sequence[str]], numbers: Sequence[str]) -> None:
    lines = [list(columns), *([" ".join(cell.split()) for cell in row] for row in cells)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        set_out = (
            gap + cell if column in numbers else cell + gap
            for column, cell, gap in zip(columns, line, gaps, strict=True)
        )
        out.print("  ".join(set_out).rstrip(), markup=False)


def number(value: object) -> str:
    """Thousands set apart; text as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def local(moment: datetime) -> str:
    """A moment in the terminal's own time zone, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


class DoneColumn(ProgressColumn):
    """Steps done, of those there are; nothing before either is known."""

    def render(self, task: Task) -> Text:
        if not task.completed and not task.total:
            return Text()
        total = f" of {task.total:,.0f}" if task.total else ""
        return Text(f"{task.completed:,.0f}{total}")


class RateColumn(ProgressColumn):
    """Steps a second, since the start."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="green")


def progress_bar() -> Progress:
    """Done, rate and time left, on standard error; nothing where nobody looks."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DoneColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
