"""A batch: the records that one transaction folds, with the positions behind them and T."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from kizuna.schemas.position import Position

PIECE = 2_048


class Row(NamedTuple):
    """One record of the log. `recorded_at` is in microseconds since 1970, UTC."""

    partition: int
    offset: int
    recorded_at: int
    value: bytes


@dataclass(slots=True)
class Rows:
    """Records of one topic, column by column: that is how DuckDB takes them."""

    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    recorded_at: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Row]:
        return map(Row, self.partitions, self.offsets, self.recorded_at, self.values)


@dataclass(frozen=True, slots=True)
class Batch:
    """`starts` and `positions` are those before and after the batch, of every partition it read from."""

    definitions: Rows
    touchpoints: Rows
    failed: Rows
    starts: tuple[Position, ...]
    positions: tuple[Position, ...]
    t: datetime
    recorded_high: datetime

    def __len__(self) -> int:
        return len(self.definitions) + len(self.touchpoints) + len(self.failed)


def arrow(rows: Rows) -> pa.Table:
    """Rows as a table that DuckDB reads in place. Bytes that are no UTF-8 become null values."""
    whole = pa.table(
        {
            "row": pa.array(range(len(rows)), pa.int32()),
            "partition": pa.array(rows.partitions, pa.int32()),
            "offset": pa.array(rows.offsets, pa.int64()),
            "recorded_at": pa.array(rows.recorded_at, pa.timestamp("us")),
            "value": _texts(rows.values),
        }
    )
    # DuckDB reads each piece on a thread of its own.
    return pa.concat_tables([whole.slice(start, PIECE) for start in range(0, max(len(rows), 1), PIECE)])


def _texts(values: Sequence[bytes]) -> pa.Array:
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
