"""First start and later ones: what is appended to the definitions, and what is not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import LogIdentity, NewRecord
from kizuna.eventlog.topics import DEFINITIONS, TOUCHPOINTS
from kizuna.projections.definitions import WORKSPACE, read_record, shipped
from kizuna.runtime import bootstrap
from kizuna.runtime.settings import Settings, load
from kizuna.schemas.definitions import Activation, Definition, Trait, activation, latest

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(clock=lambda: 0, identity=LogIdentity(UUID(int=1), 0))


def define(
    log: MemoryLog, settings: Settings, later: int = 0, traits: Sequence[Trait] | None = None
) -> list[Definition]:
    """Start at NOW and `later` minutes; what the start appended."""
    before = len(list(bootstrap.read_definitions(log)))
    bootstrap.define(
        log, settings, shipped() if traits is None else traits, lambda: NOW + timedelta(minutes=later)
    )
    return list(bootstrap.read_definitions(log))[before:]


def test_the_first_start_defines_the_workspace_and_the_shipped_traits(log: MemoryLog) -> None:
    new = define(log, load(None, currency="JPY", time_zone="Asia/Tokyo"))
    held = latest(new)
    assert held[WORKSPACE].body == {"time_zone": "Asia/Tokyo", "currency": "JPY"}
    traits = [Trait.model_validate(one.body) for (kind, _), one in held.items() if kind == "trait"]
    assert sorted(traits, key=lambda trait: trait.name) == sorted(shipped(), key=lambda trait: trait.name)
    assert {one.layer for one in new} == {"shipped"}
    assert len({one.definition_id for one in new}) == len(new)


def activated(log: MemoryLog) -> list[UUID]:
    records = [read_record(one.value) for one in log.read(DEFINITIONS, 0, 0, 1_000)]
    return [one.definition_id for one in records if isinstance(one, Activation)]


def test_what_the_first_start_defines_is_in_force_at_once(log: MemoryLog) -> None:
    log.append(TOUCHPOINTS, [NewRecord(b"", b"imported before")])
    first = define(log, load(None))
    assert activated(log) == [one.definition_id for one in first]
    # What is new later is computed first.
    changed = [*shipped()[1:], Trait.model_validate({"name": "more", "count": "event"})]
    assert len(define(log, load(None), later=1, traits=changed)) == 2
    assert activated(log) == [one.definition_id for one in first]


def test_where_nothing_was_activated_what_is_held_is_in_force_too(log: MemoryLog) -> None:
    body: dict[str, object] = {"name": "mine", "count": "event"}
    older, mine = (
        Definition(
            definition_id=UUID(int=n), kind="trait", name="mine", received_at=NOW + timedelta(n), body=body
        )
        for n in (1, 2)
    )
    key = Definition(definition_id=UUID(int=9), kind="write_key", name="web", received_at=NOW, body={})
    log.append(DEFINITIONS, [NewRecord(b"", one.model_dump_json().encode()) for one in (mine, older, key)])
    first = define(log, load(None))
    assert set(activated(log)) == {mine.definition_id, *(one.definition_id for one in first)}
    log.append(DEFINITIONS, [NewRecord(b"", activation(UUID(int=1), NOW).model_dump_json().encode())])
    assert define(log, load(None), later=1) == []


def test_a_clock_that_was_set_back_keeps_no_upgrade_from_counting(log: MemoryLog) -> None:
    define(log, load(None))
    now = [one for one in shipped() if one.name != "page_views"]
    now.append(Trait.model_validate({"name": "page_views", "count": "event"}))
    define(log, load(None), later=-60, traits=now)
    held = latest(bootstrap.read_definitions(log))["trait", "page_views"].body
    assert held == {"name": "page_views", "count": "event"}


def test_the_next_start_adds_nothing(log: MemoryLog) -> None:
    define(log, load(None))
    assert define(log, load(None), later=1) == []


def test_two_nodes_that_start_at_once_agree(log: MemoryLog) -> None:
    other = MemoryLog(clock=lambda: 0, identity=LogIdentity(UUID(int=1), 0))
    ids = [{one.definition_id for one in define(each, load(None))} for each in (log, other)]
    assert ids[0] == ids[1]


def test_an_upgrade_appends_what_changed_and_takes_back_what_is_gone(log: MemoryLog) -> None:
    first = {(one.kind, one.name): one for one in define(log, load(None))}
    now = [trait for trait in shipped() if trait.name not in ("page_views", "orders_count")]
    now.append(Trait.model_validate({"name": "orders_count", "count": "order"}))
    changed = {one.name: one for one in define(log, load(None), later=1, traits=now)}
    assert {name: one.body for name, one in changed.items()} == {
        "orders_count": {"name": "orders_count", "count": "order"},
        "page_views": None,
    }
    again = {(one.kind, one.name): one for one in define(log, load(None), later=2)}
    assert again.keys() == {("trait", "orders_count"), ("trait", "page_views")}
    assert all(one.body == first[key].body for key, one in again.items())
    assert {one.definition_id for one in again.values()}.isdisjoint(
        one.definition_id for one in first.values()
    )


def test_the_workspace_of_the_log_wins(log: MemoryLog, caplog: pytest.LogCaptureFixture) -> None:
    define(log, load(None, currency="JPY"))
    with caplog.at_level(logging.WARNING):
        assert define(log, load(None), later=1) == []
        assert caplog.messages == []  # the default asks for nothing
        assert define(log, load(None, currency="EUR"), later=1) == []
    assert caplog.messages == [
        "the workspace's currency is JPY, as its log says; the setting EUR is not used"
    ]


def test_what_the_user_defined_is_left_alone(log: MemoryLog) -> None:
    body: dict[str, object] = {"time_zone": "Europe/Paris", "currency": "EUR"}
    mine = Definition(
        definition_id=UUID(int=5), kind="workspace", name="workspace", received_at=NOW, body=body
    )
    log.append(DEFINITIONS, [NewRecord(b"", mine.model_dump_json().encode())])
    assert WORKSPACE not in {(one.kind, one.name) for one in define(log, load(None))}


def test_records_that_are_no_definitions_keep_no_node_from_starting(log: MemoryLog) -> None:
    define(log, load(None))
    strange = latest(bootstrap.read_definitions(log))["trait", "page_views"].model_copy(
        update={"body": {"name": "page_views", "count": "nothing.known"}, "definition_id": UUID(int=5)}
    )
    log.append(DEFINITIONS, [NewRecord(b"", b"no JSON"), NewRecord(b"", strange.model_dump_json().encode())])
    held = latest(bootstrap.read_definitions(log))["trait", "page_views"].body
    assert held == {"name": "page_views", "label": "Page views", "count": "page.viewed"}
    assert define(log, load(None), later=1) == []
