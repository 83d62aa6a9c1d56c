"""A batch: the records that one transaction folds, with the positions behind them and T."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from kizuna.schemas.position import Position

PIECE = 8_192


class Row(NamedTuple):
    """One record of the log. `recorded_at` is in microseconds since 1970, UTC."""

    partition: int
    offset: int
    recorded_at: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """`positions` are those after the batch, of every partition it read from."""

    definitions: Sequence[Row]
    touchpoints: Sequence[Row]
    failed: Sequence[Row]
    positions: tuple[Position, ...]
    t: datetime
    recorded_high: datetime

    def __len__(self) -> int:
        return len(self.definitions) + len(self.touchpoints) + len(self.failed)


def arrow(rows: Sequence[Row]) -> pa.Table:
    """Rows as a table that DuckDB reads in place. Bytes that are no UTF-8 become null values."""
    partitions, offsets, recorded, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    whole = pa.table(
        {
            "row": pa.array(range(len(rows)), pa.int32()),
            "partition": pa.array(partitions, pa.int32()),
            "offset": pa.array(offsets, pa.int64()),
            "recorded_at": pa.array(recorded, pa.timestamp("us")),
            "value": _texts(values),
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
