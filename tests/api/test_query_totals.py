"""Totals over HTTP: one business day of two registers and a web shop, added up by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kizuna.schemas.admission import Accepted
from kizuna.schemas.refusal import Refusal
from tests.api.query_node import QueryNode, query_node
from tests.folding import NOW

ZERO = {
    "orders": 0,
    "voids": 0,
    "cancellations": 0,
    "refunds": 0,
    "unknown_refunds": 0,
    "payments": 0,
    "payment_refunds": 0,
    "gross": "0",
    "voided": "0",
    "cancelled": "0",
    "refunded": "0",
    "unknown_refunded": "0",
    "net": "0",
    "discounts": "0",
    "tax": "0",
    "points_used": "0",
    "paid": "0",
    "paid_back": "0",
    "tenders": [],
}
TILL = {"source": "till-1", "store": "S1", "currency": "JPY"}
ONE, TWO = ({**TILL, "register": register} for register in "12")
TENTH, ELEVENTH = "2026-04-10", "2026-04-11"


def told(verb: str, order: str, time: str, register: str = "", **properties: Any) -> dict[str, Any]:
    """An event of an order, at a time of Tokyo such as `10 09:30`."""
    day, clock = time.split()
    place = {"place": {"store": "S1", "register": register}} if register else {}
    return {
        "type": f"order.{verb}",
        "occurred_at": f"2026-04-{day}T{clock}:00+09:00",
        "message_id": f"{order} {verb} {time}",
        "properties": {"order_id": order, **properties},
        **place,
    }


def sale(order: str, time: str, register: str, total: str, tenders: str, **more: Any) -> dict[str, Any]:
    """`tenders` as `cash 500 card 200`."""
    words = iter(tenders.split())
    paid = [{"method": method, "amount": amount} for method, amount in zip(words, words, strict=True)]
    given = {"currency": "JPY", "total": total, "tenders": paid, **more}
    return told("completed", order, time, register, **given)


def of_nobody(time: str, register: str, amount: str, **more: Any) -> dict[str, Any]:
    item = told("refunded", "-", time, register, currency="JPY", amount=amount, **more)
    del item["properties"]["order_id"]
    return item


def taken(results: Sequence[Accepted | Refusal]) -> list[str]:
    """The ids of events, all of them accepted."""
    return [str(one.event_id) for one in results if isinstance(one, Accepted)]


def the_day(node: QueryNode) -> None:
    line = {"product_id": "P-1", "unit_price": "1400", "quantity": "2", "discount": "100"}
    first = sale("A1", "10 09:00", "1", "1000", "cash 1000", tax="91")
    node.submit(
        first,
        first,
        sale(
            "A2",
            "10 12:00",
            "1",
            "2500",
            "points 500 card 2000",
            tax="227",
            lines=[line],
            discount="200",
            points_used="500",
        ),
        # It was paid in cash after all.
        told(
            "updated",
            "A2",
            "10 19:00",
            "1",
            tenders=[{"method": "cash", "amount": "2000"}, {"method": "points", "amount": "500"}],
        ),
        sale("A3", "10 13:00", "1", "800", "cash 800", tax="73"),
        told("updated", "A3", "10 13:05", "1", void=True),
        sale("A4", "10 14:00", "1", "300", "cash 300", void=True),
        told("cancelled", "A4", "10 14:05", "1"),
        sale("A5", "10 15:00", "1", "4000", "card 4000"),
        told("cancelled", "A5", "10 16:00", "1"),
        told("refunded", "A1", "10 17:00", "1", currency="JPY", amount="400"),
        of_nobody("10 18:00", "1", "150"),
        sale("A6", "11 00:40", "1", "600", "cash 600", tax="55", business_date=TENTH),
        of_nobody("11 00:50", "1", "20", business_date=TENTH),
        sale("A10", "11 00:30", "1", "90", "cash 90"),
        sale("A11", "10 10:00", "1", "10", "card 10", currency="USD"),
        {**sale("A9", "10 10:00", "1", "5000", "cash 5000"), "test": True},
        sale("B1", "10 10:00", "2", "1200", "cash 1200", tax="109"),
        # One of two is left out, and the other one a little cheaper.
        told(
            "updated",
            "B1",
            "10 12:00",
            "2",
            total="550",
            tax="50",
            tenders=[{"method": "cash", "amount": "550"}],
            lines=[{**line, "unit_price": "600", "quantity": "1", "discount": "50"}],
        ),
        sale("B2", "10 11:00", "2", "900", "card 900", tax="82"),
        told("refunded", "B2", "10 11:30", "2", currency="JPY", amount="900"),
        told("cancelled", "B2", "10 20:00", "2"),
        # Nothing else happened at this till on that day.
        told("updated", "A6", "12 09:00", "1", tenders=[{"method": "card", "amount": "600"}]),
        # What moves nothing makes no line: neither an address nor the cancellation of nothing known.
        told("updated", "B1", "12 10:00", "2", receipt_number="R-1"),
        told("cancelled", "X1", "12 10:00", "2"),
        source="till-1",
    )
    (mistake,) = taken(node.submit(sale("A8", "10 10:10", "1", "9999", "cash 9999"), source="till-1"))
    payment = {"payment_id": "p-1", "order_id": "W1", "amount": "3000", "currency": "JPY", "method": "card"}
    node.submit(
        {**sale("W1", "11 01:00", "", "3000", ""), "channel": "web"},
        {"type": "payment.succeeded", "occurred_at": "2026-04-10T16:01:00Z", "properties": payment},
        {
            "type": "payment.refunded",
            "occurred_at": "2026-04-11T16:01:00Z",
            "properties": {**payment, "amount": "1000"},
        },
        source="web",
    )
    node.fold()
    # The next morning: a sale that was rung up while the line was down, and the mistake is taken out.
    late = sale("A7", "10 11:00", "1", "700", "cash 700", tax="64")
    retracted = {"type": "event.retracted", "properties": {"event_id": mistake}}
    node.submit(late, retracted, source="till-1", received_at=NOW + timedelta(hours=9))
    node.fold()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryNode]:
    with query_node(tmp_path_factory.mktemp("till")) as node:
        the_day(node)
        yield node


def tendered(**amounts: str) -> list[dict[str, str]]:
    return [{"method": method, "amount": amounts[method]} for method in sorted(amounts)]


REGISTER_ONE = {
    **ZERO,
    # A1 to A7 but the retracted A8 and the test A9; A10 has no business day of the tenth.
    "orders": 7,
    "gross": str(1000 + 2500 + 800 + 300 + 4000 + 600 + 700),
    "voids": 2,
    "voided": str(-800 - 300),
    "cancellations": 1,
    "cancelled": "-4000",
    "refunds": 3,
    "refunded": str(-400 - 150 - 20),
    "unknown_refunds": 2,
    "unknown_refunded": str(-150 - 20),
    "net": str(1000 - 400 + 2500 + 600 + 700 - 150 - 20),
    "discounts": "300",
    "tax": str(91 + 227 + 55 + 64),
    "points_used": "500",
    "tenders": tendered(cash=str(1000 + 2000 + 600 + 700), points="500"),
}
REGISTER_TWO = {
    **ZERO,
    "orders": 2,
    "gross": str(1200 - 650 + 900),
    "cancellations": 1,
    "refunds": 1,
    "refunded": "-900",
    "net": "550",
    "discounts": "50",
    "tax": "50",
    "tenders": tendered(cash="550"),
}
DOLLARS = {**ZERO, "orders": 1, "gross": "10", "net": "10", "tenders": tendered(card="10")}
NEXT_DAY = {**ZERO, "orders": 1, "gross": "90", "net": "90", "tenders": tendered(cash="90")}
WEB = {**ZERO, "orders": 1, "gross": "3000", "net": "3000", "payments": 1, "paid": "3000"}
NOWHERE = {"source": "web", "store": None, "register": None, "currency": "JPY"}


def test_a_till_can_be_reconciled(node: QueryNode) -> None:
    assert node.get("/api/totals", **{"day": TENTH, "register": "1", "currency": "JPY"})["items"] == [
        {"day": TENTH, **ONE, **REGISTER_ONE}
    ]
    one = node.get("/api/totals", day=TENTH, register="2")["items"]
    assert one == [{"day": TENTH, **TWO, **REGISTER_TWO}]


def test_every_day_source_store_register_and_currency_has_a_line(node: QueryNode) -> None:
    expected = [
        {"day": "2026-04-12", **ONE, **ZERO, "tenders": tendered(card="600", cash="-600")},
        {"day": "2026-04-12", **NOWHERE, **ZERO, "payment_refunds": 1, "paid_back": "-1000"},
        {"day": ELEVENTH, **ONE, **NEXT_DAY},
        {"day": ELEVENTH, **NOWHERE, **WEB},
        {"day": TENTH, **ONE, **REGISTER_ONE},
        {"day": TENTH, **ONE, "currency": "USD", **DOLLARS},
        {"day": TENTH, **TWO, **REGISTER_TWO},
    ]
    whole = node.get("/api/totals")
    assert whole["items"] == expected
    assert whole["next_cursor"] is None
    assert whole["as_of"]
    for limit in (1, 2, 4):
        assert node.pages("/api/totals", limit) == expected


@pytest.mark.parametrize(
    ("asked", "orders"),
    [
        ({"day.gte": ELEVENTH}, [0, 0, 1, 1]),
        ({"day.gt": TENTH}, [0, 0, 1, 1]),
        ({"day.lte": TENTH}, [7, 1, 2]),
        ({"day.lt": ELEVENTH, "currency": "USD"}, [1]),
        ({"day.gte": TENTH, "day.lte": ELEVENTH, "source": "web"}, [1]),
        ({"store": "S1", "day": ELEVENTH}, [1]),
        ({"store": "S2"}, []),
        ({"day": "0001-01-01"}, []),
        ({"day": "9999-12-31"}, []),
    ],
)
def test_lines_are_filtered(node: QueryNode, asked: dict[str, str], orders: list[int]) -> None:
    assert [one["orders"] for one in node.get("/api/totals", **asked)["items"]] == orders


def added(lines: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Every figure of lines of one currency."""
    total: Counter[tuple[Any, ...]] = Counter()
    for line in lines:
        for name in ZERO.keys() - {"tenders"}:
            total[line["currency"], name] += Decimal(line[name])  # type: ignore[assignment]
        for one in line["tenders"]:
            total[line["currency"], "tender", one["method"]] += Decimal(one["amount"])  # type: ignore[assignment]
    return Counter({name: figure for name, figure in total.items() if figure})


def test_groups_add_up_to_the_same(node: QueryNode) -> None:
    whole = added(node.get("/api/totals")["items"])
    assert whole["JPY", "net"] == int(REGISTER_ONE["net"]) + 550 + 90 + 3000  # type: ignore[call-overload]
    for by, lines in (("", 2), ("day", 4), ("source", 3), ("store,register", 4), ("day, register", 7)):
        found = node.get("/api/totals", by=by)["items"]
        assert len(found) == lines, by
        assert added(found) == whole
        names = {name.strip() for name in by.split(",") if name}
        assert {*found[0]} == {*ZERO, "currency", *names}
        assert node.pages("/api/totals", 1, by=by) == found


def test_totals_are_those_of_the_statistics(node: QueryNode) -> None:
    orders = node.get("/api/stats")["orders"]["by_currency"]
    for line, of_all in zip(node.get("/api/totals", by="")["items"], orders, strict=True):
        assert line["currency"] == of_all["currency"]
        assert line["orders"] - line["voids"] == of_all["orders"]
        assert Decimal(line["gross"]) + Decimal(line["voided"]) == Decimal(of_all["gross"])
        for name in ("refunds", "refunded", "cancelled", "net"):
            assert line[name] == of_all[name]


def test_an_order_tells_the_movements_that_moved(node: QueryNode) -> None:
    """What moves nothing has its row for the sake of totals, and is no news of the order."""
    (order,) = node.get("/api/orders", id="B2")["items"]
    told = node.get(f"/api/orders/{order['entity_id']}")
    assert [(one["type"], one["amount"]) for one in told["movements"]] == [
        ("order.completed", "900"),
        ("order.refunded", "-900"),
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"by": "day,shop"}, "by takes day, source, store, register"),
        ({"day": "today"}, "give a day such as 2026-01-31"),
        ({"till": "1"}, "there is no till to filter by: use day, source, store, register, currency"),
        ({"cursor": "x"}, "the cursor does not belong to this list"),
    ],
)
def test_what_cannot_be_asked_is_told(node: QueryNode, asked: dict[str, str], message: str) -> None:
    error = node.ask("GET", "/api/totals", 422, params=asked)["error"]
    assert message in error["message"]


def test_a_retraction_is_undone(tmp_path: Path) -> None:
    with query_node(tmp_path) as node:
        (rung_up,) = taken(node.submit(sale("A1", "10 10:00", "1", "100", "cash 100"), source="till-1"))
        item = {"type": "event.retracted", "properties": {"event_id": rung_up}}
        (retraction,) = taken(node.submit(item, received_at=NOW + timedelta(minutes=1)))
        node.fold()
        assert node.get("/api/totals")["items"] == []
        again = {"type": "event.retracted", "properties": {"event_id": retraction}}
        node.submit(again, received_at=NOW + timedelta(minutes=2))
        node.fold()
        assert [one["gross"] for one in node.get("/api/totals")["items"]] == ["100"]
