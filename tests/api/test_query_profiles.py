"""Profiles over HTTP: one by id or identifier, lists, search. What is true is told by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kizuna.schemas.identifiers import subject_id
from tests.api.query_node import QueryNode, query_node
from tests.folding import KEY, NOW, definition


def at(day: int, hour: int = 9) -> str:
    return f"2026-04-{day:02}T{hour:02}:00:00Z"


def shown(day: int) -> str:
    """As answers write it."""
    return f"2026-04-{day:02}T09:00:00.000000Z"


def order(user: str, number: str, total: str, day: int, **more: Any) -> dict[str, Any]:
    properties = {"order_id": number, "total": total, "currency": "JPY"}
    item = {"type": "order.completed", "ids": {"user_id": user}, "properties": properties}
    return {**item, "occurred_at": at(day), "message_id": number, **more}


def identified(ids: dict[str, str], day: int = 1, **properties: Any) -> dict[str, Any]:
    return {"type": "customer.identified", "ids": ids, "properties": properties, "occurred_at": at(day)}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path) as node:
        yield node


def test_a_profile_shows_who_it_is_and_what_is_known(node: QueryNode) -> None:
    node.submit(
        {
            "type": "page.viewed",
            "ids": {"anonymous_id": "a-1"},
            "properties": {"path": "/"},
            "occurred_at": at(1),
        },
        identified(
            {"user_id": "u-1", "anonymous_id": "a-1"}, 2, given_name="花子", address={"city": "渋谷区"}
        ),
        order("u-1", "A-1", "1200.50", 3),
        order("u-1", "A-2", "800", 4),
        {"type": "order.refunded", "properties": {"order_id": "A-2", "amount": "300", "currency": "JPY"}}
        | {"occurred_at": at(5)},
    )
    node.fold()
    profile = node.look_up("user_id", "  u-1 ")
    anonymous, user = (subject_id(KEY, *pair).hex for pair in (("anonymous_id", "a-1"), ("user_id", "u-1")))
    assert profile["id"] == user
    assert profile["of"] == "person"
    assert profile["identifiers"] == [
        {"kind": "user_id", "value": "u-1"},
        {"kind": "anonymous_id", "value": "a-1"},
    ]
    assert profile["former_ids"] == [anonymous]
    assert profile["fields"] == {"given_name": "花子", "address": {"city": "渋谷区"}}
    traits = profile["traits"]
    assert (traits["orders_count"], traits["lifetime_value"], traits["page_views"]) == (2, "1700.5", 1)
    assert traits["average_order_value"] == "1000.25"
    assert traits["last_order_at"] == "2026-04-04T09:00:00.000000Z"
    assert traits["next_visit_at"] is None
    assert profile["segments"] == []
    assert (profile["first_seen"], profile["last_seen"]) == (shown(1), shown(5))
    assert profile["as_of"] == "2026-05-01T12:00:00.000000Z"
    assert {"topic": "touchpoints", "generation": 0, "partition": 0, "offset": 5} in profile["positions"]
    # By id, by former id, by any identifier: the same.
    assert node.get(f"/api/profiles/{user}") == profile
    assert node.get(f"/api/profiles/{anonymous}") == profile
    assert node.look_up("anonymous_id", "a-1") == profile


def test_links_are_explained_with_what_was_refused(node: QueryNode) -> None:
    node.submit(
        identified({"user_id": "u-1", "anonymous_id": "a-1"}, 1),
        identified({"user_id": "u-2", "anonymous_id": "a-1"}, 2),
    )
    node.fold()
    first, second = node.look_up("user_id", "u-1"), node.look_up("user_id", "u-2")
    pair = [{"kind": "user_id", "value": "u-2"}, {"kind": "anonymous_id", "value": "a-1"}]
    assert [link["accepted"] for link in first["links"]] == [True, False]
    assert [link["identifiers"] for link in second["links"]] == [pair]
    (refused,) = second["links"]
    assert refused == first["links"][1]
    assert refused["reason"] == "would join two user ids"
    assert second["former_ids"] == []
    event = node.get(f"/api/profiles/{second['id']}/timeline")["items"][0]
    assert event["event_id"] == refused["event_id"]


def test_a_field_is_what_was_said_last_in_history(node: QueryNode) -> None:
    node.submit(
        identified({"anonymous_id": "a-1"}, 3, language="ja", name="Hana"),
        identified({"user_id": "u-1"}, 2, language="en", name="Old", gender="f"),
        identified({"user_id": "u-1", "anonymous_id": "a-1"}, 1, name="Oldest", phone="+12025550143"),
    )
    node.fold()
    fields = node.look_up("user_id", "u-1")["fields"]
    assert fields == {"gender": "f", "language": "ja", "name": "Hana", "phone": "+12025550143"}


def test_a_company_has_a_profile_with_fields_and_traits(node: QueryNode) -> None:
    deal = {"deal_id": "D-1", "company_id": "K-9", "amount": "500000", "currency": "JPY"}
    node.submit(
        {"type": "company.updated", "properties": {"company_id": "K-9", "name": "Mori", "employees": 240}},
        {"type": "deal.created", "properties": deal},
        {"type": "deal.won", "properties": {"deal_id": "D-1"}},
    )
    node.fold()
    company = node.look_up("company", "K-9")
    assert company["of"] == "company"
    assert company["identifiers"] == [{"kind": "company", "value": "K-9"}]
    assert company["fields"] == {"company_id": "K-9", "name": "Mori", "employees": 240}
    assert company["traits"]["company_won_deal_amount"] == "500000"
    assert "lifetime_value" not in company["traits"]
    (listed,) = node.get("/api/companies")["items"]
    assert listed == {name: company[name] for name in listed}
    assert node.get("/api/profiles")["items"] == []
    # The event that names the deal alone is in the company's history too.
    timeline = node.get(f"/api/profiles/{company['id']}/timeline")["items"]
    assert {event["type"] for event in timeline} == {"company.updated", "deal.created", "deal.won"}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"kind": "shoe_size", "value": "24"}, "body.kind"),
        ({"kind": "user_id", "value": "  "}, "body.value"),
        ({"kind": "user_id"}, "body.value"),
        ({"kind": "user_id", "value": "u", "extra": 1}, "body.extra"),
        ({"kind": "user_id", "value": "x" * 257}, "body.value"),
    ],
)
def test_a_lookup_that_makes_no_sense_is_told_so(node: QueryNode, body: dict[str, str], where: str) -> None:
    error = node.ask("POST", "/api/profiles/lookup", 422, json=body)["error"]
    assert error["code"] == "invalid"
    assert error["message"].startswith(where)
    assert "x" * 257 not in error["message"]


def test_nobody_is_not_found(node: QueryNode) -> None:
    for response in (
        node.answer("POST", "/api/profiles/lookup", json={"kind": "user_id", "value": "u-9"}),
        node.answer("GET", f"/api/profiles/{'0' * 32}"),
        node.answer("GET", f"/api/profiles/{'0' * 32}/timeline"),
    ):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"
        assert "x-kizuna-position" in response.headers


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryNode]:
    """For questions only. Customers u-01 to u-17: number n has n % 4 orders of 100 n yen, and was last seen
    on day n % 5 + 1."""
    with query_node(tmp_path_factory.mktemp("customers")) as node:
        for n in range(1, 18):
            user, day = f"u-{n:02}", n % 5 + 1
            seen = {
                "type": "page.viewed",
                "ids": {"user_id": user},
                "properties": {},
                "occurred_at": at(day, 10),
            }
            node.submit(seen, *(order(user, f"{user}-{m}", str(100 * n), day) for m in range(n % 4)))
            if n % 3 == 0:
                ids = {"user_id": user, "anonymous_id": f"a-{n:02}"}
                node.submit(identified(ids, 1, family_name=f"Sato{n:02}"))
        opened = {"email_id": "m"}
        node.submit({"type": "email.opened", "ids": {"email": "Ken.Mori@example.com"}, "properties": opened})
        node.submit(
            {"type": "page.viewed", "ids": {"user_id": "v-0"}, "properties": {}, "occurred_at": at(1)}
        )
        node.fold()
        yield node


def users(items: list[dict[str, Any]]) -> list[str]:
    return [item["identifiers"][0]["value"] for item in items]


def test_a_list_is_in_order_whatever_the_size_of_its_pages(customers: QueryNode) -> None:
    whole = customers.get("/api/profiles", limit=200)["items"]
    assert len(whole) == 19
    seen = [item["last_seen"] for item in whole]
    assert seen == sorted(seen, reverse=True)
    for limit in (1, 3, 19, 50):
        assert customers.pages("/api/profiles", limit) == whole


def test_a_list_is_sorted_by_any_number_or_time(customers: QueryNode) -> None:
    for name in ("trait.lifetime_value", "trait.orders_count", "trait.last_order_at", "first_seen"):
        for order_, sign in (("asc", 1), ("desc", -1)):
            items = customers.pages("/api/profiles", 4, sort=name, order=order_)
            values = [_value(item, name) for item in items]
            given = [value for value in values if value is not None]
            assert len(items) == 19
            assert values[: len(given)] == given, "missing values are last"
            assert given == (sorted(given) if sign > 0 else sorted(given, reverse=True))


def _value(item: dict[str, Any], name: str) -> Any:
    if name == "first_seen":
        return item[name]
    value = item["traits"][name.removeprefix("trait.")]
    return Decimal(value) if name == "trait.lifetime_value" else value


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"trait.orders_count.gte": "3"}, {n for n in range(1, 18) if n % 4 == 3}),
        ({"trait.orders_count": "2"}, {n for n in range(1, 18) if n % 4 == 2}),
        ({"trait.orders_count.gt": "0", "trait.lifetime_value.lt": "1000.5"}, {1, 2, 3, 5, 9}),
        ({"has": "anonymous_id"}, {3, 6, 9, 12, 15}),
        ({"has": ["anonymous_id", "user_id"], "trait.orders_count.ne": "0"}, {3, 6, 9, 15}),
        ({"last_seen.gte": "2026-04-05T00:00:00Z"}, {4, 9, 14}),
        ({"last_seen.lt": "2026-04-02T09:00:00+09:00"}, {5, 10, 15}),
        ({"trait.favourite_category": "nothing"}, set()),
        ({"has": "card"}, set()),
    ],
)
def test_filters_choose(customers: QueryNode, params: dict[str, Any], expected: set[int]) -> None:
    found = [name for name in users(customers.pages("/api/profiles", 2, **params)) if name.startswith("u-")]
    assert sorted(found) == [f"u-{n:02}" for n in sorted(expected)]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"trait.nothing.gte": "1"}, "there is no trait.nothing to filter by"),
        ({"colour": "red"}, "there is no colour to filter by"),
        ({"trait.orders_count.gte": "many"}, "give a whole number"),
        ({"trait.lifetime_value": "NaN"}, "give a number"),
        ({"last_seen.gte": "yesterday"}, "give a time"),
        ({"sort": "trait.favourite_category"}, "is no number and no time"),
        ({"sort": "trait.nothing"}, "there is no trait.nothing to sort by"),
        ({"sort": "trait.company_orders_count"}, "to sort by"),
        ({"has": "shoe"}, "no such kind of identifier"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "201"}, "query.limit"),
        ({"of": "dog"}, "query.of"),
        ({"cursor": "made-up"}, "the cursor does not belong to this list"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(
    customers: QueryNode, params: dict[str, Any], said: str
) -> None:
    error = customers.ask("GET", "/api/profiles", 422, params=params)["error"]
    assert error["code"] == "invalid"
    assert said in error["message"]


def test_a_cursor_belongs_to_its_question(customers: QueryNode) -> None:
    cursor = customers.get("/api/profiles", limit=2)["next_cursor"]
    customers.ask("GET", "/api/profiles", 422, params={"cursor": cursor, "order": "asc"})
    customers.ask("GET", "/api/profiles", 422, params={"cursor": cursor, "has": "email"})
    assert customers.get("/api/profiles", cursor=cursor, limit=5)["items"]


def test_a_page_goes_on_behind_its_cursor_when_others_come(node: QueryNode) -> None:
    node.submit(*(order(f"u-{n}", f"A-{n}", "1", n) for n in range(1, 8)))
    node.fold()
    question = {"sort": "first_seen", "order": "asc"}
    cursor = node.get("/api/profiles", limit=3, **question)["next_cursor"]
    node.submit(order("u-new", "new", "1", 1, occurred_at="2020-01-01T00:00:00Z"))
    node.fold()
    rest = users(node.get("/api/profiles", cursor=cursor, **question)["items"])
    assert rest == ["u-4", "u-5", "u-6", "u-7"]


def search(node: QueryNode, query: str, **body: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = node.ask("POST", "/api/profiles/search", json={"query": query, **body})[
        "items"
    ]
    return items


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("u-03", ["u-03"]),
        ("U-03", ["u-03"]),
        ("ｓａｔｏ０３", ["u-03"]),
        ("sato a-0", ["u-03", "u-06", "u-09"]),
        ("sato u-1", ["u-12", "u-15"]),
        ("mori", ["ken.mori@example.com"]),
        ("nobody", []),
        ("%", []),
    ],
)
def test_search_finds_words_in_identifiers_and_names(
    customers: QueryNode, query: str, expected: list[str]
) -> None:
    assert sorted(users(search(customers, query))) == expected


def test_the_closest_come_first(node: QueryNode) -> None:
    names = ["xu-1", "u-12", "yu-1", "u-1", "u-11"]
    node.submit(*({"type": "page.viewed", "ids": {"user_id": name}, "properties": {}} for name in names))
    node.fold()
    found = users(search(node, "u-1"))
    assert found[0] == "u-1"
    assert sorted(found[1:3]) == ["u-11", "u-12"]
    assert sorted(found[3:]) == ["xu-1", "yu-1"]


def test_a_search_goes_on_page_by_page(customers: QueryNode) -> None:
    whole = users(search(customers, "-0"))
    assert len(whole) == 10
    pages, cursor = [], None
    while True:
        page = customers.ask(
            "POST", "/api/profiles/search", json={"query": "-0", "limit": 3, "cursor": cursor}
        )
        pages += users(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == whole
    error = customers.ask("POST", "/api/profiles/search", 422, json={"query": "a b c d e f"})["error"]
    assert "1 to 5 words" in error["message"]


def test_a_profile_reads_a_plan_that_was_changed(node: QueryNode) -> None:
    node.submit(order("u-1", "A-1", "100", 1))
    node.fold()
    assert "big_orders" not in node.look_up("user_id", "u-1")["traits"]
    body: dict[str, object] = {"name": "big_orders", "count": "order", "where": {"total": {"gte": 50}}}
    node.define(definition("trait", "big_orders", body, minute=1))
    node.fold()
    assert node.look_up("user_id", "u-1")["traits"]["big_orders"] == 1
    assert users(node.get("/api/profiles", **{"trait.big_orders": 1})["items"]) == ["u-1"]


def test_times_and_amounts_have_one_form(node: QueryNode) -> None:
    node.submit(order("u-1", "A-1", "0.1000", 1, occurred_at=(NOW - timedelta(microseconds=1)).isoformat()))
    node.fold()
    traits = node.look_up("user_id", "u-1")["traits"]
    assert traits["lifetime_value"] == "0.1"
    assert datetime.fromisoformat(traits["last_order_at"]) == NOW - timedelta(microseconds=1)
    assert traits["last_order_at"].endswith("Z")
