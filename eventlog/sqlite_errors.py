"""What SQLite's errors mean for a log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kizuna.schemas.errors import ConfigurationError, CorruptRecord, KizunaError, LogUnavailable

from .faults import closed


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.ProgrammingError as error:  # the connection was closed under way
        raise closed() from error
    except sqlite3.Error as error:
        raise _translation(error, path) from error
    except UnicodeDecodeError as error:  # a damaged name within SQLite's message
        raise damaged(path, error) from error


_HELD = "Another process holds the log: let it finish, or stop it."
_HINTS = {
    sqlite3.SQLITE_FULL: "Free space on the disk.",
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_PROTOCOL: _HELD,
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this user.",
    sqlite3.SQLITE_PERM: "Make the file and its folder accessible for this user.",
    sqlite3.SQLITE_CANTOPEN: "Check that the folder exists and is accessible for this user.",
    sqlite3.SQLITE_IOERR: "Check the disk, and the space on it.",
    sqlite3.SQLITE_NOMEM: "Free memory.",
}


def _translation(error: sqlite3.Error, path: Path) -> KizunaError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return ConfigurationError(
            f"{path} is not a log.", hint="Choose another file; if it was a log, restore it from a backup."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG):  # too big: a damaged length
        return damaged(path, error)
    if code in _HINTS:
        return LogUnavailable(f"The log {path} is not available: {error}.", hint=_HINTS[code])
    return ConfigurationError(
        f"{path} cannot be used as a log: {error}.", hint="Choose another file, or restore it from a backup."
    )


def damaged(path: Path, error: Exception) -> CorruptRecord:
    return CorruptRecord(f"{path} is damaged: {error}.", hint="Restore the log from a backup.")
