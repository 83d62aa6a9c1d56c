"""A full or a read-only disk refuses appends and loses nothing; when it is mended, the log goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.schemas.errors import LogUnavailable

MEGABYTE = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small file system can be mounted only by root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_outage_that_ends(small_disk: Path) -> None:
    path, filler = small_disk / "log.sqlite", small_disk / "filler"
    filler.write_bytes(os.urandom(4 * MEGABYTE))
    acknowledged: list[bytes] = []

    def append(number: int) -> None:
        value = b"%d " % number + b"x" * 50_000
        log.append(topics.TOUCHPOINTS, [NewRecord(b"key", value)]).result(timeout=10)
        acknowledged.append(value)

    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        with pytest.raises(LogUnavailable, match="Free space on the disk"):  # noqa: PT012
            for number in range(1_000):
                append(number)
        assert acknowledged
        for number in range(1_000, 1_005):
            with pytest.raises(LogUnavailable):
                append(number)
        before = len(acknowledged)
        assert len(log.read(topics.TOUCHPOINTS, 0, 0, 1_000)) == before
        filler.unlink()
        for number in range(2_000, 2_010):
            append(number)
        assert len(acknowledged) == before + 10

    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        read = log.read(topics.TOUCHPOINTS, 0, 0, 1_000)
        assert [record.value for record in read] == acknowledged


def test_a_read_only_disk_is_an_outage_too(small_disk: Path) -> None:
    def remount(option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(small_disk)], check=True)

    record = NewRecord(b"key", b"value")
    path = small_disk / "log.sqlite"
    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        log.append(topics.TOUCHPOINTS, [record]).result(timeout=10)
    remount("ro")
    with pytest.raises(LogUnavailable, match="not available"):
        SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))
    remount("rw")
    with closing(SqliteLog(path, clock=lambda: 1, new_id=lambda: UUID(int=1))) as log:
        log.append(topics.TOUCHPOINTS, [record]).result(timeout=10)
        assert len(log.read(topics.TOUCHPOINTS, 0, 0, 10)) == 2
