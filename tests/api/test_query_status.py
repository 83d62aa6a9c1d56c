"""Status, statistics and failed events: what the records of the log became adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import orjson
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.processors import reader
from kizuna.processors.reader import Stand
from kizuna.projections.fold import Fold
from kizuna.projections.store import cut
from kizuna.schemas.admission import Accepted
from kizuna.schemas.refusal import Refusal
from tests.api.query_node import QueryNode, query_node
from tests.folding import KEY, NOW, definition


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path, partitions=3) as node:
        yield node


def page(user: str, number: str, path: str = "/") -> dict[str, Any]:
    item = {"type": "page.viewed", "ids": {"user_id": user}, "properties": {"path": path}}
    return {**item, "message_id": number, "occurred_at": "2026-04-01T00:00:00Z"}


def fates(one: dict[str, Any]) -> tuple[int, int, int]:
    return one["events"], one["duplicates"], one["failed_events"]


def test_every_record_of_the_log_is_accounted_for(node: QueryNode) -> None:
    node.submit(page("u-1", "1"), page("u-1", "1"), page("u-2", "2"), page("u-2", "2", "/other"))
    node.submit({"type": "page.seen"}, {"type": "page.seen"}, {"type": "order.completed"})
    node.submit(
        page("u-1", "1"), {"type": "company.updated", "properties": {"company_id": "K"}}, source="till"
    )
    node.submit({"type": "page.seen"}, source="till")
    node.log.append(topics.TOUCHPOINTS, [NewRecord(b"", b'{"no": "envelope"}'), NewRecord(b"", b"\xff")])
    node.define(NewRecord(b"", b"no definition"))
    records = sum(bounds.end for bounds in node.log.bounds().values())
    assert node.get("/api/status")["lag"] == records
    node.fold()
    status = node.get("/api/status")
    assert status["lag"] == 0
    assert status["t"] == status["as_of"] == "2026-05-01T12:00:00.000000Z"
    account = status["account"]
    # The records of definitions are no part of the sum.
    defined = sum(its.end for at, its in node.log.bounds().items() if at.topic == "definitions")
    assert account["records"] == records - defined
    assert (*fates(account), account["adds_up"]) == (4, 2, 6, True)
    # Two of page 1 of the shop, one of the till under its own id, one of page 2; the others by kind.
    assert fates(status) == (4, 2, 7)
    assert (status["profiles"], status["companies"]) == (2, 1)
    topic = {one["topic"]: one for one in status["topics"]}
    assert fates(topic["touchpoints"]) == (4, 1, 3)
    assert fates(topic["failed-events"]) == (0, 1, 3)
    assert topic["definitions"]["failed_events"] == 1
    for one in status["topics"]:
        ends = sum(its.end for at, its in node.log.bounds().items() if at.topic == one["topic"])
        assert ends == one["records"] == one["folded"] == sum(fates(one))
    sources = {one["source"]: one for one in status["sources"]}
    assert fates(sources["shop"]) == (2, 2, 3)
    assert fates(sources["till"]) == (2, 0, 1)
    assert fates(sources["log"]) == (0, 0, 2)
    assert [one["records"] for one in status["sources"]] == [sum(fates(one)) for one in status["sources"]]
    total = tuple(
        sum(one[name] for one in status["sources"]) for name in ("events", "duplicates", "failed_events")
    )
    assert total == fates(account)
    positions = {(one["topic"], one["partition"]): one["offset"] for one in status["positions"]}
    assert positions == {
        (at.topic, at.partition): its.end for at, its in node.log.bounds().items() if its.end
    }


def test_failed_events_are_found_by_the_type_that_they_claim(node: QueryNode) -> None:
    order: dict[str, Any] = {"type": "order.completed", "properties": {"order_id": "A-1"}}
    node.submit(page("u-1", "1"))
    node.submit(order, {"type": "page.seen"}, page("u-1", "1", "/other"))
    for item in ({"type": 5}, {"type": None}, {"type": {"type": "x"}}, [order], "order.completed", {}):
        node.submit(item)
    texts = ("", "nothing", '{"type":', '{"type": "order.completed"', "\ufffd", '{"type": "\\ud800"}')
    for number, text in enumerate(texts):
        node.fail(Refusal("invalid_json", "", "no JSON"), text, f"broken-{number}", NOW)
    row = '{"receipt": "R-1", "type": "order.completed"}'
    node.fail(Refusal("unmapped", "occurred_at", "column time holds no time"), row, "tills", NOW)
    node.fold()
    items = node.pages("/api/failed-events", 4)
    assert len(items) == 3 + 6 + len(texts) + 1
    assert Counter(one["type"] for one in items) == {
        "order.completed": 2,
        "page.seen": 1,
        "page.viewed": 1,
        None: 6 + len(texts),
    }
    found = node.pages("/api/failed-events", 1, type="order.completed")
    assert sorted(one["code"] for one in found) == ["invalid", "unmapped"]
    for one in found:
        assert node.get(f"/api/failed-events/{one['id']}")["type"] == "order.completed"
    assert [one["code"] for one in node.pages("/api/failed-events", type="page.viewed")] == ["conflict"]


def test_failed_events_are_listed_grouped_and_shown_whole(node: QueryNode) -> None:
    node.submit(page("u-1", "1"))
    node.submit(
        page("u-1", "1", "/other"),
        {"type": "page.seen", "properties": {"secret": "whole"}},
        *({"type": "order.completed", "properties": {"order_id": str(n)}} for n in range(3)),
        received_at=NOW + timedelta(seconds=1),
    )
    node.fold()
    items = node.pages("/api/failed-events", 2)
    assert Counter(one["code"] for one in items) == {"invalid": 3, "unknown_type": 1, "conflict": 1}
    assert [one["received_at"] for one in items] == sorted(
        (one["received_at"] for one in items), reverse=True
    )
    assert all("secret" not in str(one) for one in items), "lists do not show what was in an item"
    (unknown,) = node.get("/api/failed-events", code="unknown_type", source="shop")["items"]
    whole = node.get(f"/api/failed-events/{unknown['id']}")
    assert orjson.loads(whole["item"]) == {"type": "page.seen", "properties": {"secret": "whole"}}
    assert {name: whole[name] for name in unknown} == unknown
    (conflict,) = node.get("/api/failed-events", code="conflict")["items"]
    assert conflict["type"] == "page.viewed"
    item = orjson.loads(node.get(f"/api/failed-events/{conflict['id']}")["item"])
    assert item == {
        "type": "page.viewed",
        "version": 1,
        "occurred_at": "2026-04-01T00:00:00.000000Z",
        "ids": {"user_id": ["u-1"]},
        "properties": {"path": "/other"},
    }, "as a client would send it; it has no id, as it takes a new one"
    groups = node.get("/api/failed-events/groups")["items"]
    assert (groups[0]["code"], groups[0]["failed_events"]) == ("invalid", 3)
    assert sum(one["failed_events"] for one in groups) == 5
    for nothing in ("0" * 32, "conflict-7-99", "nothing"):
        node.ask("GET", f"/api/failed-events/{nothing}", 404)
    # The log may have let go of a conflict's record; the failed event stays.
    at = conflict["topic"], conflict["partition"]
    node.log.forget(*at, conflict["offset"] + 1)
    assert node.get(f"/api/failed-events/{conflict['id']}")["item"] is None


def test_statistics_count_and_add_up_by_type_source_and_day(node: QueryNode) -> None:
    moments = [
        "1969-12-31T15:00:00Z",
        "2026-04-01T14:59:59.999999Z",
        "2026-04-01T15:00:00Z",
        "2026-04-02T14:59:00Z",
        "2026-04-02T15:00:00+09:00",
    ]
    for number, moment in enumerate(moments):
        node.submit(page("u-1", str(number)) | {"occurred_at": moment}, source=f"s-{number % 2}")
    node.fold()
    stats = node.get("/api/stats")
    assert stats["workspace"] == {"time_zone": "Asia/Tokyo", "currency": "JPY"}
    tokyo = Counter(
        datetime.fromisoformat(moment).astimezone(ZoneInfo("Asia/Tokyo")).date().isoformat()
        for moment in moments
    )
    assert {one["day"]: one["events"] for one in stats["by_day"]} == tokyo
    assert [(one["type"], one["events"]) for one in stats["by_type"]] == [("page.viewed", 5)]
    assert {one["source"]: one["events"] for one in stats["by_source"]} == {"s-0": 3, "s-1": 2}
    assert stats["warnings"] == []
    assert stats["orders"] == {"by_currency": [], "by_day": []}


def test_zones_stand_five_minutes_from_utc_since_1973() -> None:
    """What the statistics by day take for granted."""
    moment = datetime(1973, 1, 1, tzinfo=UTC)
    offsets = set()
    while moment.year < 2038:
        for zone in _ZONES:
            offset = moment.astimezone(zone).utcoffset()
            assert offset is not None
            offsets.add(offset % timedelta(minutes=5))
        moment += timedelta(days=61)
    assert offsets == {timedelta(0)}


_ZONES = [ZoneInfo(name) for name in sorted(available_timezones())]


def test_money_is_summed_by_currency_and_by_day(node: QueryNode) -> None:
    def order(number: str, total: str, day: int, currency: str = "JPY") -> dict[str, Any]:
        properties = {"order_id": number, "total": total, "currency": currency}
        return {
            "type": "order.completed",
            "properties": properties,
            "occurred_at": f"2026-04-{day:02}T20:00:00Z",  # the next day in Tokyo
        }

    def later(type_: str, day: int, **properties: str) -> dict[str, Any]:
        return {"type": type_, "properties": properties, "occurred_at": f"2026-04-{day:02}T01:00:00Z"}

    node.submit(
        order("A-1", "100.10", 1),
        order("A-2", "200", 1),
        order("A-3", "300", 2),
        order("B-1", "7.5", 2, "EUR"),
        later("order.updated", 5, order_id="A-1", total="90.10"),
        later("order.refunded", 6, order_id="A-2", amount="50", currency="JPY"),
        later("order.refunded", 6, amount="1.25", currency="JPY"),
        later("order.cancelled", 6, order_id="A-3"),
        later("order.cancelled", 6, order_id="A-404"),
        later("deal.created", 6, deal_id="D", amount="5", currency="USD"),
        {"type": "page.viewed", "ids": {"user_id": "u"}, "properties": {}}
        | {"occurred_at": (NOW + timedelta(days=1)).isoformat()},
    )
    node.fold()
    stats = node.get("/api/stats")
    eur, jpy = stats["orders"]["by_currency"]
    assert eur == {"currency": "EUR", "orders": 1, "refunds": 0} | {
        "gross": "7.5",
        "cancelled": "0",
        "refunded": "0",
        "net": "7.5",
    }
    assert jpy == {"currency": "JPY", "orders": 3, "refunds": 2} | {
        "gross": "590.1",
        "cancelled": "-300",
        "refunded": "-51.25",
        "net": "238.85",
    }
    days = stats["orders"]["by_day"]
    assert [(one["day"], one["currency"], one["orders"], one["net"]) for one in days] == [
        ("2026-04-02", "JPY", 2, "300.1"),
        ("2026-04-03", "EUR", 1, "7.5"),
        ("2026-04-03", "JPY", 1, "300"),
        ("2026-04-05", "JPY", 0, "-10"),
        ("2026-04-06", "JPY", 0, "-351.25"),
    ]
    for name in ("gross", "cancelled", "refunded", "net"):
        of_days = sum(Decimal(one[name]) for one in days if one["currency"] == "JPY")
        assert of_days == Decimal(jpy[name])
    warned = {(one["code"], one["message"].split(" ")[0]): one["count"] for one in stats["warnings"]}
    assert warned == {
        ("foreign_currency", "movements"): 1,
        ("foreign_currency", "deals"): 1,
        ("unknown_order", "orders"): 1,
        ("future_time", "events"): 1,
    }


def test_numbers_that_are_none_are_warned_of(node: QueryNode) -> None:
    body: dict[str, object] = {"name": "score", "sum": "custom.quiz.score"}
    node.define(definition("trait", "score", body, minute=1))
    for score in ("7", "many", "1e30", None, 8):
        properties = {} if score is None else {"score": score}
        node.submit({"type": "custom.quiz", "ids": {"user_id": "u"}, "properties": properties})
    node.fold()
    (warning,) = node.get("/api/stats")["warnings"]
    assert (warning["code"], warning["count"]) == ("not_a_number", 2)
    assert node.look_up("user_id", "u")["traits"]["score"] == "15"


def test_definitions_show_no_hashes_of_keys(node: QueryNode) -> None:
    node.ask("POST", "/api/keys", 201, json={"name": "web", "rights": "public"})
    node.fold()
    items = node.get("/api/definitions")["items"]
    held = {(one["kind"], one["name"]): one for one in items}
    assert held["write_key", "web"]["body"] == {"rights": "public", "source": "web"}
    assert held["write_key", "web"]["layer"] == "user"
    assert held["workspace", "workspace"]["body"]["time_zone"] == "Asia/Tokyo"
    assert held["trait", "orders_count"]["body"]["count"] == "order"


def test_a_definition_that_is_computed_yet_is_shown_as_pending(node: QueryNode) -> None:
    """Read by the fold, but not activated: the projector was cut off between the two."""
    node.submit(page("u-1", "1"))
    node.fold()
    node.define(definition("trait", "page_views", {"name": "page_views", "count": "event"}, minute=1))
    node.define(definition("trait", "orders_count", None, minute=1))
    reading = reader.read(node.log, _stands(node), node.log.bounds(), NOW, 100)
    Fold(node.store, KEY).apply(reading.batch)
    shown = {(one["name"], one["pending"]): one["body"] for one in node.get("/api/definitions")["items"]}
    assert shown["page_views", False] == {"name": "page_views", "label": "Page views", "count": "page.viewed"}
    assert shown["page_views", True] == {"name": "page_views", "count": "event"}
    assert shown["orders_count", False]["count"] == "order"
    assert shown["orders_count", True] is None
    assert node.look_up("user_id", "u-1")["traits"]["page_views"] == 1
    node.projector.adopt()
    node.fold()
    items = node.get("/api/definitions")["items"]
    assert not any(one["pending"] for one in items)
    assert {one["name"]: one["body"] for one in items}["page_views"] == {
        "name": "page_views",
        "count": "event",
    }
    assert "orders_count" not in node.look_up("user_id", "u-1")["traits"]
    (topic,) = [one for one in node.get("/api/status")["topics"] if one["topic"] == "definitions"]
    assert topic["folded"] == topic["records"] == sum(fates(topic))


def _stands(node: QueryNode) -> dict[TopicPartition, Stand]:
    return reader.start(node.log, cut(node.store.writer).positions, node.log.bounds())


def test_schemas_of_every_type_have_an_example_that_is_accepted(node: QueryNode) -> None:
    items = node.get("/api/schemas")["items"]
    assert len(items) == len({one["type"] for one in items}) > 60
    for one in items:
        assert one["schema"]["type"] == "object"
        (result,) = node.submit(one["example"])
        assert isinstance(result, Accepted), (one["type"], result)
        kept = {"custom.<name>": "custom.quiz_finished", "event.corrected": "note.added"}
        assert result.type == kept.get(one["type"], one["type"])


def test_readiness_waits_for_the_fold(node: QueryNode) -> None:
    node.submit(page("u-1", "1"))
    assert node.answer("GET", "/health", token=None).json() == {"status": "alive"}
    error = node.ask("GET", "/ready", 503, token=None)["error"]
    assert "records to go" in error["message"]
    node.projector.start()
    try:
        assert node.projector.caught_up.wait(30)
        assert node.ask("GET", "/ready", token=None)["status"] == "ready"
        node.submit(page("u-1", "2"))
        assert node.ask("GET", "/ready", token=None)["status"] == "ready", "falling behind later is no matter"
        # A log that lost what was not folded yet stops the projector.
        node.log.append(topics.TOUCHPOINTS, [NewRecord(bytes([n]), b"{}") for n in range(50)])
        assert node.projector.wait_folded(node.log.bounds(), 30)
    finally:
        node.projector.stop()


def test_readiness_tells_why_the_fold_stopped(node: QueryNode) -> None:
    for _ in range(2):
        node.log.append(topics.DEFINITIONS, [NewRecord(b"", b"{}")])
    node.log.forget(topics.DEFINITIONS, 0, 1)
    node.projector.start()
    try:
        with node.projector._folded:
            assert node.projector._folded.wait_for(lambda: node.projector.failure is not None, 30)
        response = node.answer("GET", "/ready", token=None)
        assert response.status_code == 503
        assert response.json()["error"]["message"].startswith("The projector stopped: ")
    finally:
        node.projector.stop()
