"""The data directory: what lies in it under which name, and who may read it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from kizuna.schemas.errors import ConfigurationError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Everything that one node keeps. The log, what was archived of it, and the workspace key are all that
    needs a backup."""

    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log.sqlite"

    @property
    def archive(self) -> Path:
        """The months of the log that were archived."""
        return self.path / "archive"

    @property
    def store(self) -> Path:
        return self.path / "store.duckdb"

    @property
    def outdated_store(self) -> Path:
        """What another version of the fold wrote, until its successor has caught up."""
        return self.path / "store.outdated.duckdb"

    @property
    def workspace_key(self) -> Path:
        """256 random bits in hex. Identifiers are hashed behind it: without it none can be found again."""
        return self.path / "workspace.key"

    @property
    def store_identity(self) -> Path:
        """Which store this is, and where it was made: a copy of it is another."""
        return self.path / "store.json"

    @property
    def node(self) -> Path:
        """Address and token of the node that runs here."""
        return self.path / "node.json"

    @property
    def imports(self) -> Path:
        """How far each import has come; while one runs, its sorted rows too."""
        return self.path / "imports"

    @property
    def settings(self) -> Path:
        return self.path / "kizuna.toml"

    @property
    def kafka(self) -> Path:
        """Where the log is, if not here: the address of a Kafka."""
        return self.path / "log.kafka"

    @property
    def exists(self) -> bool:
        return self.log.exists() or self.kafka.exists()

    def kafka_address(self, given: str) -> str:
        """The Kafka whose log is folded here: the one `given`, else the one remembered; empty where the log
        lies here. Raises ConfigurationError when one is given, and the log lies here."""
        kept = self.kafka.read_text(encoding="utf-8").strip() if self.kafka.exists() else ""
        if given and self.log.exists():
            raise ConfigurationError(
                f"The log of {self.path.absolute()} lies there, and not in Kafka.",
                hint="Choose another directory with --data.",
            )
        return given or kept

    def remember_kafka(self, given: str) -> None:
        """So that commands find the log without the setting. For who has seen that it is there."""
        if given and self.kafka_address("") != given:
            write_private(self.kafka, given + "\n")

    def require_kafka(self, given: str, what: str) -> None:
        """Raises ConfigurationError where the log is a file."""
        if not self.kafka_address(given):
            raise ConfigurationError(
                f"{what} is for a log in Kafka, and this one is a file.",
                hint="Set KIZUNA_LOG=kafka://HOST:PORT, or start a node: kizuna run",
            )

    def require_embedded(self, what: str) -> None:
        """Raises ConfigurationError where there is no log to do this to."""
        self.require()
        if self.kafka.exists():
            raise ConfigurationError(
                f"{what} is for a log in the data directory; this one is in Kafka.",
                hint="What Kafka keeps is Kafka's to keep: docs/kafka.md.",
            )

    def prepare(self) -> None:
        """Make the directory, for its owner alone. One that is there keeps its mode."""
        try:
            self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"Cannot make the data directory {self.path.absolute()}: {error.strerror}.",
                hint="Choose another with --data.",
            ) from None

    def open_workspace(self, made: Callable[[Path], None]) -> str:
        """The workspace key; of a new workspace, with directory and key, `made` is told the absolute path: a
        mistyped --data must not go unnoticed. Raises ConfigurationError."""
        is_new = not self.workspace_key.exists()
        self.prepare()
        key = self.read_or_make_workspace_key()
        if is_new:
            made(self.path.absolute())
        return key

    def require(self) -> None:
        """Raises ConfigurationError when nothing was ever stored here."""
        if not self.exists:
            raise ConfigurationError(
                f"There is no data in {self.path.absolute()}.",
                hint="Name another directory with --data DIR, or start a node there with `kizuna run`.",
            )

    def read_or_make_workspace_key(self) -> str:
        """Raises ConfigurationError when the log is there and its key is not: a new one would not fit."""
        with alone(self.path):  # two processes that start at once make one key
            if not self.workspace_key.exists():
                if self.exists:
                    raise ConfigurationError(
                        f"{self.workspace_key} is missing, and the log beside it was written with it.",
                        hint="Restore it from a backup.",
                    )
                write_private(self.workspace_key, token_hex(32))
        key = self.workspace_key.read_text(encoding="ascii").strip()
        if len(key) != 64:
            raise ConfigurationError(
                f"{self.workspace_key} is not a workspace key of 64 hex digits.",
                hint="Restore it from a backup.",
            )
        return key


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits for another process that is in here, if need be."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, from its first byte on. Replaces a file of that name at once;
    where it cannot, nothing is left of it. A process that is killed may leave `.new`: the next one takes it.
    One process at a time."""
    beside = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk names no file


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable: what was renamed into it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def too_open(path: Path) -> str | None:
    """The mode of a file or folder that others than its owner can enter; None when it is private."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return oct(mode)[2:] if mode & 0o077 else None
