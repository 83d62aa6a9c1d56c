"""Failpoints without hooks in the code: every call by which a process writes is wrapped where it leaves
Python, counted, and can be the last thing that the process does.

Wrapped are the calls of `os`, `open`, and the statements of SQLite and DuckDB that write, begin or end a
transaction, or open or close a file of DuckDB. Inside a DuckDB transaction only its end is a point: before it
nothing is written. Python's audit events say whether a file was written by any other way: that is a `stray`.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import os
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NamedTuple

import duckdb

When = Literal["before", "after"]
KILLED = 137

ROOT = Path(__file__).resolve().parents[2]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CALLS = (
    "link", "mkdir", "remove", "rename", "replace", "rmdir", "symlink", "truncate", "unlink",
)  # fmt: skip
DESCRIPTOR_CALLS = ("fdatasync", "fsync", "ftruncate")
AUDITED = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
VERB = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|CHECKPOINT|CREATE|DROP|ALTER|INSERT|UPDATE|DELETE)\b", re.I)
LASTING_PRAGMA = re.compile(
    r"\s*PRAGMA (page_size|journal_mode|application_id|user_version|auto_vacuum"
    r"|incremental_vacuum|wal_checkpoint) ?[=(]"
)
FLEETING = re.compile(r"\bTEMP\b|\bahead\.")
"""What DuckDB keeps in memory only."""


class Point(NamedTuple):
    """A call, in the order of the run: its kind (`sqlite COMMIT`), what it was done to, and who called."""

    kind: str
    target: str
    site: str
    synchronous: int = -1
    """SQLite's setting when the call was made; 2 is FULL."""


class Watch:
    """Counts the calls that concern `folder`. The process ends at point `die_at`, as by SIGKILL: nothing is
    flushed, closed or undone. `trace` holds the points, and between them what `note` was told. `states` says
    of before and after each point what a death there would leave: where two are equal, the files are the same
    and so is what was noted. Only a watch that ends nothing looks for it."""

    def __init__(self, folder: Path, die_at: tuple[int, When] | None = None) -> None:
        self.trace: list[Point | str] = []
        self.states: list[str] = []
        self.strays: list[str] = []
        self._folder = str(folder.resolve())
        self._die_at = die_at
        self._count = 0
        self._lock = threading.Lock()
        self._inside = threading.local()

    def note(self, said: str) -> None:
        with self._lock:
            self.trace.append(said)

    def concerns(self, path: object, dir_fd: int | None = None) -> bool:
        if isinstance(path, int):
            return False
        text = os.fsdecode(path)  # type: ignore[arg-type]
        if dir_fd is not None:
            text = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), text)
        return os.path.abspath(text).startswith(self._folder)

    @contextmanager
    def point(self, kind: str, target: object, synchronous: int = -1) -> Iterator[None]:
        with self._lock:
            number = self._count
            self._count += 1
            name = os.path.basename(os.fsdecode(target))  # type: ignore[arg-type]
            self.trace.append(Point(kind, name, _site(), synchronous))
        self._reach(number, "before")
        self._inside.depth = getattr(self._inside, "depth", 0) + 1
        try:
            yield
        finally:  # a call may fail and all go on: a folder may be there
            self._inside.depth -= 1
            self._reach(number, "after")

    def _reach(self, number: int, when: When) -> None:
        if self._die_at is None:
            self.states.append(self._state())
        elif self._die_at == (number, when):
            os._exit(KILLED)

    def _state(self) -> str:
        content = hashlib.sha256(str([one for one in self.trace if isinstance(one, str)]).encode())
        for path in sorted(Path(self._folder).rglob("*")):
            content.update(f"{path}\n{path.lstat().st_mode}\n".encode())
            if path.is_file():
                content.update(hashlib.sha256(path.read_bytes()).digest())
        return content.hexdigest()

    def install(self) -> None:
        """For good: in a process of its own."""
        for name in CALLS:
            setattr(os, name, self._of_path(name, getattr(os, name)))
        for name in DESCRIPTOR_CALLS:
            setattr(os, name, self._of_descriptor(name, getattr(os, name)))
        os.open = self._of_open(os.open)
        io.open = builtins.open = self._of_file(builtins.open)
        sqlite3.connect = self._of_sqlite(sqlite3.connect)  # type: ignore[assignment]
        duckdb.connect = self._of_duckdb(duckdb.connect)
        sys.addaudithook(self._audit)

    def _of_path(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *rest: Any, **named: Any) -> Any:
            missing = name in ("remove", "unlink") and _missing(path)
            if missing or not self.concerns(path, named.get("dir_fd")):
                return call(path, *rest, **named)
            with self.point(name, path):
                return call(path, *rest, **named)

        return wrapped

    def _of_descriptor(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(file: Any, *rest: Any) -> Any:
            number = file if isinstance(file, int) else file.fileno()
            path = os.readlink(f"/proc/self/fd/{number}")
            if not self.concerns(path):
                return call(file, *rest)
            with self.point(name, path):
                return call(file, *rest)

        return wrapped

    def _of_open(self, call: Callable[..., int]) -> Callable[..., int]:
        def wrapped(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            if not flags & WRITING or not self.concerns(path, named.get("dir_fd")):
                return call(path, flags, *rest, **named)
            with self.point("open", path):
                return call(path, flags, *rest, **named)

        return wrapped

    def _of_file(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            if not set(mode) & set("wax+") or not self.concerns(file):
                return call(file, mode, *rest, **named)
            with self.point("open", file):
                return call(file, mode, *rest, **named)

        return wrapped

    def _of_sqlite(self, call: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        watch = self

        class Connection(sqlite3.Connection):
            path: object = ""
            wrote = False

            def execute(self, statement: str, *rest: Any) -> sqlite3.Cursor:
                found = VERB.match(statement) or LASTING_PRAGMA.match(statement)
                if found is None or not watch.concerns(self.path):
                    return super().execute(statement, *rest)
                with self._point(found.group(1)):
                    return super().execute(statement, *rest)

            def executescript(self, script: str) -> sqlite3.Cursor:
                found = LASTING_PRAGMA.fullmatch(script.rpartition("(")[0] + "(")
                if found is None or not watch.concerns(self.path):
                    self._unknown()
                    return super().executescript(script)
                with self._point(found.group(1)):
                    return super().executescript(script)

            def _point(self, kind: str) -> AbstractContextManager[None]:
                self.wrote = True
                ((synchronous,),) = super().execute("PRAGMA synchronous").fetchall()
                return watch.point(f"sqlite {kind.upper()}", self.path, synchronous)

            def close(self) -> None:
                if not self.wrote:  # how many connections read depends on the moment
                    return super().close()
                with watch.point("sqlite close", self.path):
                    super().close()
                return None

            def _unknown(self, *_: Any) -> Any:
                watch.strays.append(f"an SQLite call that is not watched, at {_site()}")

            executemany = commit = rollback = _unknown

        def wrapped(path: Any, *rest: Any, **named: Any) -> sqlite3.Connection:
            connection = call(path, *rest, factory=Connection, **named)
            connection.path = path  # type: ignore[attr-defined]
            return connection

        return wrapped

    def _of_duckdb(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: str, *rest: Any, **named: Any) -> Any:
            if not self.concerns(path):
                return call(path, *rest, **named)
            with self.point("duckdb open", path):
                return _Duck(self, path, call(path, *rest, **named), first=True)

        return wrapped

    def _audit(self, event: str, given: tuple[Any, ...]) -> None:
        if getattr(self._inside, "depth", 0):
            return
        if event == "os.remove" and _missing(given[0]):
            return
        if event == "open":
            written = isinstance(given[2], int) and given[2] & WRITING and self.concerns(given[0])
        else:
            written = event in AUDITED and self.concerns(given[0], _folder_of(event, given))
        if written:
            self.strays.append(f"{event} of {given[0]}, at {_site()}")


class _Duck:
    """A DuckDB connection or cursor; each has a transaction of its own."""

    def __init__(self, watch: Watch, path: str, its: Any, *, first: bool) -> None:
        self._watch = watch
        self._path = path
        self._its = its
        self._first = first
        self._begun = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._its, name)

    def __enter__(self) -> _Duck:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cursor(self) -> _Duck:
        return _Duck(self._watch, self._path, self._its.cursor(), first=False)

    def execute(self, statement: Any, *rest: Any) -> _Duck:
        text = statement if isinstance(statement, str) else statement.query
        found = VERB.match(text)
        verb = found.group(1).upper() if found else ""
        if verb == "BEGIN":
            self._begun = True
        elif verb and (verb in ("COMMIT", "ROLLBACK") or not (self._begun or FLEETING.search(text))):
            self._begun = False
            with self._watch.point(f"duckdb {verb}", self._path):
                self._its.execute(statement, *rest)
            return self
        self._its.execute(statement, *rest)
        return self

    def executemany(self, statement: str, *rest: Any) -> _Duck:
        if not self._begun:
            self._watch.strays.append(f"many transactions of DuckDB in one call, at {_site()}")
        self._its.executemany(statement, *rest)
        return self

    def close(self) -> None:
        if not self._first:
            self._its.close()
            return
        with self._watch.point("duckdb close", self._path):
            self._its.close()


def _missing(path: Any) -> bool:
    """Whether there is nothing to remove; of a path that is relative to some directory, never."""
    return os.path.isabs(path) and not os.path.lexists(path)


def _folder_of(event: str, given: tuple[Any, ...]) -> int | None:
    """The directory that an audited path is relative to, by its descriptor."""
    if event in ("os.remove", "os.rmdir", "os.mkdir"):
        return given[-1] if given[-1] not in (-1, None) else None
    return None


def _site() -> str:
    """Module and function of the project that made the call, and who called them."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < 2:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and not {"tests", ".venv"} & set(path.relative_to(ROOT).parts):
            found.append(f"{path.relative_to(ROOT)}:{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(found)
