"""Where a reader stands in the log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The next record to read of one partition: every record below `offset` has been folded.

    `generation` grows when an erasure rewrites the log; offsets of two generations never compare.
    """

    topic: str
    generation: int
    partition: int
    offset: int
