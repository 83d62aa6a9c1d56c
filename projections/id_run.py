"""A run of ids: which of many 64-bit hashes it may hold, and at which offsets of the log those stand.

Sorted by hash, behind a Bloom filter whose words follow the same order, so that a lookup of sorted hashes
walks through memory once. The filter is what has to be in memory: the rest may stay in a file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Offsets = NDArray[np.int64]

BITS_AN_ID = 10
"""Of the filter. Four bits an id are set, all in one word of 64: about 2 % of other ids pass, and cost a look
into the file each."""

_HEAD = 16  # bytes: format, and number of ids
_FORMAT = 1
_PIECE = 1 << 15  # ids


@dataclass(frozen=True, slots=True)
class Run:
    """`hashes` ascend; `offsets` are those of the records that brought them."""

    hashes: Hashes
    offsets: Offsets
    words: Hashes
    file: str = ""

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, hashes: Hashes, marks: Hashes) -> tuple[Hashes, Offsets]:
        """Which of these ascending hashes stand here, and where: one pair a record. `marks` are theirs."""
        passed = hashes[(self.words[_slots(hashes, len(self.words))] & marks) == marks]
        first = np.searchsorted(self.hashes, passed, "left")
        number = np.searchsorted(self.hashes, passed, "right") - first
        before = np.cumsum(number) - number
        at = np.repeat(first - before, number) + np.arange(number.sum())
        return np.repeat(passed, number), np.asarray(self.offsets[at])


def run_of(hashes: Hashes, offsets: Offsets) -> Run:
    """A run of ids in any order."""
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    return Run(hashes, offsets[order], _filter(hashes))


def merged(runs: Sequence[Run]) -> Run:
    """One run of several."""
    # A stable sort finds the runs in it and merges them.
    return run_of(np.concatenate([run.hashes for run in runs]), np.concatenate([run.offsets for run in runs]))


def marks(hashes: Hashes) -> Hashes:
    """The bits that each hash sets in its word of a filter."""
    found = np.zeros(len(hashes), np.uint64)
    for shift in (0, 6, 12, 18):
        found |= np.uint64(1) << ((hashes >> np.uint64(shift)) & np.uint64(63))
    return found


def write(run: Run, folder: Path) -> Run:
    """The run as a file named by its SHA-256; all of it is on the disk before it has that name. Raises
    OSError."""
    head = np.array([_FORMAT, len(run)], np.uint64)
    parts = [part.data for part in (head, run.hashes, run.offsets, run.words)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    folder.mkdir(exist_ok=True)
    path = folder / digest.hexdigest()
    beside = path.with_suffix(".part")
    try:
        with beside.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)  # a full disk gets its room back
        raise
    os.replace(beside, path)
    return _mapped(path)


def read(path: Path) -> Run:
    """The run in a file: its filter in memory, the rest mapped. Raises OSError when it cannot be read, and
    ValueError when it does not hold what its name says."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != path.name:
            raise ValueError(f"{path} is damaged")
    return _mapped(path)


def _mapped(path: Path) -> Run:
    whole = np.memmap(path, np.uint64, mode="r")
    if whole[0] != _FORMAT:
        raise ValueError(f"{path} has an unknown format")
    start, ids = _HEAD // 8, int(whole[1])
    hashes, offsets = whole[start : start + ids], whole[start + ids : start + 2 * ids]
    return Run(hashes, offsets.view(np.int64), np.array(whole[start + 2 * ids :]), path.name)


def _filter(hashes: Hashes) -> Hashes:
    words = np.zeros(max(1, len(hashes) * BITS_AN_ID // 64), np.uint64)
    # Piece by piece: what is in between stays in the processor's cache, and takes little memory.
    for begin in range(0, len(hashes), _PIECE):
        piece = hashes[begin : begin + _PIECE]
        slots = _slots(piece, len(words))
        starts = np.flatnonzero(np.diff(slots, prepend=-1))
        words[slots[starts]] |= np.bitwise_or.reduceat(marks(piece), starts)
    return words


def _slots(hashes: Hashes, words: int) -> NDArray[np.int64]:
    """The word of each hash: by its upper half, in the order of the hashes."""
    return ((hashes >> np.uint64(32)) * np.uint64(words) >> np.uint64(32)).astype(np.int64)
