"""POST /v1/events: what is answered, and what is kept."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from kizuna.ingest.body import Limits
from kizuna.schemas import times
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.envelope import Envelope
from kizuna.schemas.failed_event import FailedEvent
from tests.api.collector_node import CollectorNode, collector_node, page
from tests.folding import NOW

Message = MutableMapping[str, Any]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CollectorNode]:
    with collector_node(tmp_path) as node:
        yield node


# What is answered


def test_an_array_is_answered_item_by_item_in_order(node: CollectorNode) -> None:
    answer = node.post([page(message_id="m1"), {"type": "page.seen"}, page()])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (2, 1)
    first, second, third = body["results"]
    assert first == {"code": "accepted", "event_id": str(event_id_for("shop", "m1"))}
    assert (second["code"], second["path"]) == ("unknown_type", "type")
    assert "page.viewed" in second["reason"]
    assert UUID(second["failed_id"])
    assert third["code"] == "accepted"
    assert "folded" not in body


def test_what_is_accepted_is_in_the_log_as_an_envelope(node: CollectorNode) -> None:
    (result,) = node.results(page(occurred_at="2026-04-30T12:00:00+09:00"))
    (event,) = node.events
    assert Envelope.model_validate(event)
    assert event["event_id"] == result["event_id"]
    assert (event["source"], event["rights"]) == ("shop", "secret")
    assert event["received_at"] == times.text(NOW)
    assert event["occurred_at"] == "2026-04-30T03:00:00.000000Z"


def test_what_is_refused_is_kept_whole(node: CollectorNode) -> None:
    raw = (
        '[ {"type":"page.viewed","ids":{"anonymous_id":"a1"}}, {"type": "nope",  "n": 1.50, "é": "\\u00e9"} ]'
    )
    results = node.results(raw)
    (failed,) = node.failed
    assert FailedEvent.model_validate(failed)
    assert failed["item"] == '{"type": "nope",  "n": 1.50, "é": "\\u00e9"}'
    assert failed["failed_id"] == results[1]["failed_id"]
    assert (failed["code"], failed["path"], failed["reason"]) == tuple(
        results[1][name] for name in ("code", "path", "reason")
    )
    assert (failed["via"], failed["source"], failed["received_at"]) == ("http", "shop", times.text(NOW))


@pytest.mark.parametrize("body", [page(), [page()], json.dumps(page()) + "\n"])
def test_one_item_may_come_alone(node: CollectorNode, body: object) -> None:
    assert [result["code"] for result in node.results(body)] == ["accepted"]
    assert len(node.events) == 1


def test_nothing_in_an_array_is_nothing_kept(node: CollectorNode) -> None:
    answer = node.post([])
    assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "refused": 0, "results": []})


@pytest.mark.parametrize(
    "content_type", ["application/x-ndjson", "application/jsonl; charset=utf-8", "text/plain", ""]
)
def test_lines_of_objects(node: CollectorNode, content_type: str) -> None:
    lines = [
        json.dumps(page(message_id="m1")),
        "",
        '{"type": "page.viewed", ',
        json.dumps(page(message_id="m2")) + "\r",
    ]
    results = node.results("\n".join(lines), content_type=content_type)
    assert [result["code"] for result in results] == ["accepted", "invalid_json", "accepted"]
    (failed,) = node.failed
    assert failed["item"] == '{"type": "page.viewed",'


def test_a_line_may_hold_anything(node: CollectorNode) -> None:
    lines = ["null", "[1]", '"text"', "NaN", json.dumps(page())]
    results = node.results("\n".join(lines), content_type="application/x-ndjson")
    assert [result["code"] for result in results] == [
        "invalid",
        "invalid",
        "invalid",
        "invalid_json",
        "accepted",
    ]
    assert [failed["item"] for failed in node.failed] == lines[:4]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"]
)
def test_json_is_read_whatever_the_content_type_says(node: CollectorNode, content_type: str) -> None:
    assert node.results([page()], content_type=content_type)[0]["code"] == "accepted"


def test_a_byte_order_mark_is_passed_over(node: CollectorNode) -> None:
    assert node.results(b"\xef\xbb\xbf" + json.dumps(page()).encode())[0]["code"] == "accepted"


def test_numbers_beyond_64_bits_are_kept_as_they_came(node: CollectorNode) -> None:
    raw = '{"type": "custom.big", "properties": {"n": 1180591620717411303424}}'
    (result,) = node.results(raw)
    assert result["code"] == "invalid_json"
    assert node.failed[0]["item"] == raw


def test_items_too_deep_for_anybody_are_kept(node: CollectorNode) -> None:
    items = [
        '{"message_id": "m", "type": "custom.deep", "properties": {"x": ' + "[" * n + "]" * n + "}}"
        for n in (40, 200, 1_020)
    ]
    codes = [result["code"] for result in node.results(f"[{','.join(items)}]")]
    assert codes == ["too_large", "too_large", "invalid_json"]
    assert [failed["item"] for failed in node.failed] == items


def test_an_item_within_the_limit_is_kept_whole(node: CollectorNode) -> None:
    node.results(page(type="page.seen", properties={"x": "y" * 500_000}))
    assert json.loads(node.failed[0]["item"])["properties"]["x"] == "y" * 500_000
    # Kept as JSON in JSON it would be too long for a record.
    (result,) = node.results(page(type="page.seen", properties={"x": '"' * 250_000}))
    assert result["code"] == "unknown_type"
    assert len(node.failed[1]["item"]) == 100_000


def test_a_very_long_item_is_kept_in_part(node: CollectorNode) -> None:
    (result,) = node.results(page(properties={"x": "y" * 600_000}))
    assert (result["code"], result["path"]) == ("too_large", "properties")
    assert len(node.failed[0]["item"]) == 100_000


def test_a_retry_has_the_same_ids(node: CollectorNode) -> None:
    items = [page(message_id="m1"), {"type": "nope", "message_id": "m2"}, {"type": "nope", "event_id": "x"}]
    first = node.results([{**item, "sent_at": "2026-01-01T00:00:00Z"} for item in items])
    second = node.results([{**item, "sent_at": "2026-01-01T00:00:09Z"} for item in items])
    assert first == second
    assert len({result.get("event_id") or result["failed_id"] for result in first}) == 3
    assert node.results({"type": "nopes", "message_id": "m2"})[0]["failed_id"] != first[1]["failed_id"]


def test_items_without_an_id_of_their_own_get_new_ones(node: CollectorNode) -> None:
    results = node.results([page(), page(), {"type": "nope"}, {"type": "nope"}])
    assert len({result.get("event_id") or result["failed_id"] for result in results}) == 4


# Keys


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        lambda key: {"authorization": f"Bearer {key}"},
        lambda key: {"authorization": f"bearer  {key} "},
        lambda key: {"authorization": basic(f"{key}:")},
        lambda key: {"authorization": basic(f"{key}:password")},
        lambda key: {"x-write-key": key},
        lambda key: {"x-write-key": key, "authorization": "Bearer something else"},
    ],
)
def test_a_key_may_come_in_three_ways(node: CollectorNode, headers: Callable[[str], dict[str, str]]) -> None:
    answer = node.request(content=json.dumps(page()), headers=headers(node.secret))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer kzw_unknown"},
        {"authorization": "Basic !!!"},
        {"authorization": basic(":password")},
        {"authorization": basic("kzw_unknown:")},
        {"authorization": "Digest kzw_unknown"},
        {"x-write-key": "kzw_unknown"},
    ],
)
def test_without_a_known_key_nothing_is_taken(node: CollectorNode, headers: dict[str, str]) -> None:
    answer = node.request(content=json.dumps(page()), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    error = answer.json()["error"]
    assert error["code"] == "unauthorized"
    assert "kizuna keys create" in error["hint"]
    assert node.events == node.failed == []


def test_a_public_key_may_send_only_what_is_public(node: CollectorNode) -> None:
    items = [page(), {"type": "deal.lost", "properties": {"deal_id": "d"}}, {**page(), "ids": {}}]
    results = node.results(items, authorization=f"Bearer {node.public}")
    assert [result["code"] for result in results] == ["accepted", "not_allowed", "no_identity"]
    assert node.events[0]["rights"] == "public"


def test_a_removed_key_opens_no_more(node: CollectorNode) -> None:
    node.access.remove("write_key", "tills", UUID(int=99))
    assert node.post(page()).status_code == 401


# Options


def test_a_dry_run_keeps_nothing(node: CollectorNode) -> None:
    answer = node.post([page(), {"type": "nope"}], "/v1/events?dry_run=true").json()
    assert (answer["accepted"], answer["refused"], answer["dry_run"]) == (1, 1, True)
    assert answer["results"][0] == {"code": "accepted"}
    assert set(answer["results"][1]) == {"code", "path", "reason"}
    assert node.events == node.failed == []
    assert node.post(page(), "/v1/events?dry_run=false").status_code == 200
    assert len(node.events) == 1


def test_waiting_until_it_is_folded(node: CollectorNode) -> None:
    node.projector.start()
    try:
        answer = node.post([page(), {"type": "nope"}], "/v1/events?wait=5s").json()
        assert answer["folded"] is True
        with node.services.store.read() as snapshot:
            assert snapshot.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
            assert snapshot.execute("SELECT count(*) FROM failed_items").fetchall() == [(1,)]
    finally:
        node.projector.stop()


def test_many_wait_at_once(node: CollectorNode) -> None:
    node.projector.start()

    async def post_all() -> list[dict[str, Any]]:
        transport = httpx.ASGITransport(node.app)
        headers = {"x-write-key": node.secret}
        async with httpx.AsyncClient(transport=transport, base_url="http://node", headers=headers) as client:
            posts = [client.post("/v1/events?wait=10s", json=page(message_id=str(n))) for n in range(40)]
            return [answer.json() for answer in await asyncio.gather(*posts)]

    try:
        assert [answer["folded"] for answer in asyncio.run(post_all())] == [True] * 40
    finally:
        node.projector.stop()


def test_the_wait_has_an_end(node: CollectorNode) -> None:
    answer = node.post(page(), "/v1/events?wait=50ms")  # nobody folds
    assert (answer.status_code, answer.json()["folded"]) == (200, False)
    assert len(node.events) == 1


@pytest.mark.parametrize(
    "query", ["dryrun=true", "dry_run=yes", "wait=5", "wait=31s", "wait=-1s", "wait=", "wait=1m", "x"]
)
def test_an_option_that_is_not_understood_keeps_nothing(node: CollectorNode, query: str) -> None:
    answer = node.post(page(), f"/v1/events?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_option"
    assert node.events == []


# Refusals of a whole request


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "[1,",
        '{"a": 1} x',
        "5",
        '"text"',
        "null",
        b"\xff",
        '[{"a": NaN}]',
        '["\\ud800"]',
        "{\n  'a'\n}",
    ],
)
def test_what_is_no_json_as_a_whole_is_told(node: CollectorNode, body: str | bytes) -> None:
    answer = node.post(body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_json"
    assert error["message"]
    assert error["hint"]
    assert node.failed == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_only_post(node: CollectorNode, method: str) -> None:
    answer = node.request(method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", ["/v1/", "/v1/event", "/v1/events/", "/v1/eventsx"])
def test_only_this_path(node: CollectorNode, path: str) -> None:
    answer = node.post(page(), path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_body_too_large(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(body_bytes=1_000)) as node:
        assert node.post([page(context={"x": "y" * 500})]).status_code == 200
        for size in (1_000, 3_000, 50_000):  # read to the end, or only in part
            answer = node.post([page(context={"x": "y" * size})])
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
            assert answer.headers.get("connection") == ("close" if size == 50_000 else None)
        assert len(node.events) == 1


def test_too_many_items(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(items=3)) as node:
        assert node.post([page()] * 3).status_code == 200
        assert node.post([page()] * 4).status_code == 413
        assert node.post("1\n" * 4, content_type="application/x-ndjson").status_code == 413
        assert len(node.events) == 3


# gzip


def test_gzip_with_and_without_its_header(node: CollectorNode) -> None:
    raw = gzip.compress(json.dumps([page()]).encode())
    assert node.post(raw, content_encoding="gzip").status_code == 200
    assert node.post(raw, content_type="application/x-www-form-urlencoded").status_code == 200
    members = gzip.compress(b"[") + gzip.compress(json.dumps(page()).encode()) + gzip.compress(b"]")
    assert node.post(members, content_encoding="GZIP").status_code == 200
    assert len(node.events) == 3


@pytest.mark.parametrize(
    "raw",
    [b"no gzip", gzip.compress(b"[]")[:-4], gzip.compress(b"[]") + b"tail", zlib.compress(b"[]")],
    ids=["text", "cut", "tail", "zlib"],
)
def test_what_is_no_gzip_is_told(node: CollectorNode, raw: bytes) -> None:
    answer = node.post(raw, content_encoding="gzip")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_gzip")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(body_bytes=100_000)) as node:
        answer = node.post(gzip.compress(b" " * 50_000_000), content_encoding="gzip")
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


# Browsers


def test_a_browser_may_ask_first(node: CollectorNode) -> None:
    asked = {"origin": "https://shop.example", "access-control-request-headers": "x-write-key, x-mine"}
    answer = node.request("OPTIONS", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-headers"] == "x-write-key, x-mine"
    assert answer.headers["access-control-allow-methods"] == "POST"


def test_a_page_reads_the_answers_to_a_public_key_only(node: CollectorNode) -> None:
    origin = {"origin": "https://shop.example"}
    for key, allowed in ((node.public, "https://shop.example"), (node.secret, None)):
        answer = node.post(page(), authorization=f"Bearer {key}", **origin)
        assert answer.headers.get("access-control-allow-origin") == allowed
    answer = node.post(page(), authorization="Bearer nobody", **origin)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert (
        "access-control-allow-origin" not in node.post(page(), authorization=f"Bearer {node.public}").headers
    )
