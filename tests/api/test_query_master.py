"""Master data, notes, tags, single fields and relations, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.april import event, numbers, shown
from tests.api.query_node import QueryNode, query_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path) as node:
        yield node


def test_master_data_is_what_was_last_given_property_by_property(node: QueryNode) -> None:
    def product(id_: str, day: int, **properties: Any) -> dict[str, Any]:
        return event("product.updated", day, {"product_id": id_, **properties})

    node.submit(
        product("P-1", 2, name="Shirt", price="4900", currency="JPY"),
        product("P-1", 3, price="3900", currency="JPY"),
        product("P-1", 1, name="Old shirt", category="shirts"),
        *(product(f"P-{n}", 1, name=f"Product {n}") for n in range(2, 8)),
        event("store.updated", 1, {"store_id": "ginza", "city": "中央区"}),
        event("staff.updated", 1, {"staff_id": "S-3", "role": "stylist"}),
        product("P-0", 1, name="Only a test", test=None) | {"test": True},
    )
    node.fold()
    products = node.pages("/api/products", 2)
    assert numbers(products) == [f"P-{n}" for n in range(1, 8)]
    assert products[0]["updated_at"] == shown(3)
    assert products[0]["fields"] == {
        "product_id": "P-1",
        "name": "Shirt",
        "price": "3900.0000",
        "category": "shirts",
        "currency": "JPY",
    }
    assert numbers(node.get("/api/stores")["items"]) == ["ginza"]
    assert node.get("/api/staff")["items"][0]["fields"] == {"staff_id": "S-3", "role": "stylist"}


def test_notes_are_listed_with_whom_they_are_about(node: QueryNode) -> None:
    def note(day: int, text: str, user: str = "", **properties: Any) -> dict[str, Any]:
        return event("note.added", day, {"text": text, **properties}, user)

    node.submit(
        event("ticket.opened", 1, {"ticket_id": "T-1"}, "u-2"),
        note(1, "calls after six", "u-1", note_id="N-1"),
        note(2, "calls after seven", "u-1", note_id="N-1"),
        note(3, "angry", ticket_id="T-1"),
        note(4, "no id", "u-1"),
    )
    node.fold()
    notes = node.pages("/api/notes", 2)
    assert [one["properties"]["text"] for one in notes] == ["no id", "angry", "calls after seven"]
    first, second = (node.look_up("user_id", name)["id"] for name in ("u-1", "u-2"))
    assert [one["profile_id"] for one in notes] == [first, second, first]


def test_exchange_rates_are_kept_by_pair_and_day(node: QueryNode) -> None:
    def rate(base: str, day: str, told: int, value: str) -> dict[str, Any]:
        pair = {"base_currency": base, "quote_currency": "JPY", "date": day}
        return event("exchange_rate.updated", told, {**pair, "rate": value})

    node.submit(
        rate("USD", "2026-03-01", 1, "149.5"),
        rate("EUR", "2026-03-02", 2, "162.25"),
        rate("EUR", "2026-03-01", 3, "161.75"),
        rate("EUR", "2026-03-01", 1, "99"),
    )
    node.fold()
    rates = node.pages("/api/exchange-rates", 2)
    assert [(one["id"], one["fields"]["rate"]) for one in rates] == [
        ("EUR JPY 2026-03-01", "161.75"),
        ("EUR JPY 2026-03-02", "162.25"),
        ("USD JPY 2026-03-01", "149.5"),
    ]


def test_tags_and_fields_are_as_they_were_last_told_of_each_they_are_about(node: QueryNode) -> None:
    def tag(verb: str, day: int, name: str, user: str = "", **about: Any) -> dict[str, Any]:
        return event(f"tag.{verb}", day, {"tag": name, **about}, user)

    node.submit(
        event("ticket.opened", 1, {"ticket_id": "T-1"}, "u-2"),
        tag("removed", 5, "vip", "u-1"),
        tag("added", 2, "vip", "u-1"),
        tag("added", 3, "vip", "u-2"),
        tag("added", 4, "vip", ticket_id="T-1"),
        tag("added", 6, "key account", company_id="K-9"),
        tag("added", 7, "spring") | {"entities": [{"kind": "campaign", "id": "C-1"}]},
        tag("removed", 8, "spring") | {"entities": [{"kind": "campaign", "id": "C-2"}]},
        tag("removed", 9, "vip", "u-2") | {"test": True},
        event("field.set", 1, {"field": "size", "value": [24.5, None]}, "u-1"),
        event("field.set", 2, {"field": "gate", "value": {"code": 7}, "ticket_id": "T-1"}),
        event("field.unset", 3, {"field": "gate", "ticket_id": "T-1"}),
    )
    node.fold()
    first, second = (node.look_up("user_id", name)["id"] for name in ("u-1", "u-2"))
    company = node.look_up("company", "K-9")["id"]
    told = [
        (one["type"], one["properties"]["tag"], one["profile_id"], one["company_profile_id"])
        for one in node.pages("/api/tags", 2)
    ]
    assert told == [
        ("tag.removed", "spring", None, None),
        ("tag.added", "spring", None, None),
        ("tag.added", "key account", None, company),
        ("tag.removed", "vip", first, None),
        ("tag.added", "vip", second, None),
        ("tag.added", "vip", second, None),
    ]
    fields = [(one["type"], one["properties"].get("value")) for one in node.get("/api/fields")["items"]]
    assert fields == [("field.unset", None), ("field.set", [24.5, None])]


def test_relations_are_as_they_were_last_told_whatever_the_persons_are_called(node: QueryNode) -> None:
    def relation(verb: str, day: int, kind: str, user: str, **other: Any) -> dict[str, Any]:
        return event(f"relation.{verb}", day, {"kind": kind, **other}, user)

    node.submit(
        event("customer.aliased", 1, {}) | {"ids": {"user_id": "u-3", "anonymous_id": "a-3"}},
        relation("linked", 1, "guardian", "u-1", person={"kind": "anonymous_id", "value": "a-3"}),
        relation("unlinked", 2, "guardian", "u-1", person={"kind": "user_id", "value": "u-3"}),
        relation("linked", 3, "referrer", "u-1", person={"kind": "user_id", "value": "u-3"}),
        relation("linked", 4, "guardian", "u-1", person={"kind": "email", "value": " A@example.com"}),
        relation("linked", 5, "company_role", "u-1", company_id="K-9", role="buyer"),
        relation("linked", 6, "company_role", "u-1", company_id="K-9", role="owner"),
        relation("linked", 7, "household", "u-1", household_id="H-1"),
        relation("linked", 8, "household", "u-2", household_id="H-1"),
    )
    node.fold()
    told = [
        (one["type"].split(".")[1], one["properties"]["kind"], one["properties"].get("role"))
        for one in node.pages("/api/relations", 3)
    ]
    assert told == [
        ("linked", "household", None),
        ("linked", "household", None),
        ("linked", "company_role", "owner"),
        ("linked", "guardian", None),
        ("linked", "referrer", None),
        ("unlinked", "guardian", None),
    ]
