"""Events are corrected and taken out, alone, by entity and by import; and that is undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import canon
from kizuna.schemas.admission import Accepted, Origin, admit, event_id_for
from tests.api.query_node import QueryNode, query_node
from tests.folding import KEY, NOW
from tests.importing import a_map, import_file
from tests.properties.test_rebuild import rebuilt

RETRACTED = ("taken_out", "restored", "replaced", "folded")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path, partitions=3) as node:
        yield node


@pytest.fixture(autouse=True)
def _rebuilt(node: QueryNode) -> Iterator[None]:
    """Whatever a test did, a rebuild gives the same state, and every record is accounted for."""
    yield
    node.fold()
    assert node.get("/api/status")["account"]["adds_up"] is True
    assert rebuilt(node.log, node.store, node.projector).differences == {}


def order(number: str, total: str = "100", **parts: Any) -> dict[str, Any]:
    return {
        "type": "order.completed",
        "message_id": number,
        "ids": {"user_id": "u-1"},
        "occurred_at": "2026-04-01T00:00:00Z",
        "properties": {"order_id": number, "currency": "JPY", "total": total},
        **parts,
    }


def id_of(message_id: str, source: str = "shop") -> str:
    return str(event_id_for(source, message_id))


def spent(node: QueryNode) -> tuple[int, str | None]:
    found = node.look_up("user_id", "u-1")["traits"]
    return found["orders_count"] or 0, found["lifetime_value"]


def timeline(node: QueryNode) -> list[dict[str, Any]]:
    profile = node.look_up("user_id", "u-1")["id"]
    items: list[dict[str, Any]] = node.get(f"/api/profiles/{profile}/timeline")["items"]
    return items


def do(node: QueryNode, path: str, status: int = 200, params: Any = None, **body: Any) -> dict[str, Any]:
    return node.ask("POST", f"/api/{path}", status, json=body, params=params)


def effect(answer: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(answer[name] for name in RETRACTED)


# --- one event --------------------------------------------------------------------------------------------


def test_an_event_is_taken_out_and_put_back(node: QueryNode) -> None:
    node.submit(order("A", "100"), order("B", "40"), order("C", "1", test=True))
    node.fold()
    before = canon.digest(node.store.writer)
    dry = do(node, f"events/{id_of('A')}/retract", dry_run=True, reason="void")
    assert effect(dry) == (1, None, None, False)
    assert dry["events"] == []
    assert canon.digest(node.store.writer) == before

    done = do(node, f"events/{id_of('A')}/retract", reason="void")
    assert effect(done) == (1, 0, 0, True)
    assert spent(node) == (1, "40")
    assert id_of("A") not in {one["event_id"] for one in timeline(node)}
    (retraction,) = done["events"]
    assert done["event"]["properties"] == {"event_id": id_of("A"), "reason": "void"}
    assert done["event"]["actor"] == {"kind": "staff", "id": "admin"}

    gone = node.get(f"/api/events/{id_of('A')}")
    assert (gone["standing"], gone["taken_out_by"]) == ("taken_out", retraction)
    assert gone["since"] == gone["recorded_at"]  # the log's clock stands still here
    assert gone["properties"]["total"] == "100.0000"
    assert gone["ids"] == [{"kind": "user_id", "value": "u-1"}]
    assert gone["entities"] == [{"kind": "order", "namespace": "shop", "id": "A"}]
    again = do(node, f"events/{id_of('A')}/retract", 409)["error"]
    assert retraction in again["message"]
    assert do(node, f"events/{id_of('A')}/correct", 409, patch={})["error"]["code"] == "conflict"

    shown = node.get(f"/api/events/{retraction}")
    assert (shown["standing"], shown["effective"], shown["type"]) == ("counts", True, "event.retracted")
    undone = do(node, f"events/{retraction}/retract")
    assert effect(undone) == (0, 1, 0, True)
    assert spent(node) == (2, "140")
    assert node.get(f"/api/events/{retraction}")["effective"] is False
    assert node.get(f"/api/events/{id_of('A')}")["standing"] == "counts"
    # Undoing that takes it out again.
    assert effect(do(node, f"events/{undone['events'][0]}/retract")) == (1, 0, 0, True)
    assert spent(node) == (1, "40")


def test_where_copies_stand(node: QueryNode) -> None:
    node.submit(order("A"), order("A"), order("A", "7"))
    node.fold()
    shown = node.get(f"/api/events/{id_of('A')}")
    assert (shown["standing"], shown["since"], shown["effective"]) == ("counts", None, None)
    assert [one["standing"] for one in shown["copies"]] == ["duplicate", "conflict"]
    assert all(one["since"] == one["recorded_at"] for one in shown["copies"])
    (retraction,) = do(node, f"events/{id_of('A')}/retract")["events"]
    shown = node.get(f"/api/events/{id_of('A')}")
    assert [one["taken_out_by"] for one in (shown, *shown["copies"])] == [retraction] * 3
    # The id is free: what comes with it now counts.
    node.submit(order("A", "9"), received_at=NOW + timedelta(seconds=1))
    node.fold()
    shown = node.get(f"/api/events/{id_of('A')}")
    assert (shown["standing"], shown["properties"]["total"], len(shown["copies"])) == ("counts", "9.0000", 3)
    assert spent(node) == (1, "9")


def test_since_is_when_the_log_had_both(node: QueryNode) -> None:
    moments = iter(range(1_000, 100_000, 1_000))
    node.log._clock = lambda: next(moments)
    node.submit(order("A"), order("A"))
    node.fold()
    recorded = node.get(f"/api/events/{id_of('A')}")
    assert recorded["copies"][0]["since"] == recorded["copies"][0]["recorded_at"] > recorded["recorded_at"]
    (retraction,) = do(node, f"events/{id_of('A')}/retract")["events"]
    shown = node.get(f"/api/events/{id_of('A')}")
    assert shown["since"] == node.get(f"/api/events/{retraction}")["recorded_at"] > shown["recorded_at"]
    assert shown["copies"][0]["since"] == shown["since"]


def test_what_is_not_there_is_said(node: QueryNode) -> None:
    for path in (f"events/{UUID(int=99)}/retract", "imports/none/undo", "imports/none/redo"):
        assert do(node, path, 404)["error"]["code"] == "not_found"
    assert do(node, f"events/{UUID(int=99)}/correct", 404, patch={})["error"]["hint"]
    assert do(node, "entities/order/none/retract", 404, {"namespace": "shop"})["error"]
    node.ask("GET", f"/api/events/{UUID(int=99)}", 404)
    node.ask("GET", "/api/imports/none", 404)


# --- corrections ------------------------------------------------------------------------------------------


def test_an_event_is_corrected_and_corrected_again(node: QueryNode) -> None:
    sent = order("A", "100", sent_at="2026-05-01T12:05:00Z", channel="store")  # five minutes fast
    node.submit(sent, order("B", "1"))
    node.fold()
    at = node.get(f"/api/events/{id_of('A')}")["occurred_at"]
    assert at == "2026-03-31T23:55:00.000000Z"
    patch = {"properties": {"total": "70"}, "channel": None}
    first = do(node, f"events/{id_of('A')}/correct", patch=patch, reason="misread")
    assert effect(first) == (1, 0, 0, True)
    assert spent(node) == (2, "71")
    shown = timeline(node)[1]
    assert shown["event_id"] == first["events"][0]
    assert (shown["corrects"], shown["occurred_at"]) == (id_of("A"), at)
    assert shown["correction"] == {"reason": "misread", "actor": {"kind": "staff", "id": "admin"}}
    assert "channel" not in shown
    assert node.get(f"/api/events/{id_of('A')}")["taken_out_by"] == first["events"][0]

    second = do(node, f"events/{first['events'][0]}/correct", patch={"properties": {"total": "60"}})
    assert (second["taken_out"], second["restored"]) == (1, 0)
    assert second["event"]["corrects"] == first["events"][0]
    assert spent(node) == (2, "61")
    assert node.get(f"/api/events/{first['events'][0]}")["standing"] == "taken_out"
    # Taking out the last one gives back the one before, taking out that what came first.
    for event, total in ((second["events"][0], "71"), (first["events"][0], "101")):
        undone = do(node, f"events/{event}/retract")
        assert (undone["taken_out"], undone["restored"]) == (1, 1)
        assert spent(node) == (2, total)


def test_of_corrections_of_an_event_and_of_its_corrections_the_last_stands(node: QueryNode) -> None:
    node.submit(order("A", "1"))
    node.fold()
    first = do(node, f"events/{id_of('A')}/correct", patch={"properties": {"total": "2"}})
    do(node, f"events/{first['events'][0]}/correct", patch={"properties": {"total": "3"}})
    # A system that knows the first event alone.
    event = {name: what for name, what in order("A", "4").items() if name != "message_id"}
    late = {"type": "event.corrected", "properties": {"event_id": id_of("A"), "event": event}}
    node.submit(late, received_at=NOW + timedelta(hours=1))
    node.fold()
    assert spent(node) == (1, "4")


def test_a_receipt_is_made_a_test_and_a_test_a_receipt(node: QueryNode) -> None:
    node.submit(order("A", "1"), order("B", "10"), order("T", "100", test=True))
    node.fold()
    done = do(node, f"events/{id_of('A')}/correct", patch={"test": True})
    assert effect(done) == (1, 0, 0, True)
    assert spent(node) == (1, "10")
    done = do(node, f"events/{id_of('T')}/correct", patch={"test": None})
    assert effect(done) == (1, 0, 0, True)
    assert spent(node) == (2, "110")
    # Corrected once more, both are what they were.
    for event in (id_of("A"), id_of("T")):
        taken_out_by = node.get(f"/api/events/{event}")["taken_out_by"]
        do(node, f"events/{taken_out_by}/retract")
    assert spent(node) == (2, "11")


def test_a_correction_that_is_only_tried_takes_nothing_out(node: QueryNode) -> None:
    event = {name: what for name, what in order("A", "4").items() if name != "message_id"}
    tried = {"type": "event.corrected", "test": True, "properties": {"event_id": id_of("A"), "event": event}}
    node.submit(order("A", "1"))
    node.submit(tried, received_at=NOW + timedelta(hours=1))
    node.fold()
    assert spent(node) == (1, "1")


@pytest.mark.parametrize("own", ["A", "B"])
def test_a_control_acts_under_no_id_that_an_event_has(node: QueryNode, own: str) -> None:
    node.submit(order("A", "1"), order("B", "10"))
    void = {"type": "event.retracted", "message_id": own, "properties": {"event_id": id_of("A")}}
    node.submit(void, received_at=NOW + timedelta(hours=1))
    node.fold()
    assert spent(node) == (2, "11")
    (conflict,) = node.get("/api/failed-events")["items"]
    assert (conflict["code"], conflict["event_id"]) == ("conflict", id_of(own))
    # Under an id of its own it does.
    repaired = node.ask("POST", f"/api/failed-events/{conflict['id']}/repair", json={})
    assert repaired["accepted"] == 1
    node.fold()
    assert spent(node) == (1, "10")


def test_the_door_judges_a_correction(node: QueryNode) -> None:
    node.submit(order("A"))
    node.fold()
    before = canon.digest(node.store.writer)
    for patch, path in (
        ({"type": "order.complete"}, "properties.event.type"),
        ({"properties": {"currency": "yen"}}, "properties.event.properties.currency"),
        ({"event_id": str(UUID(int=4))}, "properties.event.event_id"),
        ({"type": "event.retracted"}, "properties.event.type"),
    ):
        message = do(node, f"events/{id_of('A')}/correct", 422, patch=patch)["error"]["message"]
        assert message.startswith(path), message
    assert canon.digest(node.store.writer) == before
    dry = do(node, f"events/{id_of('A')}/correct", patch={"properties": {"total": "5"}}, dry_run=True)
    assert (dry["event"]["properties"]["total"], dry["events"], dry["folded"]) == ("5.0000", [], False)
    (retraction,) = do(node, f"events/{id_of('A')}/retract")["events"]
    assert "not corrected" in do(node, f"events/{retraction}/correct", 409, patch={})["error"]["message"]


# --- entities ---------------------------------------------------------------------------------------------


def test_all_events_of_an_entity_are_taken_out(node: QueryNode) -> None:
    refund = {
        "type": "order.refunded",
        "message_id": "r",
        "properties": {"order_id": "A/1", "currency": "JPY", "amount": "30"},
    }
    node.submit(order("A/1"), order("B", "5"), refund)
    node.submit(order("A/1"), source="till")
    node.fold()
    assert "namespace" in do(node, "entities/order/A%2F1/retract", 422)["error"]["message"]
    done = do(node, "entities/order/A%2F1/retract", params={"namespace": "shop"}, reason="wrong till")
    assert effect(done) == (2, 0, 0, True)
    assert spent(node) == (2, "105")  # the till's own A/1 is another order
    do(node, "entities/order/A%2F1/retract", 409, {"namespace": "shop"})
    assert effect(do(node, f"events/{done['events'][0]}/retract")) == (0, 2, 0, True)
    assert spent(node) == (3, "175")


def test_a_company_is_named_as_it_is_kept(node: QueryNode) -> None:
    node.submit({"type": "company.updated", "message_id": "k", "properties": {"company_id": "K-9"}})
    node.fold()
    assert do(node, "entities/company/Ｋ-9/retract")["taken_out"] == 1


# --- imports ----------------------------------------------------------------------------------------------

MAP = a_map(
    source="tills",
    events=[
        {
            "name": "sale",
            "type": "order.completed",
            "natural_key": ["id"],
            "occurred_at": {"column": "time", "type": "moment"},
            "ids": {"user_id": "user"},
            "properties": {
                "order_id": "id",
                "total": {"column": "amount", "type": "decimal"},
                "currency": {"constant": "JPY"},
            },
        }
    ],
)
ROWS = """id,time,user,amount
1,2026-01-05T10:00:00Z,u-1,35
2,2026-01-06T10:00:00Z,u-1,12
3,soon,u-1,1
"""


def brought(node: QueryNode, folder: Path, text: str, minutes: int, name: str = "sales.csv") -> str:
    path = folder / name
    path.write_text(text)
    began = NOW + timedelta(minutes=minutes)
    report = import_file(path, MAP, folder / "imports", log=node.log, began=began).report
    node.fold()
    return report.import_id


def counted(node: QueryNode, import_id: str) -> tuple[int, ...]:
    one = node.get(f"/api/imports/{import_id}")
    totals = tuple(one[name] for name in ("events", "duplicates", "failed", "taken_out"))
    by_type = [sum(its[name] for its in one["types"]) for name in ("events", "duplicates", "taken_out")]
    assert by_type == [totals[0], totals[1], totals[3]]
    return totals


def test_an_import_is_undone_imported_again_and_redone(node: QueryNode, tmp_path: Path) -> None:
    first = brought(node, tmp_path, ROWS, 1)
    assert counted(node, first) == (2, 0, 1, 0)
    shown = node.get(f"/api/imports/{first}")
    assert (shown["file"], shown["source"], shown["rows"]) == ("sales.csv", "tills", 3)
    assert [(one["code"], one["line"]) for one in shown["failures"]] == [("unmapped", 4)]
    before = canon.digest(node.store.writer)

    dry = do(node, f"imports/{first}/undo", dry_run=True)
    assert effect(dry) == (2, None, None, False)
    assert canon.digest(node.store.writer) == before
    done = do(node, f"imports/{first}/undo", reason="of another shop")
    assert effect(done) == (2, 0, 0, True)
    assert done["event"]["properties"] == {"import_id": first, "reason": "of another shop"}
    assert counted(node, first) == (0, 0, 1, 2)
    shown = node.get(f"/api/imports/{first}")
    assert shown["undone_by"] == done["events"][0]
    assert shown["undone_at"] is not None
    assert "redo" in do(node, f"imports/{first}/undo", 409)["error"]["hint"]

    second = brought(node, tmp_path, ROWS, 2)
    assert second != first
    assert counted(node, second) == (2, 0, 0, 0)
    assert spent(node) == (2, "47")
    assert [one["id"] for one in node.pages("/api/imports", 1)] == [second, first]

    redone = do(node, f"imports/{first}/redo")
    assert (redone["taken_out"], redone["restored"]) == (0, 2)
    assert (counted(node, first), counted(node, second)) == ((2, 0, 1, 0), (0, 2, 0, 0))
    assert spent(node) == (2, "47")
    assert "undo" in do(node, f"imports/{first}/redo", 409)["error"]["hint"]


def test_what_another_import_brought_too_stays(node: QueryNode, tmp_path: Path) -> None:
    one = brought(node, tmp_path, ROWS, 1)
    other = brought(node, tmp_path, "id,time,user,amount\n2,2026-01-06T10:00:00Z,u-1,12\n", 2, "more.csv")
    assert counted(node, other) == (0, 1, 0, 0)
    done = do(node, f"imports/{one}/undo")
    assert effect(done) == (2, 0, 1, True)
    assert spent(node) == (1, "12")


def test_a_changed_row_is_a_conflict_until_the_first_is_undone(node: QueryNode, tmp_path: Path) -> None:
    one = brought(node, tmp_path, ROWS, 1)
    other = brought(node, tmp_path, ROWS.replace("12", "21"), 2)
    assert counted(node, other) == (0, 1, 1, 0)
    (conflict,) = node.get("/api/failed-events", import_id=other)["items"]
    assert conflict["code"] == "conflict"
    do(node, f"imports/{one}/undo")
    assert counted(node, other) == (2, 0, 0, 0)
    assert spent(node) == (2, "56")


def test_a_conflict_that_was_repaired_counts_once_whoever_holds_its_id(
    node: QueryNode, tmp_path: Path
) -> None:
    one = brought(node, tmp_path, ROWS, 1)
    other = brought(node, tmp_path, ROWS.replace("12", "21"), 2)
    (conflict,) = node.get("/api/failed-events", import_id=other)["items"]
    node.ask("POST", f"/api/failed-events/{conflict['id']}/repair", json={})
    node.fold()
    assert counted(node, other)[0] == 1
    do(node, f"imports/{one}/undo")
    assert counted(node, other)[0] == 2  # the row that was the same, and the repair
    assert spent(node) == (2, "56")
    account = node.get("/api/status")["account"]
    assert (account["repaired"], account["readmitted"], account["adds_up"]) == (1, 1, True)
    (repaired,) = node.get("/api/failed-events", repaired="true")["items"]
    assert repaired["id"] == conflict["id"]
    do(node, f"imports/{one}/redo")
    assert counted(node, other)[0] == 1


def test_a_correction_goes_with_its_import(node: QueryNode, tmp_path: Path) -> None:
    one = brought(node, tmp_path, ROWS, 1)
    (event,) = [item for item in timeline(node) if item["properties"]["order_id"] == "1"]
    do(node, f"events/{event['event_id']}/correct", patch={"properties": {"total": "30"}})
    assert spent(node) == (2, "42")
    assert counted(node, one) == (2, 0, 1, 1)
    do(node, f"imports/{one}/undo")
    assert counted(node, one) == (0, 0, 1, 3)
    do(node, f"imports/{one}/redo")
    assert spent(node) == (2, "42")


def test_an_import_that_told_nothing_of_itself_is_listed(node: QueryNode) -> None:
    origin = Origin("tills", "secret", NOW, "i-1")
    sealed = admit(order("A"), origin, KEY, lambda: UUID(int=1))
    assert isinstance(sealed, Accepted)
    node.log.append(topics.TOUCHPOINTS, [NewRecord(sealed.key, sealed.value)])
    node.fold()
    (one,) = node.get("/api/imports")["items"]
    assert (one["id"], one["source"], one["file"], one["rows"]) == ("i-1", "tills", None, None)
    assert do(node, "imports/i-1/undo")["taken_out"] == 1
