"""What is alike in time stands in history or admission order, and not as it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import listings, newest, profiles
from kizuna.projections.definitions import load_plan, read
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.definitions import Definition, Trait, latest
from kizuna.schemas.identifiers import subject_id
from tests.folding import KEY, NOW, accepted, definition, folded, memory_log, shipped_definitions, trait_body

YESTERDAY = NOW - timedelta(days=1)


def record(name: str, type_: str, ids: dict[str, Any], seconds: int = 0, **properties: object) -> NewRecord:
    """All happened at once; each was received so many seconds after NOW."""
    item = {"type": type_, "message_id": name, "occurred_at": YESTERDAY.isoformat(), "ids": ids}
    sealed = accepted({**item, "properties": properties}, NOW + timedelta(seconds=seconds))
    return NewRecord(sealed.key, sealed.value)


def both_ways(records: Sequence[NewRecord], look: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
    """What is seen when they come one by one in this order, and backwards: it must be the same."""
    seen = []
    for told in (records, records[::-1]):
        log = memory_log()
        log.append(topics.DEFINITIONS, shipped_definitions())
        log.append(topics.TOUCHPOINTS, list(told))
        with folded(log, batch=1) as (store, _), store.read() as snapshot:
            seen.append(look(snapshot))
    assert seen[0] == seen[1]
    return seen[0]


def test_movements_of_one_moment_stand_as_they_were_received() -> None:
    names = sorted(("a", "b", "c"), key=lambda name: event_id_for("shop", name), reverse=True)
    order = {"order_id": "o1", "currency": "JPY"}
    records = [
        record(name, "order.updated" if second else "order.completed", {}, second, total=total, **order)
        for second, (name, total) in enumerate(zip(names, ("100", "70", "90"), strict=True))
    ]

    def movements(snapshot: duckdb.DuckDBPyConnection) -> list[int]:
        ((entity_id,),) = snapshot.execute("SELECT entity_id FROM entities").fetchall()
        entity = listings.read_entity(snapshot, "order", entity_id)
        assert entity is not None
        moved: Any = entity["movements"]
        return [int(one["amount"]) for one in moved]

    assert both_ways(records, movements) == [100, -30, 20]


def test_links_of_one_event_stand_as_they_were_taken() -> None:
    """By the ids of the subjects, in whatever order these were first seen."""
    visitors = sorted(("a1", "a2", "a3"), key=lambda one: subject_id(KEY, "anonymous_id", one))
    linked = record("m", "customer.identified", {"user_id": "u1", "anonymous_id": visitors})
    before = [record(one, "page.viewed", {"anonymous_id": one}, path="/") for one in visitors]

    def links(snapshot: duckdb.DuckDBPyConnection) -> list[str]:
        profile = profiles.read_profile(snapshot, load_plan(snapshot), subject_id(KEY, "user_id", "u1"))
        assert profile is not None
        return [one["identifiers"][1]["value"] for one in profile["links"]]

    assert both_ways([*before, linked], links) == visitors


def test_the_newest_profiles_stand_in_admission_order() -> None:
    names = sorted(("a", "b", "c", "d"), key=lambda name: event_id_for("shop", name))
    records = [record(name, "page.viewed", {"user_id": name}, path="/") for name in names]

    def users(snapshot: duckdb.DuckDBPyConnection) -> list[str]:
        return [one.subjects[0].value for one in newest.newest_profiles(snapshot, 3)]

    assert both_ways(records, users) == names[:0:-1]


@pytest.mark.parametrize("later", [0, 1])
def test_of_copies_of_a_definition_the_earliest_counts_then_the_smallest(later: int) -> None:
    """They come in any order, and even from several partitions."""
    one = Definition.model_validate_json(_trait("page.viewed").value)
    other = Definition.model_validate_json(_trait("order.completed").value)
    other = other.model_copy(update={"received_at": one.received_at + timedelta(seconds=later)})
    winner = one if later else other  # order comes before page
    for copies in ([one, other], [other, one]):
        assert latest(copies) == {("trait", "often"): winner}
        log = memory_log()
        records = [NewRecord(b"", copy.model_dump_json().encode()) for copy in copies]
        log.append(topics.DEFINITIONS, records)
        with folded(log, batch=1) as (store, _), store.read() as snapshot:
            assert read(snapshot).current == {("trait", "often"): winner}


def _trait(counts: str) -> NewRecord:
    return definition("trait", "often", trait_body(Trait(name="often", count=counts)))
