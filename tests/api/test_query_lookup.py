"""Tokens of scope `lookup`: one route, and of its answer the declared fields. What a token may see is told
by cutting the whole answer into its leaves, and by looking for every other value in the text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID

import orjson
import pytest
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st

from kizuna.eventlog.topics import DEFINITIONS
from kizuna.query.shapes import DisclosedAnswer
from kizuna.schemas.admission import Accepted
from kizuna.schemas.disclosure import PLAIN
from tests.api.query_node import ADMIN, QueryNode, query_node
from tests.api.query_walk import lively_node, questions
from tests.examples import examples
from tests.folding import definition
from tests.naughty import STRINGS

LOOKUP = "/api/profiles/lookup"
OPEN = {"/health", "/ready", "/metrics"}
USER = {"user_id": "USER-4711"}
IDS = {**USER, "anonymous_id": "DEVICE-AAA"}
HANA = {"kind": "user_id", "value": "USER-4711"}
DEVICE = {"kind": "anonymous_id", "value": "DEVICE-AAA"}
FIELDS = {
    "given_name": "花子という名",
    "family_name": "山田という姓",
    "email": "hanako@fields.example",
    "birthday": "1987-06-05",
    "address": {"city": "渋谷区神南", "postal_code": "150-0041", "lines": ["Jinnan 1-19"]},
    "shoe size": "size 24.5",
    "odd.name": "a dot in its name",
}

PATHS = [
    *PLAIN,
    *(f"fields.{name}" for name in FIELDS if "." not in name),
    *(f"fields.address.{name}" for name in ("city", "postal_code", "lines", "country", "city.ward")),
    *("fields.phone", "fields.given_name.kana", "fields.odd.name", "fields.odd", "fields.会員ランク"),
    *(f"identifiers.{kind}" for kind in (*IDS, "card", "company", "x_other")),
    *(f"traits.{name}" for name in ("lifetime_value", "last_order_at", "visits_completed", "open_deals")),
]
"""Paths that a token may declare; some lead nowhere, some into another."""

NO_PATHS = [
    *("links", "former_ids", "segments", "positions", "fields", "", "*", "ID", "id.x"),
    *(
        "fields.",
        "fields..a",
        "fields.a.",
        "fields. a",
        "fields.*.",
        "fields.a\nb",
        "fields.\x00",
        "fields.\u202e",
    ),
]

numbers = count(1)


def _happened(type_: str, day: int, ids: dict[str, str], **properties: Any) -> dict[str, Any]:
    moment = f"2026-04-{day:02}T09:00:0{day}Z"
    return {"type": type_, "ids": ids, "properties": properties, "occurred_at": moment}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryNode]:
    with query_node(tmp_path_factory.mktemp("till")) as node:
        results = node.submit(
            _happened("customer.identified", 1, IDS, **FIELDS),
            _happened("customer.identified", 2, {**IDS, "anonymous_id": "DEVICE-BBB"}),
            _happened("order.completed", 3, USER, order_id="ORDER-31", total="12345.75", currency="JPY"),
            {"type": "company.updated", "properties": {"company_id": "K-9", "name": "Mori"}},
        )
        assert [one for one in results if not isinstance(one, Accepted)] == []
        node.fold()
        yield node


def till(node: QueryNode, *fields: str) -> str:
    """A token that declares them."""
    body = {"name": f"till-{next(numbers)}", "scope": "lookup", "fields": fields}
    token: str = node.ask("POST", "/api/tokens", 201, json=body)["token"]
    return token


def leaves(answer: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of an answer with the steps to it; an identifier stands below its kind. An object in which
    nothing stands is a value, but for the groups themselves."""
    if at == ("identifiers",):
        yield from (((*at, one["kind"]), one["value"]) for one in answer)
    elif isinstance(answer, dict) and (answer or len(at) < 2):
        for name, value in answer.items():
            yield from leaves(value, (*at, name))
    else:
        yield at, answer


def covers(declared: tuple[str, ...], leaf: tuple[str, ...]) -> bool:
    return leaf[: len(declared)] == declared


def test_a_till_sees_what_it_needs(node: QueryNode) -> None:
    whole = node.look_up(**HANA)
    assert whole["fields"] == FIELDS
    assert len(whole["identifiers"]) == 3
    token = till(node, "fields.given_name", "traits.lifetime_value", "identifiers.anonymous_id")
    response = node.answer("POST", LOOKUP, token=token, json=HANA)
    assert response.status_code == 200
    assert response.json() == {
        "identifiers": [
            {"kind": "anonymous_id", "value": "DEVICE-AAA"},
            {"kind": "anonymous_id", "value": "DEVICE-BBB"},
        ],
        "fields": {"given_name": "花子という名"},
        "traits": {"lifetime_value": "12345.75"},
    }
    assert response.headers.keys() == {"content-type", "content-length", "cache-control"}
    assert response.headers["cache-control"] == "no-store"
    for wider in ("read", "admin"):
        other = node.ask("POST", "/api/tokens", 201, json={"name": f"all-{wider}", "scope": wider})["token"]
        assert node.ask("POST", LOOKUP, token=other, json=HANA) == whole


@settings(max_examples=examples(60), deadline=None)
@given(declared=st.lists(st.sampled_from(PATHS), min_size=1, max_size=12))
def test_nothing_undeclared_is_in_an_answer(node: QueryNode, declared: list[str]) -> None:
    whole = node.look_up(**HANA)
    token = till(node, *declared)
    for asked in (HANA, DEVICE):
        response = node.answer("POST", LOOKUP, token=token, json=asked)
        assert response.status_code == 200, response.text
        DisclosedAnswer.model_validate_json(response.content, strict=True)
        part = response.json()
        # A field with a dot in its name lies on no path.
        steps = [tuple(one.split(".")) for one in declared]
        seen = [leaf for leaf in leaves(whole) if any(covers(one, leaf[0]) for one in steps)]
        assert sorted(leaves(part), key=repr) == sorted(seen, key=repr)
        assert part.keys() == {one[0] for one in steps}
        told = response.text + str(response.headers)
        shown = {orjson.dumps(value).decode() for _, value in seen}
        hidden = {
            text
            for place, value in leaves(whole)
            if len(text := orjson.dumps(value).decode()) > 6 and not any(covers(one, place) for one in steps)
        }
        assert hidden
        for text in hidden - shown:
            assert text.strip('"') not in told, text


@pytest.mark.parametrize("field", ["fields.given_name", "id"])
def test_a_profile_that_is_not_there_is_the_usual_404(node: QueryNode, field: str) -> None:
    nobody = {"kind": "card", "value": "CARD-1"}
    response = node.answer("POST", LOOKUP, token=till(node, field), json=nobody)
    assert response.status_code == 404
    assert response.json() == node.answer("POST", LOOKUP, json=nobody).json()
    for body in ({"kind": "shoe_size", "value": "1"}, {"kind": "card", "value": ""}, {}, None):
        response = node.answer("POST", LOOKUP, token=till(node, field), json=body)
        assert response.status_code == 422
        assert response.json() == node.answer("POST", LOOKUP, json=body).json()


def test_a_company_is_looked_up_as_well(node: QueryNode) -> None:
    token = till(node, "of", "fields.name", "fields.given_name")
    answer = node.ask("POST", LOOKUP, token=token, json={"kind": "company", "value": "K-9"})
    assert answer == {"of": "company", "fields": {"name": "Mori"}}


def test_every_other_route_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    with lively_node(tmp_path_factory.mktemp("lively")) as node:
        token = till(node, "fields.given_name")
        answered = []
        for path, methods in node.app.openapi()["paths"].items():
            for method, said in methods.items():
                if path in OPEN:
                    continue
                in_path = {
                    one["name"]: str(UUID(int=1)) for one in said.get("parameters", ()) if one["in"] == "path"
                }
                response = node.answer(method.upper(), path.format(**in_path), token=token)
                if response.status_code == 403:
                    assert "403" in said["responses"], path
                    error = response.json()["error"]
                    assert error["code"] == "forbidden"
                    assert error["message"].endswith(f"of scope lookup, may ask POST {LOOKUP} alone.")
                    assert "--scope" in error["hint"]
                else:
                    answered.append((method, path, response.status_code))
        assert answered == [("post", LOOKUP, 422)]
        # The same with questions that are answered to others, and with what OpenAPI does not show.
        for one in questions(node):
            expected = 200 if one.operation == "look_up_profile" else 403
            assert one.ask(node, token).status_code == expected, one
        hidden = {
            (method, route.path)
            for router in node.app.routes
            for route in getattr(getattr(router, "original_router", None), "routes", [router])
            if isinstance(route, APIRoute) and not route.include_in_schema
            for method in route.methods or ()
        }
        refused = {("GET", LOOKUP), ("GET", "/api/profiles/search")}
        for method, path in hidden:
            status = node.answer(method, path, token=token).status_code
            public = node.answer(method, path, token=None).status_code
            assert (status, public) == ((403, 401) if (method, path) in refused else (200, 200)), path
        assert refused < hidden
        openapi = node.answer("GET", "/api/openapi.json", token=token)
        assert openapi.content == node.answer("GET", "/api/openapi.json", token=None).content


def test_a_token_that_is_removed_opens_nothing_from_then_on(node: QueryNode) -> None:
    body = {"name": "stolen", "scope": "lookup", "fields": ["fields.given_name"]}
    token = node.ask("POST", "/api/tokens", 201, json=body)["token"]
    node.ask("POST", LOOKUP, token=token, json=HANA)
    node.ask("DELETE", "/api/tokens/stolen", 403, token=token)
    node.ask("DELETE", "/api/tokens/stolen")
    assert node.answer("POST", LOOKUP, token=token, json=HANA).status_code == 401
    # One of that name that declares less is another one.
    less = node.ask("POST", "/api/tokens", 201, json={**body, "fields": ["of"]})["token"]
    assert node.ask("POST", LOOKUP, token=less, json=HANA) == {"of": "person"}
    assert node.answer("POST", LOOKUP, token=token, json=HANA).status_code == 401


def test_what_a_token_declares_is_listed(node: QueryNode) -> None:
    body = {"name": "listed", "scope": "lookup", "fields": ["of", "fields.given_name", "of"]}
    made = node.ask("POST", "/api/tokens", 201, json=body)
    assert made["fields"] == ["of", "fields.given_name"]
    (listed,) = (one for one in node.get("/api/tokens")["items"] if one["name"] == "listed")
    assert listed == {"name": "listed", "scope": "lookup", "fields": ["of", "fields.given_name"]}
    assert made["token"] not in node.answer("GET", "/api/tokens").text


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("given_name", "A field of the profile is fields.given_name."),
        ("lifetime_value", "Write traits.lifetime_value."),
        ("field.given_name", "Write fields.given_name."),
        ("trait.lifetime_value", "Write traits.lifetime_value."),
        ("ids.card", "identifiers.<kind>"),
        ("identifiers.shoe_size", "user_id, card, email"),
        ("traits.lifetime_valu", "lifetime_value"),
        ("traits.zzzzzz", "There are: active_contracts, average_order_value,"),
        *((one, "Declare id, of,") for one in NO_PATHS),
        ("identifiers", "Declare id, of,"),
        ("identifiers.card.value", "identifiers.<kind>"),
        ("traits", "Declare id, of,"),
        ("traits.lifetime_value.x", "Declare id, of,"),
    ],
)
def test_what_is_no_field_is_refused_with_a_hint(node: QueryNode, field: str, hint: str) -> None:
    before = node.log.bounds()
    body = {"name": "wrong", "scope": "lookup", "fields": ["fields.given_name", field]}
    error = node.ask("POST", "/api/tokens", 422, json=body)["error"]
    assert error["message"].startswith("body.fields: ")
    assert hint in error["hint"]
    assert node.log.bounds() == before


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "lookup"},
        {"scope": "lookup", "fields": []},
        {"scope": "lookup", "fields": [f"fields.n{number}" for number in range(101)]},
        {"scope": "lookup", "fields": "id"},
        {"scope": "lookup", "fields": ["fields." + "n" * 200]},
        {"scope": "read", "fields": ["id"]},
        {"scope": "admin", "fields": ["id"]},
        {"fields": ["id"]},
    ],
    ids=lambda body: f"{body!s:.40}",
)
def test_a_scope_and_its_fields_go_together(node: QueryNode, body: dict[str, object]) -> None:
    before = node.log.bounds()
    error = node.ask("POST", "/api/tokens", 422, json={"name": "wrong", **body})["error"]
    assert "fields" in error["message"]
    assert error["hint"]
    assert node.log.bounds() == before


def test_no_text_breaks_the_making_of_a_token(node: QueryNode) -> None:
    made = 0
    for text in STRINGS:
        content = orjson.dumps(text) if _encodes(text) else b'"\\ud800"'
        for prefix in (b"", b"fields.", b"traits.", b"identifiers."):
            field = b'"' + prefix + content[1:]
            raw = b'{"name": "t%d", "scope": "lookup", "fields": [%s]}' % (next(numbers), field)
            headers = {"content-type": "application/json"}
            response = node.answer("POST", "/api/tokens", content=raw, extra=headers)
            assert response.status_code in (201, 422), (text, response.text)
            if response.status_code == 201:
                made += 1
                token = response.json()["token"]
                answer = node.ask("POST", LOOKUP, token=token, json=HANA)
                assert answer == {"fields": {}}, text
    assert made > 10


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_a_trait_that_the_log_defines_can_be_declared(node: QueryNode) -> None:
    body = {"name": "new_trait", "scope": "lookup", "fields": ["traits.tea_orders"]}
    error = node.ask("POST", "/api/tokens", 422, json=body)["error"]
    assert error["message"] == "body.fields: There is no trait tea_orders."
    node.define(definition("trait", "tea_orders", {"name": "tea_orders", "count": "order"}))
    token = node.ask("POST", "/api/tokens", 201, json=body)["token"]
    # It is pending: once the store computes it, the same token shows it.
    assert node.ask("POST", LOOKUP, token=token, json=HANA) == {"traits": {}}
    node.fold()
    assert node.ask("POST", LOOKUP, token=token, json=HANA) == {"traits": {"tea_orders": 1}}


def test_openapi_says_what_a_lookup_token_gets(node: QueryNode) -> None:
    openapi = node.ask("GET", "/api/openapi.json", token=None)
    said = openapi["paths"][LOOKUP]["post"]
    assert "scope `lookup`" in said["description"]
    assert "403" not in said["responses"]
    shapes = said["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    assert [one["$ref"].rpartition("/")[2] for one in shapes] == ["ProfileAnswer", "DisclosedAnswer"]
    assert openapi["components"]["schemas"]["TokenRequest"]["properties"]["fields"]["description"]


def test_only_admin_makes_tokens(node: QueryNode) -> None:
    body = {"name": "more", "scope": "lookup", "fields": ["id"]}
    narrow = till(node, "of")
    read = node.ask("POST", "/api/tokens", 201, json={"name": "only-reads"})["token"]
    for token in (narrow, read):
        node.ask("POST", "/api/tokens", 403, token=token, json=body)
    node.ask("POST", "/api/tokens", 201, token=ADMIN, json=body)
    values = [record.value for record in node.log.read(DEFINITIONS, 0, 0, 100_000)]
    assert all(narrow.removeprefix("kzt_").encode() not in value for value in values)
