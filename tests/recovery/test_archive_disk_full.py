"""A disk that fills up while a log is archived: an error, nothing lost or left behind; later it goes on."""

from __future__ import annotations

import os

import pytest

from kizuna.eventlog.archive import archived_files
from kizuna.schemas.errors import LogUnavailable
from tests.archives import archived, fill, opened, read_all
from tests.recovery.conftest import SmallDisk


@pytest.mark.parametrize("room", [0, 4_096, 20_000, 60_000, 110_000, 160_000, 300_000])
def test_a_full_disk_stops_archiving_and_loses_nothing(tiny_disk: SmallDisk, room: int) -> None:
    """With room for nothing, for half a file, for a file (of about 140 KB) but not for the record of it, for
    both but not for the rows to go."""
    path = tiny_disk.path / "log.sqlite"
    kept = fill(path, months=3, count=200, size=700)
    with opened(path) as log:  # it holds the write-ahead log open, so that this needs room too
        log.read("touchpoints", 0, 0, 1)
        tiny_disk.fill(leave=room)
        with pytest.raises(LogUnavailable, match="Free space on the disk"):
            archived(path)
        named = {file.name for file in archived_files(path)}
        assert set(os.listdir(tiny_disk.path / "archive")) == named
        assert list(log.read("touchpoints", 0, 0, 1_000)) == kept
        tiny_disk.free()
        archived(path)
        assert len(archived_files(path)) == 2
        assert list(log.read("touchpoints", 0, 0, 1_000)) == kept
    assert read_all(path) == kept
