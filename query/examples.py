"""Examples for OpenAPI: true answers of a node that folded the catalogue's examples, kept in
`static/examples.json`. A test asks again and compares."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from .shapes import ErrorAnswer

ERRORS = {
    401: "No token, or one that is not known.",
    403: "The token's scope is not enough.",
    404: "There is no such thing at this position.",
    409: "It cannot be done as things are.",
    422: "The question is not valid.",
    503: "Not now; try again.",
}


@cache
def examples() -> dict[str, Any]:
    """Answers by operation id."""
    kept: dict[str, Any] = orjson.loads(files("kizuna.query").joinpath("static/examples.json").read_bytes())
    return kept


def documented(operation: str, *errors: int, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an operation's answers."""
    found = examples().get(operation)
    good: dict[str, Any] = {"content": {"application/json": {"example": found}}} if found is not None else {}
    return {status: good, **refusals(*errors)}


def refusals(*errors: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": ErrorAnswer, "description": ERRORS[code]} for code in errors}
