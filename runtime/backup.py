"""Backups: the log, the workspace key and the settings in one file. From these all else follows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from kizuna.eventlog import sqlite_copy
from kizuna.eventlog.archive import archived_files, folder_of
from kizuna.eventlog.inspection import fault_of
from kizuna.projections.store import FOLD_VERSION
from kizuna.schemas.errors import ConfigurationError, CorruptRecord

from .backup_file import End, Manifest, Progress, member, pack, unpack
from .directory import PRIVATE_FILE, PRIVATE_FOLDER, DataDirectory, sync_folder


def write(directory: DataDirectory, file: Path, now: datetime, progress: Progress) -> Manifest:
    """Back the directory up into a file, beside a running node too: what was acknowledged before the call is
    in it. Every record is compared with its checksum before it is packed, every byte of the file with its
    manifest afterwards. Beside the file it needs room for a copy of the log.

    Raises ConfigurationError when the directory holds nothing, LogUnavailable or OSError when there is no
    room, CorruptRecord when the log is damaged. Then no file is left, and one of that name stays as it was.
    """
    directory.require_embedded("A backup")
    directory.read_or_make_workspace_key()
    partial, copied = (file.with_name(f"{file.name}.{end}") for end in ("partial", "log"))
    leftovers = (partial, *_files(copied))
    try:
        _remove(leftovers)  # of one that was killed
        progress("copying the log", 0, 1)
        copied.touch(PRIVATE_FILE)
        sqlite_copy.copy(directory.log, copied)
        log, ends = sqlite_copy.verify(copied, lambda done, total: progress("checking records", done, total))
        sources = {directory.log.name: copied, directory.workspace_key.name: directory.workspace_key}
        if directory.settings.is_file():
            sources[directory.settings.name] = directory.settings
        sources |= _archived(directory, copied)
        manifest = Manifest(
            kizuna=version("kizuna"),
            fold_version=FOLD_VERSION,
            made_at=now,
            log_id=log.log_id,
            generation=log.generation,
            ends=[
                End(topic=at.topic, partition=at.partition, first=its.first, end=its.end)
                for at, its in ends.items()
            ],
            members=[member(name, path) for name, path in sources.items()],
        )
        pack(partial, manifest, sources, progress)
        unpack(partial, None, progress)
        os.replace(partial, file)
        sync_folder(file.parent)
        return manifest
    finally:
        _remove(leftovers)


def restore(file: Path, directory: DataDirectory, progress: Progress) -> Manifest:
    """Put a backup into a directory that holds no data. A kill leaves it without a log, and the same call
    starts anew. The store is folded at the next start, and is a replica.

    Raises ConfigurationError when the backup is damaged, or the directory holds data; OSError when there is
    no room.
    """
    _require_empty(directory)
    directory.prepare()
    partial = directory.path / "restore.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=PRIVATE_FOLDER)
    try:
        manifest = unpack(file, partial, progress)
        # The log comes last: where it is, everything is.
        for one in sorted(manifest.members, key=lambda its: its.name == directory.log.name):
            target = directory.path / one.name
            target.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            os.replace(partial / one.name, target)
            sync_folder(target.parent)
        return manifest
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _archived(directory: DataDirectory, copied: Path) -> dict[str, Path]:
    """The files of archived months that the copied log needs, by their names in the backup. They never
    change. Raises CorruptRecord for one that is missing, or is not as it was written."""
    folder = folder_of(directory.log)
    found = {}
    for file in archived_files(copied):
        if fault := fault_of(folder, file, hashed=True):
            raise CorruptRecord(
                f"The archived file {folder / file.name} {fault}.", hint="Restore it from a backup."
            )
        found[f"{folder.name}/{file.name}"] = folder / file.name
    return found


def _require_empty(directory: DataDirectory) -> None:
    there = [one.name for one in (directory.log, directory.store) if one.exists()]
    if there:
        raise ConfigurationError(
            f"{directory.path.absolute()} holds data already ({', '.join(there)}).",
            hint="Choose another directory with --data.",
        )


def _files(log: Path) -> Iterator[Path]:
    """A log, and what SQLite may leave beside it."""
    return (log.with_name(f"{log.name}{end}") for end in ("", "-wal", "-shm", "-journal"))


def _remove(files: tuple[Path, ...]) -> None:
    for one in files:
        one.unlink(missing_ok=True)
