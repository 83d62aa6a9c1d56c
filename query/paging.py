"""Pages: limit and cursor of a list, its filters, and the answer that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Request

from kizuna.projections.selection import SIGNS, Filter, Key
from kizuna.projections.store import Cut

from . import cursor
from .answers import Json, answer
from .errors import refused

MAX_LIMIT = 200

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=cursor.MAX_LENGTH, description="`next_cursor` of the page before.")
]


def asked(request: Request, *reserved: str) -> tuple[Filter, ...]:
    """Every parameter that is none of `reserved`, limit or cursor is a filter: `name=value`, or
    `name.operator=value`. In the order of names, so that the same question is the same text."""
    found = []
    for key, value in request.query_params.multi_items():
        if key in ("limit", "cursor", *reserved):
            continue
        name, _, operator = key.rpartition(".")
        found.append(
            Filter(name, operator, value) if name and operator in SIGNS else Filter(key, "eq", value)
        )
    return tuple(sorted(found))


def start(question: Sequence[object], given: str | None) -> Key | None:
    """The key where the page starts. Raises ApiError for a cursor of another question."""
    if given is None:
        return None
    with refused():
        value, tie = cursor.decode(question, given, 2)
        if tie is None:
            raise ValueError("the cursor is broken")
    return value, tie


def page(cut: Cut, items: Sequence[object], question: Sequence[object], after: Key | None) -> Json:
    following = None if after is None else cursor.encode(question, after)
    return answer(cut, {"items": items, "next_cursor": following})
