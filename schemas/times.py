"""Points in time: aware datetimes in UTC, microseconds, one text form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
from pydantic import AwareDatetime, Field, PlainSerializer

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2262, 1, 1, tzinfo=UTC)  # the last whole year that nanoseconds in 64 bits can hold
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(moment: datetime) -> str:
    """`2026-01-31T09:30:00.000000Z`: of one length, so that text order is time order."""
    written = orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z)  # a fifth of isoformat's time
    if moment.microsecond:
        return written[1:-1].decode()
    return written[1:20].decode() + ".000000Z"


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def parse(value: str) -> datetime:
    """An ISO 8601 text with an offset. Raises ValueError, saying what is missing."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("has no time zone: end it with Z or an offset such as +09:00")
    return in_range(moment)


def in_range(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range: years 1900 to 2261") from None
    if not EARLIEST <= moment < LATEST:
        raise ValueError("is out of range: years 1900 to 2261")
    return moment


Moment = Annotated[
    AwareDatetime,
    Field(ge=EARLIEST, lt=LATEST),
    PlainSerializer(text, return_type=str, when_used="json"),
]
"""A point in time in a model: any offset in, UTC out in JSON."""
