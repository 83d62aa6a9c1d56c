"""Cursors: where a list goes on, as an opaque text that fits the one question it was given for."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import orjson

MAX_LENGTH = 1_000


def encode(question: Sequence[object], key: Sequence[str | None]) -> str:
    """`question` is all that decides what the list holds and in which order; `key` is the last row's."""
    return urlsafe_b64encode(orjson.dumps([_mark(question), *key])).rstrip(b"=").decode()


def decode(question: Sequence[object], cursor: str, parts: int) -> list[str | None]:
    """The key, of so many parts. Raises ValueError for what was not given for this question."""
    try:
        content = orjson.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except ValueError:
        content = None
    if (
        not isinstance(content, list)
        or len(content) != parts + 1
        or not all(part is None or isinstance(part, str) for part in content)
        or content[0] != _mark(question)
    ):
        raise ValueError("the cursor does not belong to this list: use next_cursor with the same question")
    return content[1:]


def _mark(question: Sequence[object]) -> str:
    """Says which question, not what it was."""
    return hashlib.sha256(orjson.dumps(question, default=list)).hexdigest()[:12]
