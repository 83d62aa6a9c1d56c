"""The items in a body: one JSON object, an array of them, or one a line (NDJSON)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import orjson

from kizuna.schemas import codec

from .problem import Problem

_SIGNATURE = b"\xef\xbb\xbf"
_LINE_TYPES = (b"ndjson", b"jsonl", b"json-lines", b"jsonlines")
_ADVICE = "Send one event as a JSON object, several as an array, or one a line."
_MAX_NAME = 100
_READER = json.JSONDecoder(parse_int=str, parse_float=str)
_GAP = re.compile(r"[\s,]*")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},]')


class Unparsed(NamedTuple):
    """An item that is no JSON with one meaning, and why."""

    reason: str


class Items(NamedTuple):
    """`values` as parsed; `lines` are their texts where each came on a line of its own."""

    values: Sequence[object]
    lines: Sequence[bytes] | None
    body: bytes

    def texts(self) -> list[str]:
        """Every item as it came; bytes that are no UTF-8 are replaced."""
        if self.lines is not None:
            return [line.decode(errors="replace") for line in self.lines]
        text = self.body.decode().strip()
        return _members(text) if text.startswith("[") else [text]


def parse(body: bytes, content_type: bytes, most: int) -> Items:
    """JSON whatever the content type says, lines where it says so or the body has several. Raises Problem
    when the body as a whole is no JSON, or has more than `most` items."""
    body = body.removeprefix(_SIGNATURE)
    if not _by_line(content_type):
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            if not _has_lines(body):
                message = (
                    f"The body is no JSON: {_why(body, error)}." if body.strip() else "The body is empty."
                )
                raise Problem(400, "invalid_json", message, _ADVICE) from None
        else:
            if not isinstance(value, dict | list):
                raise Problem(400, "invalid_json", "The body is JSON, but no event.", _ADVICE)
            items = Items(value if isinstance(value, list) else [value], None, body)
            _check_number(len(items.values), most)
            if codec.may_repeat(body, value):
                return items._replace(values=[read(text.encode()) for text in items.texts()])
            return items
    lines = [line for line in map(bytes.strip, body.split(b"\n")) if line]
    _check_number(len(lines), most)
    return Items([read(line) for line in lines], lines, body)


def read(text: bytes) -> object:
    """The value of a JSON text; Unparsed when it is none, or names a member of an object twice: nobody could
    tell which of the two was meant."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Unparsed(_why(text, error))
    if codec.may_repeat(text, value) and (name := codec.repeated_member(text)) is not None:
        return Unparsed(f'the member "{name[:_MAX_NAME]}" stands twice in one object')
    return value


@lru_cache(maxsize=100)
def _by_line(content_type: bytes) -> bool:
    return any(kind in content_type.lower() for kind in _LINE_TYPES)


def _check_number(items: int, most: int) -> None:
    if items > most:
        message = f"The body has {items:,} items, of at most {most:,}."
        raise Problem(413, "too_large", message, "Send fewer items a request.")


def _has_lines(body: bytes) -> bool:
    """Whether it is several lines, and the first of them a whole object."""
    first, _, rest = body.strip().partition(b"\n")
    try:
        return bool(rest) and isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


def _why(text: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as wrong:
        return f"it is not UTF-8 at byte {wrong.start + 1:,}"
    return str(error)


def _members(text: str) -> list[str]:
    """The source texts of an array's members. The array is known to be JSON."""
    found: list[str] = []
    at = _gap(text, 1)
    try:
        while text[at] != "]":
            _, end = _READER.raw_decode(text, at)
            found.append(text[at:end])
            at = _gap(text, end)
    except RecursionError:
        return _deep_members(text)
    return found


def _gap(text: str, at: int) -> int:
    """Where the next member begins, or the array ends."""
    found = _GAP.match(text, at)
    assert found is not None  # it matches nothing, too
    return found.end()


def _deep_members(text: str) -> list[str]:
    """The same, slower, of members that are nested deeper than Python reads."""
    found: list[str] = []
    start = depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0][0]
        if mark in "[{":
            depth += 1
            start = token.end() if depth == 1 else start
        elif mark in "]}":
            depth -= 1
        if (mark == "," and depth == 1) or depth == 0:
            found.append(text[start : token.start()].strip())
            start = token.end()
    return found
