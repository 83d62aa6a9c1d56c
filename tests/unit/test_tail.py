"""Following the log: whatever stands in it."""

from __future__ import annotations

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.runtime.tail import entries
from tests.folding import memory_log


@pytest.mark.parametrize("value", [b"", b"no JSON", b"[1]", b"null", b'"text"', b"{}"])
def test_a_record_that_is_no_object_is_shown_as_unreadable(value: bytes) -> None:
    log = memory_log()
    log.append(topics.TOUCHPOINTS, [NewRecord(b"", value), NewRecord(b"", b'{"type": "page.viewed"}')])
    shown = list(entries(log, [topics.TOUCHPOINTS], 10, follow=False))
    assert [entry.what for entry in shown] == ["unreadable", "page.viewed"]
