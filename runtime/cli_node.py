"""Commands on the node: run, demo, status, rebuild, doctor, version."""

from __future__ import annotations

import platform
import sqlite3
from dataclasses import asdict
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from . import logs
from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_KAFKA, GROUP_NODE, AsJson, Data, SettingsFile, load_settings, told
from .terminal import err, out, print_json, progress_bar


def register(app: typer.Typer) -> None:
    for command in (run, demo, status, rebuild, promote, doctor, version):
        app.command(help=told(command), rich_help_panel=GROUP_NODE)(command)
    app.command(help=told(collector), rich_help_panel=GROUP_KAFKA)(collector)
    app.command(help=told(worker), rich_help_panel=GROUP_KAFKA)(worker)


Host = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless set.", show_default=False),
]
Port = Annotated[
    int | None,
    typer.Option(metavar="PORT", help="Port to listen on; 8080 unless set, 0 for any.", show_default=False),
]


def run(
    data: Data = DEFAULT_DATA, host: Host = None, port: Port = None, settings_file: SettingsFile = None
) -> None:
    """Start a node: collector, API, page and projector on one port.

    SIGTERM or Ctrl-C ends it: what was acknowledged is in the log. A directory has one node at a time.
    """
    from . import node

    directory = DataDirectory(data)
    settings = load_settings(directory, settings_file, host=host, port=port)
    logs.configure(settings.log_level, settings.log_format)
    node.run(directory, settings)


def collector(
    data: Data = DEFAULT_DATA,
    host: Host = None,
    port: Port = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="Processes that share the port.")
    ] = 1,
    settings_file: SettingsFile = None,
) -> None:
    """Take events in, and append them to Kafka; keep nothing.

    In front of `kizuna worker`, on this machine or others. The directory holds the workspace key: copy it
    from the worker's.
    """
    from . import collecting

    directory = DataDirectory(data)
    settings = load_settings(directory, settings_file, host=host, port=port)
    logs.configure(settings.log_level, settings.log_format)
    raise typer.Exit(collecting.run(directory, settings, workers))


def worker(
    data: Data = DEFAULT_DATA, host: Host = None, port: Port = None, settings_file: SettingsFile = None
) -> None:
    """Fold a log in Kafka, and answer: a node that takes no events in.

    A second worker on the same directory stands by, and takes over when the first one ends.
    """
    from . import working

    directory = DataDirectory(data)
    settings = load_settings(directory, settings_file, host=host, port=port)
    logs.configure(settings.log_level, settings.log_format)
    raise typer.Exit(working.run(directory, settings))


def demo(
    data: Data = DEFAULT_DATA,
    host: Host = None,
    port: Port = None,
    rate: Annotated[float, typer.Option(metavar="N", min=0.1, max=5_000, help="Events a second.")] = 3,
    settings_file: SettingsFile = None,
) -> None:
    """Start a node with a living demo shop.

    Some months of history, then customers who come as you watch. A second start on the same directory goes
    on. A directory with other data is left alone.
    """
    from . import demo as shop
    from . import welcome

    directory = DataDirectory(data)
    settings = load_settings(directory, settings_file, host=host, port=port)
    settings = load_settings(directory, settings_file, host=host, port=port, **shop.defaults(settings))
    logs.configure("warning" if settings.log_level == "info" else settings.log_level, settings.log_format)
    err.print(f"Opening the shop in {data.absolute()} ...", style="dim", markup=False)
    shop.run(directory, settings, rate, lambda ready: welcome.show(data, ready))
    err.print("The shop is closed.", style="dim")


def status(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Counts, positions and lag of a data directory.

    It asks the running node. Without one nothing is folded meanwhile: the lag is told as it is.
    """
    from . import status_report
    from .api import opened_api

    with opened_api(DataDirectory(data)) as api:
        status = api.ask("GET", "/api/status")
    if as_json:
        print_json(status)
    else:
        status_report.show(status)


def rebuild(
    data: Data = DEFAULT_DATA,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", metavar="", help="Compare with the live store; where they differ, keep that one."
        ),
    ] = False,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Fold the whole log into a new store, in place of the old one.

    Beside a running node the node does it, and answers questions meanwhile.
    """
    from . import rebuilding

    directory = DataDirectory(data)
    directory.require()
    with progress_bar() as bar:
        task = bar.add_task("folding", total=None)
        report = rebuilding.rebuild(
            directory,
            load_settings(directory, settings_file),
            verify=verify,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(report)
    else:
        rebuilding.show(report)
    raise typer.Exit(1 if report["differences"] else 0)


def promote(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Make this store the owner of its log, so that it takes events.

    Data that was restored from a backup, or copied, is a replica until then, so that never two nodes do the
    same. Stop the node that it came from first.
    """
    from .api import opened_api

    with opened_api(DataDirectory(data)) as api:
        owner = api.ask("POST", "/api/promote")
    if as_json:
        print_json(owner)
    else:
        out.print(f"[green]✓[/] This store owns its log, as number {owner['epoch']} of those that did.")


def doctor(
    data: Data = DEFAULT_DATA,
    deep: Annotated[
        bool,
        typer.Option("--deep", metavar="", help="Read every record too, and hash what was archived."),
    ] = False,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong, and say what to do.

    It looks at directory, disk, clock, key, log, archive, store and port. Exit code 1 if anything is wrong.
    """
    from . import running_node
    from .doctor import Patient, examine
    from .wiring import clock, open_log

    directory = DataDirectory(data)
    settings = load_settings(directory, settings_file)
    running = running_node.find(directory)
    patient = Patient(
        directory,
        settings,
        open_log=lambda: open_log(directory, settings),
        now=clock(),
        address=running.address if running else None,
        deep=deep,
    )
    findings = list(examine(patient))
    if as_json:
        print_json({"findings": [asdict(one) for one in findings]})
    else:
        marks = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[red]✗[/]"}
        for one in findings:
            out.print(f"{marks[one.verdict]} [bold]{one.check:14}[/] {one.found}")
            if one.advice:
                out.print(f"  {'':14} → {one.advice}", style="dim")
    raise typer.Exit(1 if any(one.verdict == "bad" for one in findings) else 0)


def version(as_json: AsJson = False) -> None:
    """The version of Kizuna, and of what it stands on."""
    show_versions(as_json=as_json)


def show_versions(*, as_json: bool = False) -> None:
    versions = {
        "kizuna": version_of("kizuna"),
        "python": platform.python_version(),
        "duckdb": version_of("duckdb"),
        "sqlite": sqlite3.sqlite_version,
    }
    if as_json:
        print_json(versions)
    else:
        for name, its in versions.items():
            out.print(f"{name:7} {its}")
