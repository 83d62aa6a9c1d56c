"""How far an import has come: a small file, so that a killed import goes on where it stood."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from kizuna.eventlog.port import EventLog, LogIdentity
from kizuna.schemas.errors import ConfigurationError
from kizuna.schemas.times import Moment


class Cursor(BaseModel):
    """`done` items of the import are durable in the log that `log_id`, `generation` and `ends` describe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    import_id: str
    received_at: Moment
    log_id: str
    generation: int
    ends: dict[str, int] = {}
    done: int = 0
    events: int = 0
    failed: int = 0
    finished: bool = False

    @classmethod
    def first(cls, import_id: str, received_at: datetime, identity: LogIdentity) -> Cursor:
        """Of an import that begins now."""
        return cls(
            import_id=import_id,
            received_at=received_at,
            log_id=str(identity.log_id),
            generation=identity.generation,
        )

    def moved(self, events: int, failed: int) -> Cursor:
        """Behind so many more."""
        return self.model_copy(
            update={
                "done": self.done + events + failed,
                "events": self.events + events,
                "failed": self.failed + failed,
            }
        )

    def holds_for(self, log: EventLog) -> bool:
        """Whether this is the log it was written for, with at least the records it had then."""
        identity = log.identity
        now = ends(log)
        return (self.log_id, self.generation) == (str(identity.log_id), identity.generation) and all(
            now.get(partition, 0) >= end for partition, end in self.ends.items()
        )


def ends(log: EventLog) -> dict[str, int]:
    """End of every partition."""
    return {f"{lane.topic}/{lane.partition}": bounds.end for lane, bounds in log.bounds().items()}


class CursorFile:
    """The cursor of the last import of a file with a map, in `folder`; `rows` is where its sorted rows may
    lie."""

    def __init__(self, folder: Path, task_id: UUID) -> None:
        self._path = folder / f"{task_id}.json"
        self.rows = folder / f"{task_id}.rows"

    def load(self) -> Cursor | None:
        """None when there is none that can be read."""
        try:
            return Cursor.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def save(self, cursor: Cursor) -> None:
        """Durable when it returns; a crash leaves the old one or the new one."""
        written = self._path.with_suffix(".new")
        with written.open("wb") as file:
            file.write(cursor.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, self._path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises ConfigurationError while another process runs the same import."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError("This file is being imported with this map already.") from None
            yield
