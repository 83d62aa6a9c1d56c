"""JSON in and out, and the canonical form that the body hash is taken of."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping

import orjson

from .refusal import Refusal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_DEPTH = 32
MAX_ITEM_BYTES = 512 * 1024
MAX_WIDTH = 10_000
_EXACT_INTEGER = 2**63
_EXPONENT = b"e+"
"""orjson writes a float of 10^16 or more with it; text may look like it."""


def loads(raw: bytes | str) -> object:
    """Parse JSON strictly (RFC 8259). Raises ValueError with a position."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(str(error)) from None


def may_repeat(raw: bytes, value: object) -> bool:
    """Whether an object in the JSON text `raw`, parsed as `value`, may have two members of one name: parsing
    keeps the last and drops the others, with their colons. Says yes too often rather than too rarely."""
    if b"\\u003" in raw:  # perhaps a colon that is none in the text
        return True
    try:
        return raw.count(b":") != orjson.dumps(value).count(b":")
    except TypeError:  # nested deeper than orjson writes
        return True


def repeated_member(raw: bytes) -> str | None:
    """The name of two members of one object in this JSON text; None when there is none, or it is nested
    deeper than Python reads, and so than any item may be."""
    try:
        json.loads(raw, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except _Repeated as error:
        return error.name
    except RecursionError:
        pass
    return None


class _Repeated(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _once(members: list[tuple[str, object]]) -> None:
    names: set[str] = set()
    for name, _ in members:
        if name in names:
            raise _Repeated(name)
        names.add(name)


def dumps(value: object) -> bytes:
    """Compact JSON; `orjson.Fragment` embeds what is JSON already."""
    return orjson.dumps(value)


def canonical(value: object) -> bytes | Refusal:
    """The one text of a JSON value: sorted keys, no spaces, 1.0 written as 1. Refuses what could not be kept
    exactly: no JSON, too long, deep or wide, an integer beyond 64 bits.

    A NUL in a string passes: JSON escapes it, and DuckDB 2.0 reads it back as it was.
    """
    try:
        raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        return Refusal("invalid_json", "", str(error))
    if len(raw) > MAX_ITEM_BYTES:
        return Refusal("too_large", "", f"longer than {MAX_ITEM_BYTES} bytes")
    if _plain(raw):
        return raw
    return _doubtful(value) or orjson.dumps(_normalised(value), option=orjson.OPT_SORT_KEYS)


def check(value: object) -> Refusal | None:
    """Refuse what `canonical` refuses."""
    text = canonical(value)
    return None if isinstance(text, bytes) else text


def body_hash(body: Mapping[str, object]) -> str:
    """SHA-256 (hex) of the body's canonical JSON. Parts that hold numbers come as `orjson.Fragment` of their
    canonical text."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(raw: bytes) -> bool:
    """Whether the text tells at a glance that nothing in it can be too deep, too wide, a whole or huge float,
    or NaN, which orjson writes as null. Says no too often rather than too rarely."""
    return (
        b".0" not in raw
        and b"null" not in raw
        and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH
        and raw.count(b",") < MAX_WIDTH
        and _EXPONENT not in raw
    )


def _doubtful(value: object) -> Refusal | None:
    """Look at every node."""
    stack: list[tuple[object, int]] = [(value, 1)]
    while stack:
        node, level = stack.pop()
        if isinstance(node, dict | list):
            if level > MAX_DEPTH:
                return Refusal("too_large", "", f"nested deeper than {MAX_DEPTH} levels")
            if len(node) > MAX_WIDTH:
                return Refusal("too_large", "", f"more than {MAX_WIDTH} members in one object or list")
            stack.extend(
                [(child, level + 1) for child in (node.values() if isinstance(node, dict) else node)]
            )
        elif isinstance(node, float) and not (math.isfinite(node) and abs(node) < _EXACT_INTEGER):
            return Refusal("invalid_json", "", "a number is too large to be kept exactly: send it as text")
    return None


def _normalised(value: object) -> object:
    if isinstance(value, dict):
        return {key: _normalised(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_normalised(child) for child in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
