"""Identifiers: the kinds in their order of strength, their normal form, and the subject id."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import NamedTuple
from uuid import UUID

KINDS = ("user_id", "card", "email", "phone", "line_id", "device_id", "anonymous_id")
"""Kinds of a person's identifiers, strongest first. Any other kind is an external id: `x_<system>`,
ranked between `device_id` and `anonymous_id`."""

COMPANY = "company"
"""The kind of a company's identifier; it comes from the event's entities, not from its ids."""

LINKED_KINDS = ("user_id", "anonymous_id")
"""The kinds that identify and alias join into one profile."""

MAX_LENGTH = 256
EXTERNAL = "x_[a-z0-9_]{1,40}"
"""What the kind of an external id looks like, as a regular expression."""

_EXTERNAL = re.compile(EXTERNAL)
_STRENGTH = {kind: rank for rank, kind in enumerate((*KINDS[:-1], "x_", KINDS[-1], COMPANY))}


class Identifier(NamedTuple):
    """One value that names a person or a company, in normal form."""

    kind: str
    value: str


def strength(kind: str) -> int:
    """Rank of a kind: 0 is the strongest."""
    return _STRENGTH["x_"] if kind.startswith("x_") else _STRENGTH[kind]


def is_person_kind(kind: str) -> bool:
    return kind in KINDS or _EXTERNAL.fullmatch(kind) is not None


def normalise(kind: str, value: str) -> str:
    """NFKC, outer white space removed, e-mail in lower case. Raises ValueError for what cannot be one."""
    if not value.isascii():  # ASCII is in NFKC already
        value = unicodedata.normalize("NFKC", value)
        if kind == "email":
            value = unicodedata.normalize("NFKC", value.lower())
    elif kind == "email":
        value = value.lower()
    value = value.strip()
    if not value:
        raise ValueError("is empty")
    if len(value) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    if not value.isprintable() and any(unicodedata.category(character) == "Cc" for character in value):
        raise ValueError("has a control character")
    return value


def subject_text(kind: str, value: str) -> str:
    """What is hashed behind the workspace key; the fold's SQL builds the same text."""
    return f"\x1f{kind}\x1f{value}"


def subject_id(workspace_key: str, kind: str, value: str) -> UUID:
    """The first 128 bits of SHA-256 (workspace key, kind, value): says nothing without the key."""
    return UUID(bytes=subject_bytes(workspace_key, kind, value))


def subject_bytes(workspace_key: str, kind: str, value: str) -> bytes:
    """The 16 bytes of `subject_id`."""
    return hashlib.sha256((workspace_key + subject_text(kind, value)).encode()).digest()[:16]
