"""The status of a data directory, as people read it."""

from __future__ import annotations

from datetime import datetime

from .running_node import Answer
from .terminal import local, number, out, print_table

COUNTS = ("events", "profiles", "companies", "duplicates", "failed_events", "lag")
TERMS = ("records", "events", "duplicates", "failed_events", "repaired", "readmitted", "retracted")


def show(status: Answer) -> None:
    """Counts, then what each source sent, then where the fold stands in the log."""
    for name in COUNTS:
        out.print(f"{name.replace('_', ' '):14} [bold]{number(status[name]):>14}[/]")
    out.print(f"{'as of':14} {local(datetime.fromisoformat(status['as_of'])):>20}")
    if status["role"] == "replica":
        out.print(f"{'role':14} {'replica':>14}  It takes nothing in: `kizuna promote` makes it the owner.")
    if status["sources"]:
        out.print()
        rows = [(one["source"], *(one[term] for term in TERMS)) for one in status["sources"]]
        rows.append(("all of them", *(status["account"][term] for term in TERMS)))
        print_table(("source", *TERMS), rows, numbers=TERMS)
        if status["account"]["adds_up"] is False:
            out.print("[red]The records do not add up.[/] `kizuna rebuild --verify` compares store and log.")
    out.print()
    places = ("generation", "partition", "offset")
    rows = [(one["topic"], *(one[place] for place in places)) for one in status["positions"]]
    print_table(("position", *places), rows, numbers=places)
