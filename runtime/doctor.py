"""The doctor: what may be wrong with a data directory and its machine, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import duckdb

from kizuna.eventlog.archive import archived_files
from kizuna.eventlog.inspection import damages, fault_of
from kizuna.eventlog.port import EventLog
from kizuna.projections.store import FOLD_VERSION, is_damage, is_locked
from kizuna.schemas import times
from kizuna.schemas.errors import KizunaError

from . import server
from .directory import DataDirectory, too_open
from .settings import Settings

Verdict = Literal["good", "warning", "bad"]

ENOUGH_BYTES = 1 << 30
LITTLE_BYTES = 100 << 20
SKEW = timedelta(seconds=5)
POSITIONS = 'SELECT topic, "partition", "offset" FROM positions ORDER BY ALL'
EARLIEST = datetime(2026, 1, 1, tzinfo=times.EPOCH.tzinfo)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `advice` says what to do unless all is good."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def good(check: str, found: str) -> Finding:
    return Finding(check, "good", found)


def warning(check: str, found: str, advice: str) -> Finding:
    return Finding(check, "warning", found, advice)


def bad(check: str, found: str, advice: str) -> Finding:
    return Finding(check, "bad", found, advice)


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined. `address` is where the directory's own node answers, None when none does."""

    directory: DataDirectory
    settings: Settings
    open_log: Callable[[], EventLog]
    now: datetime
    address: str | None
    deep: bool = False
    """Read every record, and hash every archived file: minutes for a large log."""


def _directory(patient: Patient) -> Iterator[Finding]:
    path = patient.directory.path
    if path.exists() and not path.is_dir():
        yield bad("directory", f"{path.absolute()} is no folder", "Choose another with --data.")
        return
    if not path.is_dir():
        yield warning("directory", f"{path} is not there", "`kizuna run` makes it.")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield bad("directory", f"{path} cannot be written", "Run as its owner, or change its owner.")
        return
    mode = too_open(path)
    if mode:
        yield warning("directory", f"others may enter {path} (mode {mode})", f"chmod 700 {path}")
    else:
        yield good("directory", f"{path} is private")


def _disk(patient: Patient) -> Iterator[Finding]:
    path = patient.directory.path
    there = next(one for one in (path, *path.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(there).free
    found = f"{free / (1 << 30):,.1f} GB free"
    if free < LITTLE_BYTES:
        yield bad("disk", found, "Free space: without it the node takes no events.")
    elif free < ENOUGH_BYTES:
        yield warning("disk", found, "Free space soon.")
    else:
        yield good("disk", found)


def _workspace_key(patient: Patient) -> Iterator[Finding]:
    directory = patient.directory
    if not directory.exists and not directory.workspace_key.exists():
        return
    directory.read_or_make_workspace_key()
    mode = too_open(directory.workspace_key)
    if mode:
        yield bad(
            "workspace key",
            f"others may read it (mode {mode})",
            f"chmod 600 {directory.workspace_key}",
        )
    else:
        yield good("workspace key", "there, and private")


def _log_and_clock(patient: Patient) -> Iterator[Finding]:
    if not patient.directory.exists:
        yield warning("log", "none yet", "`kizuna run` makes it.")
        return
    newest = times.EPOCH
    with closing(patient.open_log()) as opened:
        ends = opened.bounds()
        for at, its in ends.items():
            for record in opened.read(at.topic, at.partition, max(its.first, its.end - 1), 1):
                newest = max(newest, times.from_micros(record.recorded_at))
    records = sum(its.end - its.first for its in ends.values())
    yield good("log", f"opens; {records:,} records{_size(patient.directory)}")
    if patient.now < EARLIEST:
        yield bad("clock", f"it says {times.text(patient.now)}", "Set the clock.")
    elif newest - patient.now > SKEW:
        behind = newest - patient.now
        yield bad(
            "clock", f"{behind} behind the newest record", "Set the clock: times in the log never go back."
        )
    else:
        yield good("clock", f"{times.text(patient.now)[:19]}Z, not behind the log")


def _size(directory: DataDirectory) -> str:
    """Of a log that lies here."""
    log = directory.log
    if not log.exists():
        return ""
    beside = log.with_name(f"{log.name}-wal")
    size = sum(one.stat().st_size for one in (log, beside) if one.exists()) / (1 << 20)
    return f", {size:,.1f} MB"


def _archive(patient: Patient) -> Iterator[Finding]:
    directory = patient.directory
    if not directory.log.exists():
        return
    files = archived_files(directory.log)
    whole = 0
    for file in files:
        fault = fault_of(directory.archive, file, hashed=patient.deep)
        if fault is None:
            whole += 1
            continue
        held = f"{file.lane.topic}/{file.lane.partition}@{file.first} to {file.end - 1}"
        yield bad(
            "archive",
            f"{directory.archive / file.name} {fault}; it holds {held}",
            "Put it back from a backup: until then the log cannot be folded again.",
        )
    known = {file.name for file in files}
    strays = sorted(path.name for path in directory.archive.glob("*") if path.name not in known)
    if strays:
        yield warning(
            "archive",
            f"{len(strays):,} files in {directory.archive} that the log does not name, such as {strays[0]}",
            "`kizuna archive` removes what it left unfinished. Move others away: they are of another log.",
        )
    if whole and whole == len(files):
        records, size = sum(file.end - file.first for file in files), sum(file.size for file in files)
        told = "SHA-256 right" if patient.deep else "there, and of the right size"
        yield good("archive", f"{whole:,} files, {records:,} records, {size / (1 << 20):,.1f} MB; all {told}")


def _records(patient: Patient) -> Iterator[Finding]:
    if not patient.deep or not patient.directory.exists:
        return
    whole = True
    with closing(patient.open_log()) as log:
        for lane, offset, error in damages(log):
            whole = False
            message = str(error).removesuffix(error.hint).strip()
            yield bad("records", f"{lane.topic}/{lane.partition}@{offset}: {message}", error.hint)
        total = sum(its.end - its.first for its in log.bounds().values())
    if whole:
        yield good("records", f"{total:,} read, each as its checksum says")


def _store(patient: Patient) -> Iterator[Finding]:
    path = patient.directory.store
    if not path.exists():
        yield warning("store", "none yet", "`kizuna run` folds it from the log.")
        return
    try:
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            held = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            places = connection.execute(POSITIONS).fetchall()
    except duckdb.Error as error:
        if not is_locked(error):
            yield _unreadable(error)
        elif patient.address:
            yield good("store", "held by the node")
        else:
            yield bad("store", "another process holds it, and no node answers", "Wait for it, or stop it.")
        return
    if patient.directory.exists:
        with closing(patient.open_log()) as log:
            ours, bounds = log.identity, log.bounds()
        if held.get("log_id") != str(ours.log_id) or held.get("generation") != str(ours.generation):
            yield bad(
                "store",
                "it was folded from another log",
                "Put its own log beside it, or run `kizuna rebuild` to fold this one.",
            )
            return
        ends = {(at.topic, at.partition): its.end for at, its in bounds.items()}
        for topic, partition, offset in places:
            end = ends.get((topic, partition), 0)
            if end < offset:
                yield bad(
                    "store",
                    f"it has folded {topic}/{partition} up to {offset}, and the log ends at {end}: "
                    "the log was put back to an earlier state",
                    "Restore the log that this store was folded from, or run `kizuna rebuild`.",
                )
                return
    if held.get("fold") != str(FOLD_VERSION):
        yield bad(
            "store",
            f"fold version {held.get('fold')}, this is {FOLD_VERSION}",
            "`kizuna run` folds it anew, and takes events in meanwhile; or run `kizuna rebuild`.",
        )
        return
    yield good("store", f"opens; fold version {FOLD_VERSION}, of this log")


def _unreadable(error: duckdb.Error) -> Finding:
    if is_damage(error):
        return bad("store", "it is damaged", "`kizuna rebuild` folds it anew from the log.")
    return bad("store", f"it does not open: {error}", "Make it a file that this user can read and write.")


def _node(patient: Patient) -> Iterator[Finding]:
    if patient.address:
        yield good("node", f"answers at {patient.address}")
        return
    if patient.directory.node.exists():
        yield warning("node", "none answers; one was killed here", "Start it with `kizuna run`.")
    else:
        yield good("node", "none is running")
    server.bind(patient.settings.host, patient.settings.port).close()
    yield good("port", f"{patient.settings.host} port {patient.settings.port} is free")


CHECKS = (
    ("directory", _directory),
    ("disk", _disk),
    ("workspace key", _workspace_key),
    ("log", _log_and_clock),
    ("archive", _archive),
    ("records", _records),
    ("store", _store),
    ("node", _node),
)


def examine(patient: Patient) -> Iterator[Finding]:
    """Every check, in the order in which one explains the next."""
    for name, check in CHECKS:
        try:
            yield from check(patient)
        except KizunaError as error:
            yield bad(name, str(error).removesuffix(error.hint).strip(), error.hint)
        except OSError as error:
            yield bad(name, f"{error.strerror}: {error.filename}", "Make it accessible for this user.")
