"""The contract of the API: every route has its shape, its example, its token and its errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from kizuna.query.shapes import ErrorAnswer
from kizuna.schemas.errors import LogUnavailable
from tests.api import query_examples
from tests.api.query_node import ADMIN, QueryNode, query_node
from tests.api.query_walk import Question, lively_node, questions

OPEN = {("GET", "/health"), ("GET", "/ready"), ("GET", "/metrics")}
ASKED_BY_POST = {"look_up_profile", "search_profiles"}
ADMINISTRATION = {"list_keys", "delete_key", "list_tokens", "delete_token"}
"""What takes a token of scope admin, beside all that is posted and does not ask."""

POSITION = re.compile(r"^[a-z-]+/\d+/\d+=\d+(,[a-z-]+/\d+/\d+=\d+)*$")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryNode]:
    with lively_node(tmp_path_factory.mktemp("lively")) as node:
        yield node


@pytest.fixture(scope="module")
def openapi(node: QueryNode) -> dict[str, Any]:
    return node.ask("GET", "/api/openapi.json", token=None)


def operations(openapi: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): said
        for path, methods in openapi["paths"].items()
        for method, said in methods.items()
    }


def test_every_route_is_asked(node: QueryNode, openapi: dict[str, Any]) -> None:
    asked = {(one.method, one.template) for one in questions(node)}
    assert asked == operations(openapi).keys() - OPEN


def test_every_answer_has_its_shape_and_its_position(node: QueryNode) -> None:
    shapes = {
        route.name: route.response_model
        for router in node.app.routes
        for route in _routes(router)
        if isinstance(route, APIRoute)
    }
    for one in questions(node):
        response = one.ask(node, ADMIN)
        assert response.status_code == one.status, (one.operation, response.text)
        TypeAdapter(shapes[one.operation]).validate_json(response.content, strict=True)
        body = response.json()
        assert body["as_of"] == response.headers["x-kizuna-as-of"]
        assert POSITION.match(response.headers["x-kizuna-position"])
        written = [
            f"{at['topic']}/{at['generation']}/{at['partition']}={at['offset']}" for at in body["positions"]
        ]
        assert ",".join(written) == response.headers["x-kizuna-position"]
        assert response.headers["cache-control"] == "no-store"


def _routes(route: Any) -> list[Any]:
    """A route, or those of an included router."""
    included = getattr(route, "original_router", None)
    return list(included.routes) if included is not None else [route]


def test_every_route_takes_a_token_of_its_scope(node: QueryNode) -> None:
    read = node.ask("POST", "/api/tokens", 201, json={"name": "reader"})["token"]
    try:
        for one in questions(node):
            for token in (None, "made-up", read + "x"):
                refused = one.ask(node, token)
                assert refused.status_code == 401, one
                assert refused.headers["www-authenticate"] == "Bearer"
                _check_error(refused.content, "unauthorized")
            posted = one.method == "POST" and one.operation not in ASKED_BY_POST
            if posted or one.operation in ADMINISTRATION:
                _check_error(one.ask(node, read).content, "forbidden")
            else:
                assert one.ask(node, read).status_code == one.status, one
    finally:
        node.ask("DELETE", "/api/tokens/reader")


def test_another_scheme_is_no_token(node: QueryNode) -> None:
    response = node.answer("GET", "/api/status", token=None, auth=("kzt_admin", ""))
    assert response.status_code == 401


def _check_error(content: bytes, code: str) -> None:
    error = ErrorAnswer.model_validate_json(content).error
    assert error.code == code
    assert error.message


def test_errors_have_one_shape_and_carry_the_position(node: QueryNode) -> None:
    for method, path, status, code in (
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/static/nothing.css", 404, "not_found"),
        ("GET", "/static/../shapes.py", 404, "not_found"),
        ("PATCH", "/api/status", 405, "method_not_allowed"),
        ("GET", "/api/orders/x", 422, "invalid"),
        ("POST", "/api/profiles/lookup", 422, "invalid"),
        ("POST", "/api/keys", 422, "invalid"),
        ("DELETE", "/api/keys/nothing", 404, "not_found"),
    ):
        response = node.answer(method, path)
        assert response.status_code == status, (path, response.text)
        _check_error(response.content, code)
        assert POSITION.match(response.headers["x-kizuna-position"])
        if status == 405:
            assert response.headers["allow"] == "GET"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/api/profiles/lookup", "/api/profiles/search"])
def test_what_is_asked_by_post_is_not_taken_for_the_id_of_a_profile(
    node: QueryNode, method: str, path: str
) -> None:
    response = node.answer(method, path, params={"kind": "email"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["error"]["hint"] == "Use POST."


def test_a_body_that_is_no_json_is_told_so_without_repeating_it(node: QueryNode) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {ADMIN}"}
    for body in (b'{"kind": "email", "value": "hana@example.com"', b"\xff", b"[1]"):
        response = node.answer("POST", "/api/profiles/lookup", content=body, extra=headers)
        assert response.status_code in (400, 422)
        _check_error(response.content, "invalid")
        assert "hana" not in response.text


def test_what_nobody_foresaw_is_a_500_that_tells_and_logs_no_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with query_node(tmp_path) as node:

        @node.app.get("/api/broken")
        def broken() -> None:
            raise RuntimeError("hana@example.com could not be converted")

        @node.app.get("/api/unavailable")
        def unavailable() -> None:
            raise LogUnavailable("The log is closed.", hint="Open it.")

        with caplog.at_level(logging.INFO):
            response = node.answer("GET", "/api/broken")
        assert response.status_code == 500
        _check_error(response.content, "internal")
        assert "hana" not in response.text + caplog.text
        assert "RuntimeError" in caplog.text
        assert "test_query_contract.py" in caplog.text
        response = node.answer("GET", "/api/unavailable")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"] == {"code": "unavailable"} | {
            "message": "The log is closed.",
            "hint": "Open it.",
        }


def test_examples_are_true_answers(openapi: dict[str, Any], tmp_path: Path) -> None:
    """After a change: `python -m tests.api.query_examples`."""
    assert query_examples.KEPT.read_bytes() == query_examples.text(tmp_path)
    kept = orjson.loads(query_examples.KEPT.read_bytes())
    for (method, path), said in operations(openapi).items():
        status = "201" if "201" in said["responses"] else "200"
        (content,) = said["responses"][status]["content"].values()
        assert "example" in content, (method, path)
        if (method, path) not in OPEN:
            assert content["example"] == kept[said["operationId"]]
            assert content["schema"], (method, path)
            assert said["security"] == [{"HTTPBearer": []}]


def test_openapi_tells_of_parameters_bodies_and_errors(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1")
    for (method, path), said in operations(openapi).items():
        assert said["summary"], path
        assert said.get("description"), (method, path)
        for parameter in said.get("parameters", ()):
            assert parameter["in"] == "path" or parameter.get("description"), (path, parameter["name"])
        if (method, path) not in OPEN:
            for status, answer in said["responses"].items():
                if status.startswith("4"):
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}
    request = openapi["components"]["schemas"]["Lookup"]
    assert request["examples"]


def test_identifiers_stay_out_of_addresses(openapi: dict[str, Any]) -> None:
    names = {
        parameter["name"] for said in operations(openapi).values() for parameter in said.get("parameters", ())
    }
    assert names & {"kind", "value", "email", "phone", "user_id", "query"} == set()


def test_every_route_is_documented(root: Path, openapi: dict[str, Any]) -> None:
    documented = (root / "docs" / "api.md").read_text()
    missing = [
        f"{method} {path}" for method, path in operations(openapi) if f"`{method} {path}`" not in documented
    ]
    assert missing == []


def question(node: QueryNode, operation: str) -> Question:
    return next(one for one in questions(node) if one.operation == operation)


def test_keys_and_tokens_work_at_once_and_are_shown_once(tmp_path: Path) -> None:
    with query_node(tmp_path) as node:
        made = node.ask("POST", "/api/keys", 201, json={"name": "web", "rights": "public", "source": "site"})
        assert made["key"].startswith("kzw_")
        key = node.access.write_key(made["key"])
        assert key is not None
        assert (key.rights, key.source) == ("public", "site")
        assert node.get("/api/keys")["items"] == [{"name": "web", "rights": "public", "source": "site"}]
        error = node.ask("POST", "/api/keys", 409, json={"name": "web"})["error"]
        assert (error["code"], error["hint"]) == ("conflict", "Choose another name, or remove it first.")
        assert made["key"] not in node.answer("GET", "/api/definitions").text
        assert node.ask("DELETE", "/api/keys/web")["removed"] == "web"
        assert node.access.write_key(made["key"]) is None
        node.ask("DELETE", "/api/keys/web", 404)
        token = node.ask("POST", "/api/tokens", 201, json={"name": "boss", "scope": "admin"})["token"]
        assert node.ask("GET", "/api/tokens", token=token)["items"] == [
            {"name": "boss", "scope": "admin", "fields": []}
        ]
        node.ask("DELETE", "/api/tokens/boss", token=token)
        node.ask("GET", "/api/tokens", 401, token=token)
        for body in ({"name": "Web"}, {"name": "x", "rights": "all"}, {}, {"name": "x", "scope": "read"}):
            node.ask("POST", "/api/keys", 422, json=body)


def test_a_rebuild_gives_the_same_store(node: QueryNode) -> None:
    before = node.look_up("user_id", "C-1042")
    report = question(node, "rebuild_store").ask(node, ADMIN).json()
    assert (report["differences"], report["swapped"]) == ({}, True)
    assert report["records"] == sum(bounds.end for bounds in node.log.bounds().values())
    after = node.look_up("user_id", "C-1042")
    assert {**after, "positions": []} == {**before, "positions": []}


def test_a_rebuild_without_a_body_compares_nothing(node: QueryNode) -> None:
    bodies: tuple[dict[str, Any], ...] = ({}, {"json": {}}, {"json": {"verify": False}})
    for given in bodies:
        report = node.ask("POST", "/api/rebuild", **given)
        assert (report["differences"], report["swapped"]) == (None, True)
    node.ask("POST", "/api/rebuild", 422, json={"verfy": True})
