"""Looking over a whole log: each archived file, and each record wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from kizuna.schemas.errors import CorruptRecord

from .archive_file import ArchivedFile
from .port import EventLog, TopicPartition

MOST_NAMED = 20
"""So many damaged records of a partition are named, then it is not read further."""

_READ = 10_000


class Damage(NamedTuple):
    """A record that cannot be read, and the error that says so."""

    lane: TopicPartition
    offset: int
    error: CorruptRecord


def fault_of(folder: Path, file: ArchivedFile, *, hashed: bool) -> str | None:
    """What is wrong with an archived file, None when nothing is: it must be there and as large as it was;
    `hashed`, its bytes must be the same. Raises OSError when it cannot be read."""
    path = folder / file.name
    if not path.exists():
        return "is missing"
    if path.stat().st_size != file.size:
        return f"has {path.stat().st_size:,} bytes, not {file.size:,}"
    if hashed:
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                return "has another SHA-256 than it was written with"
    return None


def damages(log: EventLog, progress: Callable[[int], None] = lambda records: None) -> Iterator[Damage]:
    """Read every record; yield those that are missing or not as their checksums say. `progress` is told how
    many more were read."""
    for lane, (start, end) in log.bounds().items():
        limit, named = _READ, 0
        while start < end and named < MOST_NAMED:
            try:
                found = max(len(log.read(*lane, start, limit)), 1)
            except CorruptRecord as error:
                if limit > 1:
                    limit = 1 + limit // 100
                    continue
                yield Damage(lane, start, error)
                named += 1
                found = 1
            start += found
            progress(found)
            limit = min(_READ, limit * 2)
