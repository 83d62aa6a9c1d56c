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


def illustrate(openapi: dict[str, Any]) -> None:
    """Put the answers into an OpenAPI document. FastAPI would take every null out of them."""
    for methods in openapi["paths"].values():
        for said in methods.values():
            if said["operationId"] in examples():
                status = "201" if "201" in said["responses"] else "200"
                (content,) = said["responses"][status]["content"].values()
                content["example"] = examples()[said["operationId"]]


def refusals(*errors: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": ErrorAnswer, "description": ERRORS[code]} for code in errors}
