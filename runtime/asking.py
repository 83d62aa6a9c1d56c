"""How commands ask the API: list by list, one thing by its id, with JSON that was given to an option."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from kizuna.schemas.errors import ConfigurationError

from .running_node import TIMEOUT, Answer, Parameters

if TYPE_CHECKING:
    from .api import Api

PAGE = 200


def listed(api: Api, path: str, asked: Mapping[str, str], most: int) -> Iterator[dict[str, Any]]:
    """At most so many items of a list, page by page."""
    cursor: dict[str, str] = {}
    while most > 0:
        answer = api.ask("GET", path, params={**asked, **cursor, "limit": min(most, PAGE)})
        yield from answer["items"]
        if answer["next_cursor"] is None:
            return
        most -= len(answer["items"])
        cursor = {"cursor": answer["next_cursor"]}


def ask_one(
    api: Api,
    method: str,
    path: str,
    hint: str,
    body: object = None,
    *,
    params: Parameters | None = None,
    timeout: httpx.Timeout = TIMEOUT,
) -> Answer:
    """The answer about one thing. Where the API would hint at a route, `hint` names the command."""
    try:
        return api.ask(method, path, params=params, body=body, timeout=timeout)
    except ConfigurationError as error:
        if "/api/" not in error.hint:
            raise
        message = str(error).removesuffix(error.hint).strip()
        raise ConfigurationError(message, hint=hint) from None


def given(value: str, option: str) -> dict[str, Any]:
    """The JSON object that an option holds, names a file of, or leaves to standard input."""
    text = value
    if value == "-":
        text = sys.stdin.read()
    elif not value.lstrip().startswith("{"):
        try:
            text = Path(value).read_text()
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{option} {value} is neither JSON nor a file that can be read.",
                hint="Give a JSON object in quotes, the name of a file, or - for standard input.",
            ) from error
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{option} is no JSON: {error}.", hint="Give a JSON object.") from None
    if not isinstance(parsed, dict):
        raise ConfigurationError(
            f"{option} is JSON, but no object.", hint="""Such as {"type": "page.viewed"}."""
        )
    return parsed
