"""Months of the log's own time, in UTC: what is archived is archived by them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from kizuna.schemas.times import from_micros, to_micros

_WRITTEN = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """Ordered by time; written `2026-09`."""

    year: int
    number: int

    @classmethod
    def of(cls, micros: int) -> Month:
        """The month of a moment, in microseconds since 1970."""
        moment = from_micros(micros)
        return cls(moment.year, moment.month)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Raises ValueError unless it is written as `2026-09`."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no month: write it as 2026-09")
        return cls(int(found[1]), int(found[2]))

    def plus(self, months: int) -> Month:
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    @property
    def begins(self) -> int:
        """Its first moment, in microseconds since 1970."""
        return to_micros(datetime(self.year, self.number, 1, tzinfo=UTC))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"
