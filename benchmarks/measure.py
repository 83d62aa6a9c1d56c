"""What a benchmark found, and how it is shown."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measure:
    """`asked` is the figure to reach, `aim` the one to strive for; `more` is better unless `less`."""

    name: str
    value: float
    unit: str
    asked: float | None = None
    aim: float | None = None
    less: bool = False
    stages: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def reached(self) -> bool | None:
        if self.asked is None:
            return None
        return self.value <= self.asked if self.less else self.value >= self.asked


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def resident(process: int | str) -> int:
    """Bytes of memory that a process holds now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
