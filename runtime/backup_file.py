"""The file of a backup: a tar archive packed by zstd. A manifest in front names and hashes what follows, a
seal at the end the manifest."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Literal, cast
from uuid import UUID

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kizuna.schemas.errors import ConfigurationError
from kizuna.schemas.times import Moment

from .directory import PRIVATE_FILE, PRIVATE_FOLDER

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
MANIFEST_BYTES = 64 << 20
CHUNK_BYTES = 1 << 20

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Model):
    """A file of the data directory, by its name there."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^(log\.sqlite|workspace\.key|kizuna\.toml|archive/[\w.-]+\.parquet)$"),
    ]
    bytes: Annotated[int, Field(ge=0)]
    sha256: str


class End(_Model):
    """Where a partition of the log begins and ends."""

    topic: str
    partition: int
    first: int
    end: int


class Manifest(_Model):
    """What a backup holds, and which log it is of."""

    format: Literal[1] = 1
    kizuna: str
    fold_version: int
    made_at: Moment
    log_id: UUID
    generation: int
    ends: list[End]
    members: Annotated[list[Member], Field(min_length=1)]

    @property
    def records(self) -> int:
        return sum(one.end - one.first for one in self.ends)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.members)


def member(name: str, path: Path) -> Member:
    """What the manifest says of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Member(name=name, bytes=file.tell(), sha256=digest.hexdigest())


def pack(file: Path, manifest: Manifest, sources: Mapping[str, Path], progress: Progress) -> None:
    """Write the backup, durably, readable by its owner only. Raises OSError."""
    file.touch(PRIVATE_FILE)
    with (
        pa.OSFile(str(file), "wb") as raw,
        pa.CompressedOutputStream(raw, "zstd") as packed,
        tarfile.open(fileobj=cast("IO[bytes]", packed), mode="w|") as tar,
    ):
        head = manifest.model_dump_json(indent=2).encode()
        tar.addfile(_header(MANIFEST, len(head)), io.BytesIO(head))
        watch = _Watch("packing bytes", manifest.bytes, progress)
        for one in manifest.members:
            with sources[one.name].open("rb") as source:
                tar.addfile(_header(one.name, one.bytes), cast("IO[bytes]", _Watched(source, watch)))
        seal = _seal(head)
        tar.addfile(_header(SEAL, len(seal)), io.BytesIO(seal))
    with file.open("rb") as written:
        os.fsync(written.fileno())


def unpack(file: Path, into: Path | None, progress: Progress) -> Manifest:
    """Read the backup from end to end and compare it with its manifest; with `into`, write its files there,
    durably. Raises ConfigurationError when it is no backup, or is damaged, OSError when there is no room."""
    with (
        _damage(file),
        pa.OSFile(str(file), "rb") as raw,
        pa.CompressedInputStream(raw, "zstd") as packed,
        tarfile.open(fileobj=cast("IO[bytes]", packed), mode="r|") as tar,
    ):
        first = tar.next()
        if first is None or first.name != MANIFEST or first.size > MANIFEST_BYTES:
            raise _Damaged("it has no manifest")
        head = _content(tar, first).read()
        manifest = Manifest.model_validate_json(head)
        expected = {one.name: one for one in manifest.members}
        watch = _Watch("checking bytes", manifest.bytes, progress)
        while (entry := tar.next()) is not None:
            if entry.name == SEAL and not expected:
                if _content(tar, entry).read(len(head)) != _seal(head):
                    raise _Damaged("its manifest does not match its hash")
                return manifest
            said = expected.pop(entry.name, None)
            if said is None or not entry.isreg() or entry.size != said.bytes:
                raise _Damaged(f"{entry.name} is not what the manifest says")
            if _take(_content(tar, entry), into / said.name if into else None, watch) != said.sha256:
                raise _Damaged(f"{entry.name} does not match its hash")
        raise _Damaged(f"{', '.join([*expected, SEAL])} is missing")


class _Damaged(Exception):
    pass


@contextmanager
def _damage(file: Path) -> Iterator[None]:
    try:
        yield
    except (_Damaged, tarfile.TarError, ValidationError, EOFError, pa.ArrowInvalid) as error:
        reason = "its manifest cannot be read" if isinstance(error, ValidationError) else str(error)
        raise ConfigurationError(
            f"{file} is no backup, or damaged: {reason}.",
            hint="Use another backup; this one cannot be trusted.",
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # What the decompressor says of bytes that it cannot read.
        raise ConfigurationError(
            f"{file} is no backup, or damaged: {error}.",
            hint="Use another backup; this one cannot be trusted.",
        ) from error


def _seal(head: bytes) -> bytes:
    """What `sha256sum --check` reads."""
    return f"{hashlib.sha256(head).hexdigest()}  {MANIFEST}\n".encode()


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, PRIVATE_FILE
    return header


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(entry)
    if content is None:
        raise _Damaged(f"{entry.name} is no file")
    return content


def _take(content: IO[bytes], target: Path | None, watch: _Watch) -> str:
    """The SHA-256 of the content, which is written to `target` where there is one."""
    digest = hashlib.sha256()
    if target is None:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            watch.add(len(chunk))
        return digest.hexdigest()
    target.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as out:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
            watch.add(len(chunk))
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


class _Watch:
    """Tells of bytes as they pass."""

    def __init__(self, what: str, total: int, progress: Progress) -> None:
        self._what, self._total, self._progress = what, total, progress
        self._done = 0

    def add(self, count: int) -> None:
        self._done += count
        self._progress(self._what, self._done, self._total)


class _Watched:
    """A file whose reading is told of."""

    def __init__(self, file: IO[bytes], watch: _Watch) -> None:
        self._file, self._watch = file, watch

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._watch.add(len(chunk))
        return chunk
