"""Commands on backups: backup, restore."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kizuna.schemas.errors import ConfigurationError

from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_NODE, AsJson, Data, told, typed
from .terminal import err, local, number, out, print_json, progress_bar

if TYPE_CHECKING:
    from .backup_file import Manifest, Progress


def register(app: typer.Typer) -> None:
    for command in (backup, restore):
        app.command(help=told(command), rich_help_panel=GROUP_NODE)(command)


ToFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The file to write, such as shop-2026-01-31.tar.zst.")
]
FromFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file that `kizuna backup` wrote.")]
Force = Annotated[bool, typer.Option("--force", metavar="", help="Replace a file of that name.")]
Check = Annotated[bool, typer.Option("--check", metavar="", help="Only read the backup, from end to end.")]
Promote = Annotated[
    bool, typer.Option("--promote", metavar="", help="Make it the owner at once: the node it is of is gone.")
]


def backup(file: ToFile, data: Data = DEFAULT_DATA, force: Force = False, as_json: AsJson = False) -> None:
    """Write log, workspace key and settings to one file.

    A node may run meanwhile: all that was acknowledged before is in it. Then the file is read back.

    It holds the personal data of everybody, and the key: keep it as safe as the data directory. The store is
    not in it; it is folded anew from the log.
    """
    from . import backup as backups
    from .wiring import clock

    if file.exists() and not force:
        raise ConfigurationError(
            f"{file} is there already.", hint="Choose another name, or replace it with --force."
        )
    if not file.absolute().parent.is_dir():
        raise ConfigurationError(f"{file.absolute().parent} is no folder.", hint="Make it first.")
    with _progress() as progress:
        manifest = backups.write(DataDirectory(data), file, clock(), progress)
    if as_json:
        print_json(_told(manifest, file))
        return
    size = number(file.stat().st_size)
    out.print(f"[green]✓[/] {number(manifest.records)} records in {file}, {size} bytes, read back and whole.")
    err.print(
        "It holds personal data and the workspace key: keep it as safe as the data itself.", style="dim"
    )


def restore(
    file: FromFile,
    data: Data = DEFAULT_DATA,
    check: Check = False,
    promote: Promote = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty data directory.

    It is a replica: it answers, but takes no events in until `kizuna promote` makes it the owner, so that
    never two nodes do the same.
    """
    from . import backup as backups
    from .backup_file import unpack

    if not file.is_file():
        raise ConfigurationError(f"{file} is no file.", hint="Name one that `kizuna backup` wrote.")
    with _progress() as progress:
        manifest = (
            unpack(file, None, progress) if check else backups.restore(file, DataDirectory(data), progress)
        )
    if promote and not check:
        _promote(data)
    if as_json:
        print_json(_told(manifest, file))
        return
    when = local(manifest.made_at)
    what = f"{number(manifest.records)} records, backed up {when} by version {manifest.kizuna}"
    if check:
        out.print(f"[green]✓[/] {file} is whole: {what}.")
        return
    out.print(f"[green]✓[/] {what}, are in {data}.")
    run, promoted = typed("kizuna run", data), typed("kizuna promote", data)
    if promote:
        err.print(f"`{run}` folds them and takes events in.", style="dim", markup=False)
    else:
        err.print(
            f"`{run}` folds and shows them; `{promoted}` lets it take events in, once the node "
            "that they are of is stopped.",
            style="dim",
            markup=False,
        )


def _promote(data: Path) -> None:
    from .options import load_settings
    from .wiring import opened_ownership

    directory = DataDirectory(data)
    with opened_ownership(directory, load_settings(directory)) as ownership:
        ownership.promote()


@contextmanager
def _progress() -> Iterator[Progress]:
    with progress_bar() as bar:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield tell


def _told(manifest: Manifest, file: Path) -> dict[str, object]:
    return {
        "file": str(file),
        "bytes": file.stat().st_size,
        "records": manifest.records,
        **manifest.model_dump(mode="json"),
    }
