"""A run of ids: which of many 64-bit hashes it may hold, and the number that stands for each: the offset of
the record that brought it, or an entity's.

Runs of about equal size become one, so that their number grows with the logarithm of the history. Each is
sorted by hash, behind a Bloom filter whose words follow the same order, so that a lookup of sorted hashes
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
Numbers = NDArray[np.int64]

FAN = 4
"""So many runs of about equal size become one."""

LARGEST = 1 << 23
"""Ids that a run has at most. A merge of so many takes a third of a second, in which nothing is folded."""

BITS_AN_ID = 10
"""Of the filter. Four bits an id are set, all in one word of 64: about 2 % of other ids pass, and cost a look
into the file each."""

_HEAD = 16  # bytes: format, and number of ids
_FORMAT = 1
_PIECE = 1 << 15  # ids


@dataclass(frozen=True, slots=True)
class Run:
    """`hashes` ascend; `numbers` are theirs."""

    hashes: Hashes
    numbers: Numbers
    words: Hashes
    file: str = ""

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, hashes: Hashes, marks: Hashes) -> tuple[Hashes, Numbers]:
        """Which of these ascending hashes stand here, with all of their numbers. `marks` are theirs."""
        passed = hashes[(self.words[_slots(hashes, len(self.words))] & marks) == marks]
        first = np.searchsorted(self.hashes, passed, "left")
        number = np.searchsorted(self.hashes, passed, "right") - first
        before = np.cumsum(number) - number
        at = np.repeat(first - before, number) + np.arange(number.sum())
        return np.repeat(passed, number), np.asarray(self.numbers[at])


def find(runs: Sequence[Run], hashes: Hashes) -> tuple[Hashes, Numbers]:
    """Which of these ascending hashes stand in any of the runs, with all of their numbers."""
    its_marks = marks(hashes)
    found = [run.find(hashes, its_marks) for run in runs]
    return (
        np.concatenate([hashes[:0], *(its_hashes for its_hashes, _ in found)]),
        np.concatenate([np.zeros(0, np.int64), *(numbers for _, numbers in found)]),
    )


def run_of(hashes: Hashes, numbers: Numbers) -> Run:
    """A run of ids in any order."""
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    return Run(hashes, numbers[order], _filter(hashes))


def alike(runs: Sequence[Run]) -> bool:
    """Whether these, the newest ones, are to become one run."""
    sizes = [len(run) for run in runs]
    return len(sizes) == FAN and sizes[0] < FAN * max(sizes[1:]) and sum(sizes) <= LARGEST


def merged(runs: Sequence[Run]) -> Run:
    """One run of several."""
    # A stable sort finds the runs in it and merges them.
    return run_of(np.concatenate([run.hashes for run in runs]), np.concatenate([run.numbers for run in runs]))


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
    parts = [part.data for part in (head, run.hashes, run.numbers, run.words)]
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
    hashes, numbers = whole[start : start + ids], whole[start + ids : start + 2 * ids]
    return Run(hashes, numbers.view(np.int64), np.array(whole[start + 2 * ids :]), path.name)


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
