"""Rebuild equals live, exactly; when it does not, the live store stays and the rows are named."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord
from kizuna.processors.projector import Projector
from kizuna.processors.rebuild import Report, rebuild
from kizuna.projections import canon
from kizuna.projections.store import Store
from kizuna.schemas.admission import Accepted
from tests.examples import examples
from tests.folding import KEY, accepted, folded, memory_log, shipped_definitions
from tests.properties.test_fold import touchpoints


def rebuilt(log: MemoryLog, store: Store, projector: Projector) -> Report:
    return rebuild(log, store, projector, KEY, verify=True)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(touchpoints())
def test_a_rebuild_equals_what_was_folded_one_by_one(values: list[Accepted]) -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    for one in values:
        log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value)])
    with folded(log, batch=2) as (store, projector):
        before = canon.digest(store.writer)
        report = rebuilt(log, store, projector)
        assert report.differences == {}
        assert report.swapped
        assert canon.digest(store.writer) == before == report.tables


def test_a_store_that_was_changed_by_hand_is_found_out() -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    order = {"order_id": "o1", "currency": "JPY", "total": "1200"}
    sealed = accepted({"type": "order.completed", "ids": {"user_id": "u1"}, "properties": order})
    log.append(topics.TOUCHPOINTS, [NewRecord(sealed.key, sealed.value)])
    with folded(log) as (store, projector):
        store.writer.execute("UPDATE orders SET net_total = net_total + 0.0001")
        report = rebuilt(log, store, projector)
        assert report.differences is not None
        assert list(report.differences) == ["orders"]
        anew, mine = sorted(report.differences["orders"])
        assert mine.startswith("- ")
        assert '"1200.0001"' in mine
        assert '"1200.0001"' not in anew
        assert not report.swapped
        assert store.writer.execute("SELECT net_total::VARCHAR FROM orders").fetchall() == [("1200.0001",)]


def test_reading_goes_on_while_a_rebuild_is_swapped_in() -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    with folded(log) as (store, projector):
        identity = store.store_id
        rebuilt(log, store, projector)
        sealed = accepted({"type": "page.viewed", "ids": {"user_id": "u1"}, "properties": {"path": "/"}})
        log.append(topics.TOUCHPOINTS, [NewRecord(sealed.key, sealed.value)])
        projector.fold_all()
        with store.read() as snapshot:
            assert snapshot.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
            with pytest.raises(Exception, match="read-only"):
                snapshot.execute("DELETE FROM events")
        assert store.store_id == identity
