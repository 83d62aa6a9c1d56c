"""What else goes on at a node that is being killed: backups, restores, imports, and their undoing."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson

from tests.node_process import kizuna, kizuna_json

TRIES = 5
"""How often a command is given that the node's death cut off."""


class Chores(threading.Thread):
    """Does one after the other until it is told to finish. What needs the node may fail while there is none;
    a backup and its restore may not: they read the log alone. `acknowledged` tells how many events the node
    has promised by now."""

    def __init__(self, data: Path, folder: Path, luck: Random, acknowledged: Callable[[], int]) -> None:
        super().__init__(daemon=True)
        self._data = data
        self._file, self._copy = folder / "backup.tar.zst", folder / "copy"
        self._luck = luck
        self._acknowledged = acknowledged
        self._finishing = threading.Event()
        self.done: Counter[str] = Counter()
        self.problem: object = None

    def run(self) -> None:
        try:
            while not self._finishing.is_set():
                self._back_up_and_restore()
                self._undo_or_redo()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            self.problem = error

    def finish(self) -> None:
        """Then every import is in force again."""
        self._finishing.set()
        self.join(120)
        assert self.problem is None, self.problem
        assert not self.is_alive()
        for one in kizuna_json("imports", "list", "--data", self._data):
            if one["undone_at"]:
                kizuna("imports", "redo", one["id"], "--data", self._data)

    def _back_up_and_restore(self) -> None:
        promised = self._acknowledged()
        kizuna("backup", self._file, "--data", self._data, "--force")
        ends = kizuna_json("restore", self._file, "--data", self._copy)["ends"]
        kept = sum(one["end"] for one in ends if one["topic"] == "touchpoints")
        shutil.rmtree(self._copy)
        assert kept >= promised, f"{promised} events were acknowledged, the backup after it has {kept}"
        self.done["backups"] += 1

    def _undo_or_redo(self) -> None:
        for one in orjson.loads(self._answered("list", "--json") or b"[]")[:3]:
            verb = "redo" if one["undone_at"] else "undo"
            self.done[verb] += self._answered(verb, one["id"]) is not None

    def _answered(self, *command: str) -> str | None:
        """What `kizuna imports` says, asked again where the node is killed meanwhile; None when it never did:
        then it may have been done without an answer."""
        for _ in range(TRIES):
            said = kizuna("imports", *command, "--data", self._data, check=False)
            if said.returncode == 0:
                return said.stdout
        return None
