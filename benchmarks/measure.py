"""What a benchmark found, and how it is shown."""

from __future__ import annotations

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


FILES = {
    "log": "log.sqlite",
    "log's WAL": "log.sqlite-wal",
    "store": "store.duckdb",
    "store's WAL": "store.duckdb.wal",
    "ids": "store.ids/*",
}


def sizes_of(data: Path) -> dict[str, int]:
    """Bytes of the files of a data directory, by their part."""
    return {part: sum(map(_size, data.glob(pattern))) for part, pattern in FILES.items()}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a WAL goes at a checkpoint
        return 0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
