"""Records that other systems may write: what is no envelope is kept with its reason, and stops nothing."""

from __future__ import annotations

import orjson
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from tests.folding import accepted, folded, memory_log, shipped_definitions

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
