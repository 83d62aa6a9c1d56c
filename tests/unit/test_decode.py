"""Records that other systems may write: what is no envelope is kept with its reason, and stops nothing."""

from __future__ import annotations

import orjson
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from tests.folding import accepted, definition, folded, memory_log, shipped_definitions

GOOD = accepted({"type": "page.viewed", "ids": {"user_id": "u1"}, "properties": {"path": "/"}})


@pytest.mark.parametrize(
    "value",
    [b"no envelope", b"", b"\xff\xfe", b"{}", b"[1]", b"null", b'{"event_id": 7}', GOOD.value[:-1]],
)
def test_a_record_that_is_no_envelope_is_a_failed_event(value: bytes) -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(b"", value), NewRecord(GOOD.key, GOOD.value)])
    with folded(log) as (store, _):
        assert store.writer.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
        failed = store.writer.execute('SELECT code, via, topic, "offset" FROM failed_items').fetchall()
        assert failed == [("invalid", "fold", topics.TOUCHPOINTS, 0)]


def changed(**fields: object) -> bytes:
    """The good envelope with other values in it."""
    return orjson.dumps(orjson.loads(GOOD.value) | fields)


NOBODY = [{"kind": "shoe_size", "value": "43"}]


@pytest.mark.parametrize(
    "value",
    [
        changed(body_hash="zz" * 32),
        changed(body_hash="ab"),
        changed(event_id="7"),
        changed(properties=[1, 2]),
        changed(properties="text"),
        changed(type="email.bounced", version=1, properties=[1]),
        changed(ids=NOBODY),
        changed(ids=[{"kind": "user_id", "value": ""}]),
        changed(type="customer.identified", ids=[*NOBODY, {"kind": "user_id", "value": "u2"}]),
        changed(occurred_at="2100-01-01T00:00:00Z"),
    ],
)
def test_an_envelope_that_says_what_cannot_be_is_a_failed_event(value: bytes) -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(b"", value), NewRecord(GOOD.key, GOOD.value)])
    with folded(log) as (store, _):
        assert store.writer.execute('SELECT "offset" FROM events').fetchall() == [(1,)]
        assert store.writer.execute('SELECT code, via, "offset" FROM failed_items').fetchall() == [
            ("invalid", "fold", 0)
        ]
        assert store.writer.execute("SELECT value FROM identifiers").fetchall() == [("u1",)]
        assert store.writer.execute("SELECT item FROM failed_items").fetchall() == [(value.decode(),)]


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("strange", {"name": "strange", "count": "nothing.known"}, "neither an event type nor an entity"),
        ("texts", {"name": "texts", "sum": "order.status"}, "is no number"),
        ("two", {"name": "two", "count": "order", "sum": "order.total"}, "has 2 aggregates"),
        ("mine", {"name": "yours", "count": "order"}, "holds a trait named yours"),
        ("empty", {}, "Field required"),
    ],
)
def test_a_definition_that_cannot_be_put_in_force_is_a_failed_event(
    name: str, body: dict[str, object], reason: str
) -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, [*shipped_definitions(), definition("trait", name, body)])
    log.append(topics.TOUCHPOINTS, [NewRecord(GOOD.key, GOOD.value)])
    with folded(log) as (store, _):
        assert store.writer.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
        ((told,),) = store.writer.execute("SELECT reason FROM failed_items").fetchall()
        assert reason in told


def test_a_test_event_gives_an_entity_no_owner() -> None:
    order = {"order_id": "o1", "currency": "JPY", "total": "100"}
    sealed = [
        accepted({"type": "order.completed", "message_id": "1", "ids": {}, "properties": order}),
        accepted(
            {
                "type": "order.updated",
                "message_id": "2",
                "ids": {"user_id": "u1"},
                "properties": {"order_id": "o1", "total": "100"},
                "test": True,
            }
        ),
    ]
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in sealed])
    with folded(log) as (store, _):
        assert store.writer.execute("SELECT owner, net_total FROM orders").fetchall() == [(None, 100)]
        assert store.writer.execute("SELECT count(*) FROM person_totals").fetchall() == [(0,)]


def test_an_older_version_is_lifted() -> None:
    sealed = accepted(
        {
            "type": "email.bounced",
            "ids": {"user_id": "u1"},
            "properties": {"email_id": "e1", "reason": "550 no such user"},
        }
    )
    envelope = orjson.loads(sealed.value)
    envelope["version"], envelope["properties"] = 1, {"email_id": "e1", "reason": "550 no such user"}
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(sealed.key, orjson.dumps(envelope))])
    with folded(log) as (store, _):
        ((version, properties),) = store.writer.execute("SELECT version, properties FROM events").fetchall()
        assert version == 2
        assert orjson.loads(properties)["bounce_type"] == "hard"
