"""A disk that can be filled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """A file system of its own, of so many bytes."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._ballast = path / "ballast"
        self.mounted = self._mount(size)

    def _mount(self, size: int) -> bool:
        self.path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.path)]
        try:
            return subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            return False

    def fill(self, leave: int = 0) -> None:
        """To the last byte, or till so many are left."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 20, 4096):
                while True:
                    try:
                        os.write(descriptor, bytes(size))
                    except OSError:
                        break
            os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - leave))
        finally:
            os.close(descriptor)

    def free(self) -> None:
        self._ballast.unlink()

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.path)], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


def _small_disk(path: Path, size: int) -> Iterator[SmallDisk]:
    disk = SmallDisk(path, size)
    if not disk.mounted:
        if os.environ.get("CI") == "true" and os.geteuid() != 0:
            pytest.fail(
                "CI runs as root, so that a full disk is tried: this user may not mount a file system"
            )
        pytest.skip("NOT TRIED: this machine lets nobody mount a small file system, so no disk can be filled")
    yield disk
    disk.unmount()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """8 MB: for a log."""
    yield from _small_disk(tmp_path / "disk", 8_000_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """96 MB: for a node."""
    yield from _small_disk(tmp_path / "disk", 96_000_000)
