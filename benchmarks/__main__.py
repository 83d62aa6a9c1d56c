"""`make bench`: every benchmark, as a table or as JSON.

python -m benchmarks [fold|node|retraction|ids|archive|connections|kafka|scale|week|all] [--events N]
                     [--customers N] [--heavy N] [--ids N] [--connections N] [--hostile N] [--marks N,N]
                     [--profiles N] [--shop N] [--speed N] [--json]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from . import archive, connections, folding, ids, kafka, node, retraction, scale, week
from .measure import Measure

ALL = ("fold", "node", "retraction", "ids", "archive", "connections")
PARTS = (*ALL, "kafka", "scale", "week")
"""`kafka` needs Java; `scale` and `week` take longer than all the others together."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="What Kizuna does on this machine.")
    parser.add_argument("which", nargs="?", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--events", type=int, default=1_000_000, help="length of the stream [1,000,000]")
    parser.add_argument("--customers", type=int, default=200_000, help="customers in it [200,000]")
    parser.add_argument(
        "--heavy",
        type=int,
        default=2_000_000,
        help="events of the customer with the most of them [2,000,000]",
    )
    parser.add_argument("--ids", type=int, default=100_000_000, help="ids of events [100,000,000]")
    parser.add_argument("--connections", type=int, default=5_000, help="connections at once [5,000]")
    parser.add_argument("--hostile", type=int, default=200, help="how many of them are hostile [200]")
    parser.add_argument(
        "--marks",
        type=lambda text: [int(one) for one in text.split(",")],
        default=[1_000_000, 10_000_000, 30_000_000],
        help="events at which the growing store is measured [1000000,10000000,30000000]",
    )
    parser.add_argument("--profiles", type=int, default=1_000_000, help="customers in it [1,000,000]")
    parser.add_argument("--shop", type=int, default=5_000, help="customers of the shop of the week [5,000]")
    parser.add_argument("--speed", type=float, default=100, help="how fast the week goes by [100]")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    if asked.which in ("fold", "all") and asked.events < folding.LEAST:
        parser.error(f"the fold is measured on {folding.LEAST:,} events or more")
    if not 0 < asked.speed <= week.FASTEST:
        parser.error(f"the week goes by at most {week.FASTEST:,.0f} times as fast")
    found = []
    for measure in _measures(asked):
        found.append(measure)
        if not asked.json:
            print(f"{measure.name}: {measure.value:,.1f} {measure.unit}", file=sys.stderr)
    machine = {"python": platform.python_version(), "loop_seconds": round(_loop(), 3)}
    if asked.json:
        print(json.dumps({"machine": machine, "measures": [asdict(one) for one in found]}, indent=2))
    else:
        _show(found, machine)
    return 0


def _measures(asked: argparse.Namespace) -> Iterator[Measure]:
    which = ALL if asked.which == "all" else (asked.which,)
    if "fold" in which:
        yield from folding.run(asked.events, asked.customers)
    if "node" in which:
        yield from node.run(min(asked.events, 300_000), asked.customers)
    if "retraction" in which:
        yield from retraction.run(asked.events, asked.customers, asked.heavy)
    if "ids" in which:
        yield from ids.run(asked.ids)
    if "archive" in which:
        yield from archive.run(asked.events, 1_000)
    if "connections" in which:
        yield from connections.run(asked.connections, asked.hostile)
    if "kafka" in which:
        yield from kafka.run(asked.events, asked.customers)
    if "week" in which:
        yield from week.run(asked.shop, asked.speed)
    if "scale" in which:
        yield from scale.run(asked.marks, asked.profiles)


def _loop() -> float:
    """Seconds of ten million additions in Python: says how fast the machine is now, to compare runs."""
    started = time.perf_counter()
    total = 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - started


def _show(found: list[Measure], machine: dict[str, object]) -> None:
    console = Console(width=150)
    table = Table(
        title=f"Kizuna on Python {machine['python']}; 10,000,000 additions {machine['loop_seconds']} s"
    )
    for column in ("what", "reached", "asked", "aim", "", "of"):
        table.add_column(column, justify="right" if column in ("reached", "asked", "aim") else "left")
    for one in found:
        mark = {True: "✓", False: "✗", None: ""}[one.reached]
        asked = "" if one.asked is None else f"{one.asked:,.0f}"
        aim = "" if one.aim is None else f"{one.aim:,.0f}"
        table.add_row(
            one.name,
            f"{one.value:,.{2 if one.unit == 'times' else 1}f} {one.unit}",
            asked,
            aim,
            mark,
            one.note,
        )
    console.print(table)
    stages = Table(title="Where a batch's time goes, in milliseconds")
    stages.add_column("stage")
    staged = [one for one in found if one.stages]
    for one in staged:
        stages.add_column(one.name, justify="right")
    names = sorted(
        {stage for one in staged for stage in one.stages}, key=lambda name: -staged[0].stages.get(name, 0)
    )
    for name in names:
        stages.add_row(name, *(f"{one.stages.get(name, 0) * 1000:.1f}" for one in staged))
    if staged:
        console.print(stages)


if __name__ == "__main__":
    sys.exit(main())
