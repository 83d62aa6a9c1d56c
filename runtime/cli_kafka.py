"""Commands on Kafka: `topics` of a log, and `kafka up|down|status`, a broker of one's own on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kizuna.schemas.errors import ConfigurationError

from .directory import DataDirectory
from .local_kafka import DEFAULT_PORT, LocalKafka
from .options import DEFAULT_DATA, GROUP_KAFKA, AsJson, Data, SettingsFile, load_settings, told
from .terminal import err, out, print_json, print_table

DEFAULT_FOLDER = Path("kafka")

kafka = typer.Typer(
    help="A Kafka of your own on this machine, to try and to test with.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where its data lies.")]


def register(app: typer.Typer) -> None:
    app.command(help=told(topics), rich_help_panel=GROUP_KAFKA)(topics)
    app.add_typer(kafka, name="kafka", rich_help_panel=GROUP_KAFKA)


def topics(data: Data = DEFAULT_DATA, settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """The topics of a log in Kafka, and what may lose records one day.

    Exit code 1 if there is anything to warn of.
    """
    from kizuna.eventlog.kafka_topics import describe, kept

    directory = DataDirectory(data)
    settings = load_settings(directory, settings_file)
    address = directory.kafka_address(settings.log)
    if not address:
        raise ConfigurationError(
            f"The log of {data.absolute()} is not in Kafka.", hint="Name one: KIZUNA_LOG=kafka://HOST:PORT"
        )
    place = settings.kafka(address)
    described, records = describe(place), kept(place)
    rows = [
        {
            "topic": its.name,
            "partitions": its.partitions,
            "replicas": its.replicas,
            "records": records[name],
            **its.settings,
        }
        for name, its in described.topics.items()
    ]
    warnings = described.warnings()
    if as_json:
        print_json({"address": address, "log_id": described.log_id, "topics": rows, "warnings": warnings})
    else:
        columns = list(rows[0])
        print_table(
            columns,
            [list(row.values()) for row in rows],
            numbers=("partitions", "replicas", "records"),
        )
        for warning in warnings:
            err.print(f"[yellow]![/] {warning}")
    raise typer.Exit(1 if warnings else 0)


@kafka.command()
def up(
    folder: Folder = DEFAULT_FOLDER,
    brokers: Annotated[int, typer.Option(metavar="N", min=1, max=3, help="1, or 3 that replicate.")] = 1,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=1_024, max=60_000, help="Of the first broker.")
    ] = DEFAULT_PORT,
) -> None:
    """Start it, and return when it answers. It runs on until `kizuna kafka down`.

    It needs Java 17 and Maven, which fetches it (43 MB) the first time.
    """
    if brokers == 2:
        raise ConfigurationError("Two brokers hold no majority when one is down.", hint="Take 1, or 3.")
    local = LocalKafka.made(folder, brokers, port)
    with err.status("starting") as shown:
        local.up(lambda text: shown.update(text))
    out.print(f"[green]✓[/] Kafka runs on {local.cluster.addresses}, its data in {folder}")
    err.print(f"Use it: KIZUNA_LOG=kafka://{local.cluster.addresses} kizuna run", markup=False)


@kafka.command()
def down(folder: Folder = DEFAULT_FOLDER) -> None:
    """Stop it. Its data stays, and is there again after `kizuna kafka up`."""
    stopped = _found(folder).down()
    out.print(f"[green]✓[/] Stopped {stopped} broker(s)." if stopped else "No broker ran.")


@kafka.command()
def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Which brokers run, and where. Exit code 1 unless all answer."""
    local = _found(folder)
    rows = [
        {
            "broker": number,
            "address": local.cluster.address(number),
            "pid": local.pid(number),
            "answers": local.answers(number),
        }
        for number in local.cluster.numbers
    ]
    if as_json:
        print_json({"cluster_id": local.cluster.cluster_id, "brokers": rows})
    else:
        for row in rows:
            mark = "[green]✓[/]" if row["answers"] else "[red]✗[/]"
            state = f"process {row['pid']}" if row["pid"] else "does not run"
            out.print(f"{mark} broker {row['broker']} on {row['address']}: {state}")
    raise typer.Exit(0 if all(row["answers"] for row in rows) else 1)


def _found(folder: Path) -> LocalKafka:
    local = LocalKafka.at(folder)
    if local is None:
        raise ConfigurationError(
            f"There is no Kafka in {folder}.", hint="Start one: kizuna kafka up, or name it with --folder."
        )
    return local
