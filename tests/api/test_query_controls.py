"""What a control takes out, and what it does not: chains of corrections, tests, and ids that others have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.api.query_node import QueryNode
from tests.api.receipts import checked_node, do, effect, id_of, order, spent
from tests.folding import NOW


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with checked_node(tmp_path) as node:
        yield node


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
