"""Repairs, in any order and mixture with what goes on, leave a state that a rebuild gives again; each failed
event is admitted at most once, and every record of the log is accounted for."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import canon
from tests.api.query_node import QueryNode, query_node
from tests.examples import examples
from tests.folding import NOW
from tests.properties.test_rebuild import rebuilt

TYPES = ("page.viewed", "page.seen", "order.completed")


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Few names, so that ids clash; few types, one of them unknown; orders lack what they need."""
    item: dict[str, Any] = {
        "type": draw(st.sampled_from(TYPES)),
        "ids": {"user_id": draw(st.sampled_from("ab"))},
        "properties": {"path": draw(st.sampled_from("xy"))},
    }
    if number := draw(st.integers(0, 3)):
        item["message_id"] = f"m-{number}"
    if draw(st.booleans()):
        item["occurred_at"] = f"2026-04-0{draw(st.integers(1, 3))}T00:00:00Z"
    return item


STEPS = st.one_of(
    st.tuples(st.just("submit"), st.lists(items(), min_size=1, max_size=4)),
    st.tuples(
        st.just("break"), st.sampled_from([b"{}", b"\xff", b'{"type": "page.viewed", "source": "edge"}'])
    ),
    st.tuples(st.just("one"), st.integers(0, 9)),
    st.tuples(st.just("all"), st.sampled_from(["page.viewed", "order.completed"])),
    st.tuples(st.just("out"), st.integers(0, 9)),
)


def step(node: QueryNode, what: str, given: Any) -> None:
    if what == "submit":
        # At few moments, so that a later one can be the earlier: it takes the id then.
        node.submit(*given, received_at=NOW - timedelta(days=1 + len(given) % 2))
    elif what == "break":
        node.log.append(topics.TOUCHPOINTS, [NewRecord(b"", given)])
    elif what == "all":
        body = {"patch": {"type": given, "properties": {"order_id": "A", "total": "5", "currency": "JPY"}}}
        node.ask("POST", "/api/failed-events/repair", params={"all": "true"}, json=body)
    elif what == "out":
        # The event that counts, or what took one out, goes; what was repaired may not come back with it.
        node.fold()
        with node.store.read() as snapshot:
            ids = snapshot.execute("SELECT event_id FROM events ORDER BY event_id").fetchall()
        if ids:
            node.ask("POST", f"/api/events/{ids[given % len(ids)][0]}/retract", json={})
    else:
        node.fold()
        found = node.get("/api/failed-events", limit=200)["items"]
        if found:
            path = f"/api/failed-events/{found[given % len(found)]['id']}/repair"
            how = {"new_id": given % 2 == 0, "correct": given % 3 == 0}
            node.ask("POST", path, json={"patch": {"type": "page.viewed"}, **how})


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=6))
def test_what_was_repaired_is_rebuilt(steps: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder, query_node(Path(folder), partitions=2) as node:
        for what, given_ in steps:
            step(node, what, given_)
        node.fold()
        status = node.get("/api/status")
        account = status["account"]
        ends = {topic["topic"]: topic["records"] for topic in status["topics"]}
        assert account["adds_up"] is True
        assert account["records"] + account["readmitted"] == ends["touchpoints"] + ends["failed-events"]
        repaired = Counter(
            orjson.loads(record.value)["repairs"]
            for partition in range(2)
            for record in node.log.read(topics.TOUCHPOINTS, partition, 0, 10_000)
            if b'"repairs"' in record.value
        )
        assert set(repaired.values()) <= {1}
        assert account["repaired"] == account["readmitted"] == len(repaired)
        before = canon.digest(node.store.writer)
        report = rebuilt(node.log, node.store, node.projector)
        assert report.differences == {}
        assert canon.digest(node.store.writer) == before
        assert node.get("/api/status")["account"] == account
