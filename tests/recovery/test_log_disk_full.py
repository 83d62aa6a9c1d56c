"""A full or a read-only disk refuses appends and loses nothing; when it is mended, the log goes on."""

from __future__ import annotations

from contextlib import closing
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.schemas.errors import LogUnavailable
from tests.recovery.conftest import SmallDisk


def test_a_full_disk_is_an_outage_that_ends(tiny_disk: SmallDisk) -> None:
    path = tiny_disk.path / "log.sqlite"
    acknowledged: list[bytes] = []

    def append(number: int) -> None:
        value = b"%d " % number + b"x" * 50_000
        log.append(topics.TOUCHPOINTS, [NewRecord(b"key", value)]).result(timeout=10)
        acknowledged.append(value)

    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        tiny_disk.fill(leave=2_000_000)
        with pytest.raises(LogUnavailable, match="Free space on the disk"):  # noqa: PT012
            for number in range(1_000):
                append(number)
        assert acknowledged
        for number in range(1_000, 1_005):
            with pytest.raises(LogUnavailable):
                append(number)
        before = len(acknowledged)
        assert len(log.read(topics.TOUCHPOINTS, 0, 0, 1_000)) == before
        tiny_disk.free()
        for number in range(2_000, 2_010):
            append(number)
        assert len(acknowledged) == before + 10

    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        read = log.read(topics.TOUCHPOINTS, 0, 0, 1_000)
        assert [record.value for record in read] == acknowledged


def test_a_read_only_disk_is_an_outage_too(tiny_disk: SmallDisk) -> None:
    record = NewRecord(b"key", b"value")
    path = tiny_disk.path / "log.sqlite"
    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        log.append(topics.TOUCHPOINTS, [record]).result(timeout=10)
    tiny_disk.remount("ro")
    with pytest.raises(LogUnavailable, match="not available"):
        SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))
    tiny_disk.remount("rw")
    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        log.append(topics.TOUCHPOINTS, [record]).result(timeout=10)
        assert len(log.read(topics.TOUCHPOINTS, 0, 0, 10)) == 2
