"""The id of the store of a data directory. Data that was copied or restored is another store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from .directory import DataDirectory, alone, write_private

MACHINE = Path("/etc/machine-id")


class _Kept(BaseModel):
    """The id, and where it was given: the machine, and the inode of the directory. A directory that is
    renamed keeps it, one that was copied or restored has another. A container without a machine id has the
    inode alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store_id: UUID
    machine: str
    inode: int


def store_id(directory: DataDirectory, new_id: Callable[[], UUID]) -> UUID:
    """The id of the store that belongs here: it outlives the store's file, which is a cache. A new one in a
    new directory, and where the data came from elsewhere."""
    machine, inode = _machine(), directory.path.stat().st_ino
    with alone(directory.path):  # two processes that start at once are one store
        try:
            kept = _Kept.model_validate_json(directory.store_identity.read_bytes())
            if (kept.machine, kept.inode) == (machine, inode):
                return kept.store_id
        except (FileNotFoundError, ValidationError):
            pass
        made = _Kept(store_id=new_id(), machine=machine, inode=inode)
        write_private(directory.store_identity, made.model_dump_json() + "\n")
    return made.store_id


def _machine() -> str:
    try:
        return MACHINE.read_text(encoding="ascii").strip()
    except OSError:
        return ""
