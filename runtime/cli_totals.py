"""The command on totals: what a till is reconciled with at closing time."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from kizuna.schemas.errors import ConfigurationError

from .asking import listed
from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_EVENTS, AsJson, Data, told
from .terminal import err, print_json, print_table

GROUPS = ("day", "source", "store", "register")
NUMBERS = (
    "orders",
    "gross",
    "voids",
    "voided",
    "cancellations",
    "cancelled",
    "refunds",
    "refunded",
    "net",
    "unknown_refunds",
    "unknown_refunded",
    "discounts",
    "tax",
    "points_used",
    "payments",
    "paid",
    "payment_refunds",
    "paid_back",
)
ALWAYS = ("orders", "gross", "net")
"""Other columns are left out of the table where nothing stands in them."""

MOST = 10_000

Day = Annotated[datetime | None, typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="This business day.")]
Since = Annotated[
    datetime | None, typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="From this business day on.")
]
Until = Annotated[
    datetime | None,
    typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="Up to this business day, with it."),
]
Row = Mapping[str, Any]


def register(app: typer.Typer) -> None:
    app.command(help=told(totals), rich_help_panel=GROUP_EVENTS)(totals)


def totals(
    data: Data = DEFAULT_DATA,
    day: Day = None,
    since: Since = None,
    until: Until = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Of this source.")] = None,
    store: Annotated[str | None, typer.Option(metavar="ID", help="Of this store.")] = None,
    till: Annotated[str | None, typer.Option("--register", metavar="ID", help="Of this register.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="In this currency.")] = None,
    by: Annotated[
        str, typer.Option(metavar="NAMES", help="A line for each of these, with commas between.")
    ] = ",".join(GROUPS),
    as_json: AsJson = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", metavar="", help="Answer as CSV, for a spreadsheet.")
    ] = False,
) -> None:
    """Totals of tills and shops, newest business day first.

    Orders, what was voided, cancelled and refunded, what is left, tax and discounts, and how it was paid.
    Columns with nothing in them are left out of the table. Without days all orders are read.
    """
    from .api import opened_api

    if as_json and as_csv:
        raise ConfigurationError("--json and --csv are two answers.", hint="Give one of them.")
    given = {
        "day.eq": day and day.date().isoformat(),
        "day.gte": since and since.date().isoformat(),
        "day.lte": until and until.date().isoformat(),
        "source": source,
        "store": store,
        "register": till,
        "currency": currency,
    }
    asked = {name: str(value) for name, value in given.items() if value is not None}
    with opened_api(DataDirectory(data)) as api:
        rows = list(listed(api, "/api/totals", {**asked, "by": by}, MOST + 1))
    if len(rows) > MOST:
        raise ConfigurationError(
            f"There are more than {MOST:,} lines.", hint="Ask for fewer days, or group with --by."
        )
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(by, rows)
    elif not rows:
        err.print("There is nothing.")
    else:
        _print(by, rows)


def _print(by: str, rows: Sequence[Row]) -> None:
    names = [name for name in NUMBERS if name in ALWAYS or any(Decimal(row[name]) for row in rows)]
    methods = _methods(rows)
    keys = _keys(by)
    print_table(
        (*keys, *names, *methods),
        [
            [
                *("" if row[key] is None else row[key] for key in keys),
                *(_figure(row[name]) for name in names),
                *(_figure(_paid(row, method)) for method in methods),
            ]
            for row in rows
        ],
        numbers=(*names, *methods),
        whole=keys[:1],
    )


def _print_csv(by: str, rows: Sequence[Row]) -> None:
    """All columns, whatever is in them; amounts as the API tells them."""
    keys, methods = _keys(by), _methods(rows)
    written = csv.writer(sys.stdout, lineterminator="\n")
    written.writerow([*keys, *NUMBERS, *(_text(f"tender {method}") for method in methods)])
    for row in rows:
        written.writerow(
            [
                *(_text(row[key]) for key in keys),
                *(row[name] for name in NUMBERS),
                *(_paid(row, method) for method in methods),
            ]
        )


def _keys(by: str) -> tuple[str, ...]:
    asked = {one.strip() for one in by.split(",")}
    return (*(name for name in GROUPS if name in asked), "currency")


def _methods(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({one["method"] for row in rows for one in row["tenders"]}))


def _paid(row: Row, method: str) -> str:
    return next((one["amount"] for one in row["tenders"] if one["method"] == method), "0")


def _figure(value: str | int) -> str:
    """Thousands set apart."""
    return f"{Decimal(value):,f}"


def _text(value: str | None) -> str:
    """What a sender wrote: a spreadsheet must not take it for a formula."""
    text = value or ""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
