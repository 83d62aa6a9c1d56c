"""Failed events are repaired: each once, under its own id, alone and in bulk; and everything adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.schemas.admission import Accepted, event_id_for
from kizuna.schemas.refusal import Refusal
from tests.api.query_node import QueryNode, query_node
from tests.folding import NOW


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path, partitions=3) as node:
        yield node


def page(number: str, **parts: Any) -> dict[str, Any]:
    item = {"type": "page.viewed", "ids": {"user_id": "u-1"}, "properties": {"path": "/"}}
    return {**item, "message_id": number, "occurred_at": "2026-04-01T00:00:00Z", **parts}


def order(number: str, **properties: Any) -> dict[str, Any]:
    given = {"order_id": number, "currency": "JPY", "total": "100", **properties}
    return {"type": "order.completed", "message_id": number, "ids": {"user_id": "u-1"}, "properties": given}


def failed(node: QueryNode, **filters: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = node.get("/api/failed-events", **filters)["items"]
    (one,) = found
    return one


def repair(node: QueryNode, one: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return node.ask("POST", f"/api/failed-events/{one['id']}/repair", status, json=body)


def adds_up(node: QueryNode) -> dict[str, Any]:
    """The account of the status, held against the records of the log itself."""
    node.fold()
    status = node.get("/api/status")
    assert status["lag"] == 0
    account: dict[str, Any] = status["account"]
    assert account["adds_up"] is True, status
    records = Counter[str]()
    for at, its in node.log.bounds().items():
        for record in node.log.read(at.topic, at.partition, 0, its.end):
            again = at.topic == topics.TOUCHPOINTS and b'"repairs"' in record.value
            records["readmitted" if again else at.topic] += 1
    assert account["records"] == records["touchpoints"] + records["failed-events"]
    assert account["readmitted"] == records["readmitted"]
    for one in (account, *status["sources"]):
        assert one["records"] == one["events"] + one["duplicates"] + one["failed_events"]
    for topic in status["topics"]:
        assert topic["records"] == topic["folded"]
    assert (status["failed_events"], status["repaired"]) == (
        len(node.pages("/api/failed-events", 50)),
        len(node.pages("/api/failed-events", 50, repaired="true")),
    )
    return account


def test_a_repaired_item_is_an_event_once(node: QueryNode) -> None:
    node.submit(page("1", type="page.seen"))
    node.fold()
    one = failed(node)
    assert one["repaired_by"] is None
    dry = repair(node, one, patch={"type": "page.viewed"}, dry_run=True)
    assert (dry["accepted"], dry["refused"], dry["dry_run"], dry["folded"]) == (1, 0, True, False)
    assert dry["results"][0]["event"]["type"] == "page.viewed"
    assert adds_up(node)["failed_events"] == 1, "a dry run keeps nothing"
    still = repair(node, one, patch={"type": "page.watched"})
    assert (still["accepted"], still["refused"]) == (0, 1)
    (reason,) = still["reasons"]
    assert (reason["code"], reason["path"], reason["failed_events"]) == ("unknown_type", "type", 1)
    done = repair(node, one, patch={"type": "page.viewed"})
    assert (done["accepted"], done["folded"]) == (1, True)
    event = done["results"][0]["event"]
    assert event == dry["results"][0]["event"]
    assert event["event_id"] == str(event_id_for("shop", "1"))
    assert (event["repairs"], event["received_at"]) == (one["id"], "2026-05-01T12:00:00.000000Z")
    account = adds_up(node)
    assert (account["records"], account["events"], account["failed_events"]) == (1, 1, 0)
    assert (account["repaired"], account["readmitted"]) == (1, 1)
    assert node.look_up("user_id", "u-1")["traits"]["last_page"] == "/"
    assert node.get("/api/failed-events")["items"] == []
    shown = failed(node, repaired="true")
    assert shown == {**one, "repaired_by": event["event_id"]}
    error = repair(node, one, 409, patch={"type": "page.viewed"})["error"]
    assert error["code"] == "conflict"
    assert event["event_id"] in error["message"]
    assert adds_up(node) == account


def test_a_repair_meets_the_event_that_the_client_sent_itself(node: QueryNode) -> None:
    """It comes with the same id: with the same content it is a duplicate, another content is refused."""
    node.submit(page("1", type="page.seen"), page("2", type="page.seen"))
    node.submit(page("1"), page("2", properties={"path": "/other"}))
    node.fold()
    asked = node.ask(
        "POST", "/api/failed-events/repair", params={"all": "true"}, json={"patch": {"type": "page.viewed"}}
    )
    assert (asked["accepted"], asked["refused"]) == (1, 1)
    assert asked["reasons"][0]["code"] == "conflict"
    adds_up(node)
    held = UUID(int=event_id_for("shop", "2").int)
    second = [one for one in node.pages("/api/failed-events") if str(held) in _why(node, one)]
    done = repair(node, second[0], patch={"type": "page.viewed"}, new_id=True)
    assert done["results"][0]["event_id"] != str(held)
    assert adds_up(node)["events"] == 3


def _why(node: QueryNode, one: dict[str, Any]) -> str:
    return str(repair(node, one, patch={"type": "page.viewed"}, dry_run=True)["reasons"])


def test_two_items_of_one_name_do_not_clash_in_bulk(node: QueryNode) -> None:
    node.submit(page("1", type="page.seen"), page("1", type="page.seen", properties={"path": "/b"}))
    node.fold()
    asked = node.ask(
        "POST", "/api/failed-events/repair", params={"all": "true"}, json={"patch": {"type": "page.viewed"}}
    )
    assert (asked["accepted"], asked["refused"]) == (1, 1)
    account = adds_up(node)
    assert (account["events"], account["duplicates"], account["failed_events"]) == (1, 0, 1)


def test_groups_are_repaired_in_bulk(node: QueryNode) -> None:
    node.submit(*(order(f"A-{n}", lines=[{}] * n + [{"quantity": "many"}]) for n in range(3)))
    node.submit(*(order(f"B-{n}", currency=None) for n in range(2)), source="till")
    node.submit(page("1", type="page.seen"))
    node.fold()
    groups = node.get("/api/failed-events/groups")["items"]
    assert sum(one["failed_events"] for one in groups) == 6
    (till,) = node.get("/api/failed-events/groups", source="till")["items"]
    assert (till["failed_events"], till["sources"], till["path"]) == (2, ["till"], "properties.currency")
    for group in groups:
        members = node.pages("/api/failed-events", group=group["group"])
        assert len(members) == group["failed_events"]
        assert group["example"] == members[0]["id"]
        assert group["example_reason"] == members[0]["reason"]
    lines = next(one for one in groups if ".lines." in one["path"])
    assert "*" in lines["path"]
    body = {"patch": {"properties": {"lines": None}}}
    path = "/api/failed-events/repair"
    done = node.ask("POST", path, params={"group": lines["group"]}, json=body)
    assert (done["accepted"], done["refused"], done["reasons"]) == (3, 0, [])
    assert all(one["code"] == "accepted" and one["event"] is None for one in done["results"])
    adds_up(node)
    assert node.ask("POST", path, params={"group": lines["group"]}, json=body)["accepted"] == 0
    # What is left: those without a currency can be repaired, the unknown type stays.
    rest = node.ask("POST", path, params={"all": "true"}, json={"patch": {"properties": {"currency": "JPY"}}})
    assert (rest["accepted"], rest["refused"]) == (2, 1)
    account = adds_up(node)
    assert (account["records"], account["events"], account["failed_events"]) == (6, 5, 1)
    assert node.look_up("user_id", "u-1")["traits"]["lifetime_value"] == "500"


def test_a_bulk_repair_goes_through_all_pages(node: QueryNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kizuna.processors.repairs.PAGE", 3)
    node.submit(*(page(str(n), type="page.seen") for n in range(10)))
    node.fold()
    filters = {"received_at.gte": "2026-05-01T12:00:00.000002Z", "code": "unknown_type"}
    body = {"patch": {"type": "page.viewed"}}
    dry = node.ask("POST", "/api/failed-events/repair", params=filters, json={**body, "dry_run": True})
    assert (dry["accepted"], len(dry["results"])) == (8, 8)
    assert node.ask("POST", "/api/failed-events/repair", params=filters, json=body)["accepted"] == 8
    assert adds_up(node)["failed_events"] == 2


def test_a_conflict_takes_the_place_of_the_event_that_holds_its_id(node: QueryNode) -> None:
    sent = order("A", total="100")
    other = {**sent, "properties": {**sent["properties"], "total": "70"}}
    node.submit(sent, other, received_at=NOW - timedelta(hours=1))
    node.fold()
    held = str(event_id_for("shop", "A"))
    one = failed(node, code="conflict")
    dry = repair(node, one, correct=True, dry_run=True)
    assert (dry["accepted"], dry["results"][0]["event"]["corrects"]) == (1, held)
    done = repair(node, one, correct=True, patch={"channel": "store"})["results"][0]
    assert (done["code"], done["event"]["repairs"]) == ("accepted", one["id"])
    account = adds_up(node)
    (shown,) = node.get("/api/orders")["items"]
    assert (shown["total"], shown["status"]) == ("70", "completed")
    traits = node.look_up("user_id", "u-1")["traits"]
    assert (traits["orders_count"], traits["lifetime_value"]) == (1, "70")
    # Both copies of the id are out: the one that held it, and the conflict that was repaired.
    was = node.get(f"/api/events/{held}")
    assert [where["taken_out_by"] for where in (was, *was["copies"])] == [done["event_id"]] * 2
    assert (was["properties"]["total"], account["retracted"]) == ("100.0000", 1)
    assert node.get("/api/failed-events")["items"] == []
    # Undone, the first one counts again, and the conflict is one again: it was repaired once.
    node.ask("POST", f"/api/events/{done['event_id']}/retract", json={})
    adds_up(node)
    assert node.look_up("user_id", "u-1")["traits"]["lifetime_value"] == "100"
    assert node.get("/api/failed-events")["items"] == []
    assert failed(node, repaired="true")["id"] == one["id"]
    repair(node, one, 409, correct=True)


def test_a_conflict_is_repaired_under_a_new_id(node: QueryNode) -> None:
    node.submit(page("1"), page("1", properties={"path": "/b"}), page("1", properties={"path": "/c"}))
    node.fold()
    before = adds_up(node)
    assert (before["events"], before["failed_events"]) == (1, 2)
    for one in node.pages("/api/failed-events"):
        assert one["code"] == "conflict"
        assert node.get(f"/api/failed-events/{one['id']}")["item"]
        done = repair(node, one, patch={"channel": "web"})
        assert done["accepted"] == 1, done
        assert done["results"][0]["event_id"] not in (one["event_id"], one["id"])
        repair(node, one, 409)
    account = adds_up(node)
    assert (account["records"], account["events"], account["failed_events"]) == (3, 3, 0)
    assert (account["repaired"], account["readmitted"]) == (2, 2)


def test_records_that_the_fold_could_not_read_are_repaired(node: QueryNode) -> None:
    (sealed,) = node.submit(page("1"), source="till")
    assert isinstance(sealed, Accepted)
    foreign = orjson.loads(sealed.value) | {"event_id": str(UUID(int=99))}
    del foreign["body_hash"]
    node.log.append(topics.TOUCHPOINTS, [NewRecord(b"", orjson.dumps(foreign)), NewRecord(b"", b"\xff{")])
    node.log.append(topics.FAILED_EVENTS, [NewRecord(b"", b'{"no": "failed event"}')])
    node.define(NewRecord(b"", b"no definition"))
    node.fold()
    items = {one["offset"]: one for one in node.pages("/api/failed-events") if one["topic"] == "touchpoints"}
    assert len(items) == 2
    readable = next(
        one
        for one in items.values()
        if (node.get(f"/api/failed-events/{one['id']}")["item"] or "")[:1] == "{"
    )
    (garbage,) = [one for one in items.values() if one is not readable]
    done = repair(node, readable)
    assert done["accepted"] == 1, done
    event = done["results"][0]["event"]
    assert (event["source"], event["event_id"]) == ("till", str(UUID(int=99)))
    assert repair(node, garbage, patch={"type": "page.viewed"})["reasons"][0]["code"] == "invalid_json"
    assert repair(node, garbage, item=page("7"))["accepted"] == 1
    definition = failed(node, reason="Invalid JSON: expected ident at line 1 column 2")
    assert repair(node, definition, item=page("8"))["reasons"][0]["code"] == "not_allowed"
    broken = next(one for one in node.pages("/api/failed-events") if one["topic"] == "failed-events")
    assert repair(node, broken, item=page("9"))["accepted"] == 1
    account = adds_up(node)
    assert (account["records"], account["events"], account["repaired"]) == (4, 4, 3)
    sources = {one["source"]: one for one in node.get("/api/status")["sources"]}
    assert (sources["till"]["records"], sources["till"]["events"]) == (2, 2)


def test_a_record_that_the_log_lost_cannot_be_repaired(node: QueryNode) -> None:
    node.submit(page("1"), page("1", properties={"path": "/b"}))
    node.fold()
    one = failed(node)
    node.log.forget(one["topic"], one["partition"], one["offset"] + 1)
    assert repair(node, one)["reasons"][0]["reason"] == "the log no longer has the record"


def test_a_repair_takes_a_token_of_scope_admin_and_a_clear_question(node: QueryNode) -> None:
    token = node.ask("POST", "/api/tokens", 201, json={"name": "reader"})["token"]
    node.submit(page("1", type="page.seen"))
    node.fold()
    one, bulk = f"/api/failed-events/{failed(node)['id']}/repair", "/api/failed-events/repair"
    for path in (one, bulk):
        node.ask("POST", path, 403, token=token, json={})
        node.ask("POST", path, 422, json={"patch": {}, "item": {}})
        node.ask("POST", path, 422, json={"patch": [1]})
        node.ask("POST", path, 422, json={"pach": {}})
    error = node.ask("POST", bulk, 422, json={"patch": {}})["error"]
    assert error["hint"] == "Name a filter, or say all=true."
    for params in ({"colour": "red"}, {"repaired": "true"}, {"received_at.gte": "soon"}):
        node.ask("POST", bulk, 422, params=params, json={"patch": {}})
    for nobody in ("nothing", str(UUID(int=1))):
        node.ask("POST", f"/api/failed-events/{nobody}/repair", 404, json={})
    assert adds_up(node)["failed_events"] == 1


def test_two_repairs_at_once_are_one(node: QueryNode) -> None:
    node.submit(*(page(str(n), type="page.seen") for n in range(3)))
    node.fold()
    path = f"/api/failed-events/{node.pages('/api/failed-events')[0]['id']}/repair"
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(node.answer, "POST", path, json={"patch": {"type": "page.viewed"}}) for _ in range(4)
        ]
    assert sorted(one.result().status_code for one in asked) == [200, 409, 409, 409]
    assert adds_up(node)["readmitted"] == 1


def test_nothing_is_repaired_while_the_fold_cannot_go_on(node: QueryNode) -> None:
    node.submit(page("1", type="page.seen"))
    node.fold()
    one = failed(node)
    for _ in range(2):
        node.log.append(topics.DEFINITIONS, [NewRecord(b"", b"{}")])
    partitions = {at.partition: its.end for at, its in node.log.bounds().items() if at.topic == "definitions"}
    node.log.forget(topics.DEFINITIONS, 0, partitions[0])
    node.projector.start()
    try:
        error = repair(node, one, 503, patch={"type": "page.viewed"})["error"]
        assert error["message"] == "The fold is behind, so it is not known what is done already."
    finally:
        node.projector.stop()
    assert not any(
        b'"repairs"' in record.value
        for partition in range(3)
        for record in node.log.read(topics.TOUCHPOINTS, partition, 0, 100)
    )


def test_a_repeated_failed_item_stays_a_duplicate(node: QueryNode) -> None:
    node.submit(page("1", type="page.seen"), page("1", type="page.seen"))
    node.fail(Refusal("invalid_json", "", "no JSON"), "{", "shop", NOW)
    node.fold()
    one = failed(node, code="unknown_type")
    assert one["repeats"] == 1
    assert repair(node, one, patch={"type": "page.viewed"})["accepted"] == 1
    account = adds_up(node)
    assert (account["records"], account["events"], account["duplicates"], account["failed_events"]) == (
        3,
        1,
        1,
        1,
    )
    # The client goes on sending it.
    node.submit(page("1", type="page.seen"))
    account = adds_up(node)
    assert (account["records"], account["events"], account["duplicates"], account["failed_events"]) == (
        4,
        1,
        2,
        1,
    )
