"""Answers: JSON with the position and the time that they are true of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
from starlette.responses import Response

from kizuna.projections.store import Cut
from kizuna.schemas import times

AS_OF = "x-kizuna-as-of"
POSITION = "x-kizuna-position"


class Json(Response):
    """JSON. Decimals are texts; times are UTC and of one length, so that text order is time order."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return dumps(content)


def dumps(content: object) -> bytes:
    return orjson.dumps(content, default=_text, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _text(value: object) -> str:
    match value:
        case Decimal():
            return plain(value)
        case datetime():
            return times.text(value if value.tzinfo else value.replace(tzinfo=UTC))
        case date():
            return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def plain(number: Decimal) -> str:
    """A decimal number without an exponent, and without zeros at its end."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def headers(cut: Cut) -> dict[str, str]:
    """T, and the positions as `topic/generation/partition=offset`."""
    positions = (f"{at.topic}/{at.generation}/{at.partition}={at.offset}" for at in cut.positions)
    return {AS_OF: times.text(cut.t), POSITION: ",".join(positions), "cache-control": "no-store"}


def standing(cut: Cut) -> dict[str, object]:
    """The same as fields of an answer."""
    return {"as_of": cut.t, "positions": list(cut.positions)}


def answer(cut: Cut, body: Mapping[str, object], status: int = 200) -> Json:
    return Json({**body, **standing(cut)}, status, headers(cut))
