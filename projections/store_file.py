"""The files of a store: the database, its write-ahead logs, and the folder of its ids."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path


def wal(path: Path) -> Path:
    """The write-ahead log beside a store file."""
    return path.with_name(path.name + ".wal")


def logs(path: Path) -> tuple[Path, ...]:
    """Every write-ahead log that DuckDB may leave beside a store file: its own, that of what was written
    during a checkpoint, and that of a recovery which was cut off."""
    return tuple(wal(path).with_name(f"{path.name}.wal{end}") for end in ("", ".checkpoint", ".recovery"))


def ids(path: Path) -> Path:
    """The folder of the files that hold the ids of its events."""
    return path.with_suffix(".ids")


def is_held(path: Path) -> bool:
    """Whether another process has the database open. Not for who has it open himself: closing a file lets go
    of his lock."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(descriptor)
    return False


def discard(path: Path) -> None:
    """Remove a store that is not in use."""
    for one in (*logs(path), path):
        one.unlink(missing_ok=True)
    shutil.rmtree(ids(path), ignore_errors=True)


def move(path: Path, target: Path) -> None:
    """Give a store that is not in use another name. The database goes last: the same call goes on with a move
    that was cut off."""
    for one, its in zip((*logs(path), path), (*logs(target), target), strict=True):
        if one == path and ids(path).exists():
            shutil.rmtree(ids(target), ignore_errors=True)
            os.replace(ids(path), ids(target))
        if one.exists():
            os.replace(one, its)
