"""The node file: where the node of a data directory listens, and the token for its own commands."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from .directory import DataDirectory, write_private


@dataclass(frozen=True, slots=True)
class NodeFile:
    """`token` is an admin token that the node holds in memory only."""

    address: str
    token: str

    def write(self, directory: DataDirectory) -> None:
        write_private(directory.node, orjson.dumps({"address": self.address, "token": self.token}).decode())


def read(directory: DataDirectory) -> NodeFile | None:
    """None when no node runs here, or one ended without a chance to remove its file and broke it off."""
    try:
        held = orjson.loads(directory.node.read_bytes())
        return NodeFile(str(held["address"]), str(held["token"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return None


def remove(directory: DataDirectory) -> None:
    directory.node.unlink(missing_ok=True)
