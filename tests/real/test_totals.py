"""Totals of a year of invoices are those that SQL over the file gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kizuna.projections import totals
from kizuna.projections.selection import Filter
from kizuna.schemas.definitions import Workspace

from .conftest import World, Worlds
from .test_online_retail import AMOUNT, MONEY, ORDER

LONDON = Workspace(time_zone="Europe/London", currency="GBP")


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    return worlds("online-retail")


def lines(world: World, *filters: Filter, by: tuple[str, ...] = totals.GROUPS) -> list[dict[str, Any]]:
    with world.store.read() as snapshot:
        return totals.list_totals(snapshot, LONDON, by=by, filters=filters, limit=10_000).items


def truth(world: World, where: str = "true") -> list[tuple[Any, ...]]:
    """By day, newest first: orders, refunds, what they moved, and what is left."""
    return world.truth(
        "SELECT day, count(*) FILTER (amount >= 0 AND NOT refund), count(*) FILTER (refund),"
        " coalesce(sum(amount) FILTER (NOT refund), 0), coalesce(sum(amount) FILTER (refund), 0), sum(amount)"
        f" FROM (SELECT Invoice LIKE 'C%' AS refund, min(InvoiceDate)::DATE AS day, sum({AMOUNT}) AS amount"
        f" FROM truth WHERE {MONEY} GROUP BY Invoice) WHERE {where} GROUP BY day ORDER BY day DESC"
    )


def shown(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("day", "orders", "refunds", "gross", "refunded", "net")
    return [tuple(line[name] for name in names) for line in found]


def test_every_day_is_as_in_the_file(world: World) -> None:
    found = lines(world)
    assert shown(found) == truth(world)
    assert len(found) > 300
    assert {(line["store"], line["register"], line["currency"]) for line in found} == {(None, None, "GBP")}


def test_a_month_alone_is_as_in_the_file(world: World) -> None:
    found = lines(world, Filter("day", "gte", "2010-03-01"), Filter("day", "lt", "2010-04-01"))
    assert shown(found) == truth(world, "day BETWEEN '2010-03-01' AND '2010-03-31'")
    assert len(found) > 20


def test_the_year_is_as_in_the_file(world: World) -> None:
    (line,) = lines(world, by=())
    ((orders,),) = world.truth(f"SELECT count(DISTINCT Invoice) FROM truth WHERE {ORDER}")
    assert (line["orders"], line["refunds"], line["net"]) == (orders, 4_592, Decimal("9676036.6540"))
    # The file does not say which order a C invoice is about.
    assert (line["unknown_refunds"], line["unknown_refunded"]) == (line["refunds"], line["refunded"])
