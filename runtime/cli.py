"""The command line: `kizuna COMMAND`. What each command does stands in `cli_*.py`, one file a group."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from kizuna.schemas.errors import KizunaError

from . import (
    cli_access,
    cli_archive,
    cli_backup,
    cli_events,
    cli_failed,
    cli_import,
    cli_imports,
    cli_kafka,
    cli_node,
    cli_simulate,
    cli_totals,
)
from .exit_codes import FAILED, code_of
from .terminal import err, print_error

EXAMPLES = (
    ("kizuna demo", "a living demo shop"),
    ("kizuna run --data ./data --port 8080", "a node of your own"),
    ("kizuna keys create web", "a write key for your web site"),
    ("kizuna import orders.csv --map orders.yaml", "history from a file"),
    ("kizuna status", "what is in it"),
)
EPILOG = "\n".join(["[bold]Examples[/]", *(f"  {line:43} [dim]{what}[/]" for line, what in EXAMPLES)])

app = typer.Typer(
    name="kizuna",
    help="A customer data platform: typed events in, exact live profiles out.",
    epilog=EPILOG,
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for group in (
    cli_node,
    cli_backup,
    cli_archive,
    cli_import,
    cli_imports,
    cli_simulate,
    cli_events,
    cli_totals,
    cli_failed,
    cli_access,
    cli_kafka,
):
    group.register(app)

_debug = False


def _show_version(asked: bool) -> None:
    if asked:
        cli_node.show_versions()
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", metavar="", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help="The version, as `kizuna version`.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    global _debug
    _debug = debug


def main() -> None:
    """Exit codes: 0 done, 1 an error that is told in a line, 2 wrong usage, and those of `exit_codes`."""
    os.umask(0o077)  # what a command writes may hold personal data
    try:
        app()
    except KizunaError as error:
        if _debug:
            raise
        print_error(error)
        sys.exit(code_of(error))
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if _debug:
            raise
        err.print(f"[bold red]error:[/] {error.strerror or error}: {error.filename or ''}".rstrip(": "))
        sys.exit(FAILED)
