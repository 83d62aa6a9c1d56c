"""Timelines and entities with their histories and ledgers, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.api.april import at, event, numbers, shown
from tests.api.query_node import QueryNode, query_node
from tests.folding import NOW


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path) as node:
        yield node


def ids(results: list[Any]) -> list[str]:
    return [str(one.event_id) for one in results]


def test_a_timeline_is_newest_first_by_history(node: QueryNode) -> None:
    early = node.submit(*(event("page.viewed", 3, {"path": f"/{n}"}, "u-1") for n in range(6)))
    late = node.submit(
        event("product.viewed", 1, {"product_id": "P-1"}, "u-1"),
        event("page.viewed", 4, {"path": "/late"}, "u-1"),
        event("page.viewed", 3, {"path": "/elsewhere"}, "u-2"),
        received_at=NOW + timedelta(seconds=1),
    )
    node.fold()
    profile = node.look_up("user_id", "u-1")["id"]
    path = f"/api/profiles/{profile}/timeline"
    # Of events at one moment, the one received last is the newest.
    expected = [ids(late)[1], *reversed(ids(early)), ids(late)[0]]
    for limit in (1, 2, 7, 50):
        assert [one["event_id"] for one in node.pages(path, limit)] == expected
    assert [one["event_id"] for one in node.pages(path, 1, type="product.viewed")] == [ids(late)[0]]
    both = node.pages(path, 3, type=["product.viewed", "page.viewed"])
    assert [one["event_id"] for one in both] == expected
    assert node.pages(path, 3, type="order.completed") == []
    cursor = node.get(path, limit=2)["next_cursor"]
    node.ask("GET", path, 422, params={"cursor": cursor, "type": "page.viewed"})


def test_an_event_shows_all_that_it_said(node: QueryNode) -> None:
    item = {
        "type": "order.completed",
        "message_id": "m-1",
        "occurred_at": "2026-04-03T18:00:00+09:00",
        "ids": {"user_id": "u-1", "card": "4711"},
        "properties": {"order_id": "A-1", "total": "10", "currency": "JPY", "colour": "red"},
        "context": {"locale": "ja-JP"},
        "place": {"store": "ginza", "register": "2"},
        "channel": "store",
        "actor": {"kind": "staff", "id": "S-3"},
    }
    (result,) = node.submit(item)
    node.fold()
    profile = node.look_up("user_id", "u-1")["id"]
    (shown,) = node.get(f"/api/profiles/{profile}/timeline")["items"]
    assert shown == {
        "event_id": str(result.event_id),  # type: ignore[union-attr]
        "type": "order.completed",
        "version": 1,
        "occurred_at": "2026-04-03T09:00:00.000000Z",
        "received_at": "2026-05-01T12:00:00.000000Z",
        "recorded_at": "2026-05-01T12:00:00.000000Z",
        "source": "shop",
        "rights": "secret",
        "test": False,
        "ids": [{"kind": "user_id", "value": "u-1"}, {"kind": "card", "value": "4711"}],
        "entities": [{"kind": "order", "namespace": "shop", "id": "A-1"}],
        "properties": {"order_id": "A-1", "total": "10.0000", "currency": "JPY", "colour": "red"}
        | {"lines": []},
        "context": {"locale": "ja-JP"},
        "place": {"store": "ginza", "register": "2"},
        "channel": "store",
        "actor": {"kind": "staff", "id": "S-3"},
    }


def test_events_of_nobody_join_whom_their_entity_belongs_to(node: QueryNode) -> None:
    (opened, solved) = node.submit(
        event("ticket.opened", 1, {"ticket_id": "T-1"}),
        event("ticket.solved", 3, {"ticket_id": "T-1"}),
    )
    node.fold()
    (ticket,) = node.get("/api/tickets")["items"]
    assert ticket["profile_id"] is None
    (named,) = node.submit(event("ticket.replied", 2, {"ticket_id": "T-1", "author": "customer"}, "u-1"))
    node.fold()
    profile = node.look_up("user_id", "u-1")["id"]
    timeline = node.get(f"/api/profiles/{profile}/timeline")["items"]
    assert [one["event_id"] for one in timeline] == ids([solved, named, opened])
    (ticket,) = node.get("/api/tickets", profile_id=profile)["items"]
    assert (ticket["profile_id"], ticket["status"], ticket["replies"]) == (profile, "solved", 1)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryNode]:
    """For questions only. Order A-n is of day n and 100 n yen: to A-4 of u-1, A-5 of K-9, A-9 in EUR."""
    with query_node(tmp_path_factory.mktemp("orders")) as node:
        for n in range(1, 10):
            lines = [{"product_id": "P-1", "quantity": n, "unit_price": "100"}]
            properties = {
                "order_id": f"A-{n}",
                "lines": lines,
                "currency": "EUR" if n == 9 else "JPY",
                "receipt_number": f"r{n}",
            }
            about = {"entities": [{"kind": "company", "id": "K-9"}]} if n == 5 else {}
            node.submit(event("order.completed", n, properties, "u-1" if n <= 4 else "", **about))
        node.submit(
            event("order.updated", 10, {"order_id": "A-2", "total": "250"}),
            event("order.refunded", 11, {"order_id": "A-2", "amount": "50", "currency": "JPY"}),
            event("order.cancelled", 12, {"order_id": "A-3"}),
            event("order.refunded", 13, {"order_id": "A-77", "amount": "5", "currency": "JPY"}, "u-2"),
        )
        node.fold()
        yield node


def test_orders_are_listed_newest_first_and_page_by_page(orders: QueryNode) -> None:
    expected = [f"A-{n}" for n in range(9, 0, -1)] + ["A-77"]  # of A-77 no completion is known
    for limit in (1, 4, 10, 50):
        assert numbers(orders.pages("/api/orders", limit)) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"id": "A-4"}, ["A-4"]),
        ({"status": "cancelled"}, ["A-3"]),
        ({"status": "partially_refunded"}, ["A-2"]),
        ({"status.ne": "completed"}, ["A-3", "A-2", "A-77"]),
        ({"net_total.gte": "700"}, ["A-9", "A-8", "A-7"]),
        ({"net_total.lt": "0"}, ["A-77"]),
        ({"currency": "EUR"}, ["A-9"]),
        (
            {"completed_at.gte": "2026-04-07T00:00:00Z", "completed_at.lt": "2026-04-09T00:00:00Z"},
            ["A-8", "A-7"],
        ),
        ({"receipt_number": "r6"}, ["A-6"]),
        ({"source": "elsewhere"}, []),
        ({"profile_id": "0" * 32}, []),
    ],
)
def test_orders_are_filtered(orders: QueryNode, params: dict[str, str], expected: list[str]) -> None:
    assert numbers(orders.pages("/api/orders", 2, **params)) == expected


def test_orders_belong_to_persons_and_companies(orders: QueryNode) -> None:
    person = orders.look_up("user_id", "u-1")["id"]
    company = orders.look_up("company", "K-9")["id"]
    assert numbers(orders.pages("/api/orders", 3, profile_id=person)) == ["A-4", "A-3", "A-2", "A-1"]
    (of_company,) = orders.get("/api/orders", company_profile_id=company)["items"]
    assert (of_company["id"], of_company["profile_id"], of_company["company_profile_id"]) == (
        "A-5",
        None,
        company,
    )


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("/api/orders", {"lines": "[]"}, "there is no lines to filter by"),
        ("/api/orders", {"net_total.gte": "much"}, "give a number"),
        ("/api/orders", {"profile_id": "hana"}, "query.profile_id"),
        ("/api/visits", {"duration_minutes": "1.5"}, "give a whole number"),
        ("/api/contracts", {"ends_on.lt": "soon"}, "give a day"),
        ("/api/contracts", {"auto_renew": "yes"}, "give true or false"),
        ("/api/failed-events", {"colour": "red"}, "there is no colour to filter by"),
        ("/api/orders/none", {}, "path.entity_id"),
    ],
)
def test_a_list_says_what_it_does_not_understand(
    orders: QueryNode, path: str, params: dict[str, str], said: str
) -> None:
    assert said in orders.ask("GET", path, 422, params=params)["error"]["message"]


def test_an_order_has_its_lines_its_history_and_its_ledger(orders: QueryNode) -> None:
    (listed,) = orders.get("/api/orders", id="A-2")["items"]
    order = orders.get(f"/api/orders/{listed['entity_id']}")
    assert {name: order[name] for name in listed} == listed
    assert "lines" not in listed
    assert [(line["product_id"], Decimal(line["quantity"])) for line in order["lines"]] == [
        ("P-1", Decimal(2))
    ]
    assert (order["total"], order["refunded"], order["net_total"]) == ("250", "50", "200")
    assert [one["type"] for one in order["history"]] == ["order.refunded", "order.updated", "order.completed"]
    moved = [(one["type"], one["amount"], one["occurred_at"]) for one in order["movements"]]
    assert moved == [
        ("order.completed", "200", shown(2)),
        ("order.updated", "50", shown(10)),
        ("order.refunded", "-50", shown(11)),
    ]
    error = orders.ask("GET", f"/api/orders/{'0' * 32}", 404)["error"]
    assert "?id=" in error["hint"]
    orders.ask("GET", f"/api/tickets/{listed['entity_id']}", 404)


def test_deals_visits_contracts_and_tasks_tell_their_histories(node: QueryNode) -> None:
    deal = {"deal_id": "D-1", "company_id": "K-9"}
    node.submit(
        event("deal.created", 1, {**deal, "stage": "new", "amount": "900", "currency": "JPY"}),
        event("deal.stage_changed", 3, {**deal, "stage": "proposal"}),
        event("deal.stage_changed", 2, {**deal, "stage": "qualified"}),
        event("visit.booked", 1, {"visit_id": "V-1", "starts_at": at(20), "menu": [{"name": "Cut"}]}, "u-1"),
        event("contract.signed", 1, {"contract_id": "C-1", "company_id": "K-9", "ends_on": "2027-03-31"}),
        event("task.created", 1, {"task_id": "T-1", "title": "Call", "due_at": at(9)}),
        event("task.completed", 2, {"task_id": "T-1"}),
    )
    node.fold()
    company = node.look_up("company", "K-9")["id"]
    (one,) = node.get("/api/deals", company_profile_id=company)["items"]
    whole = node.get(f"/api/deals/{one['entity_id']}")
    assert (whole["stage"], whole["amount"], whole["status"]) == ("proposal", "900", "open")
    stages = [event["properties"]["stage"] for event in whole["history"]]
    assert stages == ["proposal", "qualified", "new"]
    (visit,) = node.get("/api/visits")["items"]
    assert node.get(f"/api/visits/{visit['entity_id']}")["menu"] == [{"name": "Cut"}]
    (contract,) = node.get("/api/contracts")["items"]
    assert (contract["ends_on"], contract["company_profile_id"]) == ("2027-03-31", company)
    (task,) = node.get("/api/tasks")["items"]
    assert (task["status"], task["due_at"]) == ("completed", shown(9))


def test_what_other_events_say_is_not_said_of_the_thing(node: QueryNode) -> None:
    """An event of another family belongs to the history of the thing, and changes nothing but its time."""
    dollars = {"amount": "1", "currency": "USD"}
    node.submit(
        event("order.completed", 1, {"order_id": "A-1", "currency": "JPY", "total": 900, "staff_id": "S-1"}),
        event("payment.succeeded", 2, {"payment_id": "P-1", "order_id": "A-1", **dollars}),
        event("coupon.redeemed", 3, {"code": "X", "order_id": "A-1", "discount": "5", "currency": "USD"}),
        event("note.added", 4, {"text": "late", "order_id": "A-1", "staff_id": "S-2"})
        | {"place": {"store": "office"}},
        event("order.refunded", 5, {"order_id": "A-1", "amount": 100, "currency": "JPY"}),
        event("deal.created", 1, {"deal_id": "D-1", "amount": "900", "currency": "JPY"}),
        event("deal.lost", 2, {"deal_id": "D-1"}),
        event("quote.created", 3, {"quote_id": "Q-1", "deal_id": "D-1", **dollars}),
        event("contract.signed", 1, {"contract_id": "C-1", "amount": "900", "currency": "JPY"}),
        event("invoice.paid", 2, {"invoice_id": "I-1", "contract_id": "C-1", **dollars}),
        event("ticket.opened", 1, {"ticket_id": "T-1", "category": "delivery"}),
        event("complaint.received", 2, {"complaint_id": "CP", "ticket_id": "T-1", "category": "tone"}),
    )
    node.fold()
    (order,) = node.get("/api/orders")["items"]
    assert [order[name] for name in ("currency", "discount", "staff_id", "store", "net_total")] == [
        *("JPY", None, "S-1", None, "800"),
    ]
    whole = node.get(f"/api/orders/{order['entity_id']}")
    assert len(whole["history"]) == 5
    assert {one["currency"] for one in whole["movements"]} == {"JPY"}
    (deal,) = node.get("/api/deals")["items"]
    assert (deal["status"], deal["amount"], deal["currency"]) == ("lost", "900", "JPY")
    (contract,) = node.get("/api/contracts")["items"]
    assert (contract["amount"], contract["currency"]) == ("900", "JPY")
    (ticket,) = node.get("/api/tickets")["items"]
    assert (ticket["category"], ticket["updated_at"]) == ("delivery", shown(2))
