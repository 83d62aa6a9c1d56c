"""Points in time: aware datetimes in UTC, microseconds, one text form."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import orjson
from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer

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


def _moment(value: object) -> object:
    return _written(value, "time: write it as 2026-01-31T09:30:00+09:00")


def _day(value: object) -> object:
    return _written(value, "day: write it as 2026-01-31")


def _written(value: object, form: str) -> object:
    """Pydantic alone takes a number for seconds since 1970, and so a till's 20260131 for a day in 1970."""
    written = not isinstance(value, str) or (value[:4].isdecimal() and value[4:5] == "-")
    if isinstance(value, int | float) or not written:
        raise ValueError(f"is no {form}")
    return value


Moment = Annotated[
    AwareDatetime,
    Field(ge=EARLIEST, lt=LATEST),
    BeforeValidator(_moment),
    PlainSerializer(text, return_type=str, when_used="json"),
]
"""A point in time in a model: any offset in, UTC out in JSON."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day of the calendar, as 2026-01-31."""
