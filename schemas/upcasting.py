"""The ladder: properties of an older version of a type climb to the current one, a pure step each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Step = Callable[[Mapping[str, object]], dict[str, object]]

_HARD = re.compile(r"hard|permanent|\b5\d\d\b|\b5\.\d+\.\d+", re.IGNORECASE)
_SOFT = re.compile(r"soft|temporary|transient|\b4\d\d\b|\b4\.\d+\.\d+", re.IGNORECASE)


def upcast(type_: str, version: int, properties: Mapping[str, object]) -> dict[str, object]:
    """Properties of `version` (1 or more) in the form of the current version."""
    climbed = dict(properties)
    while (step := LADDER.get((type_, version))) is not None:
        climbed = step(climbed)
        version += 1
    return climbed


def _email_bounced_1(properties: Mapping[str, object]) -> dict[str, object]:
    """Version 2 says whether the bounce is for good; version 1 only told the reason, in words or codes."""
    reason = properties.get("reason")
    said = reason if isinstance(reason, str) else ""
    bounce_type = "hard" if _HARD.search(said) else "soft" if _SOFT.search(said) else "unknown"
    return {**properties, "bounce_type": bounce_type}


LADDER: dict[tuple[str, int], Step] = {("email.bounced", 1): _email_bounced_1}
"""From (type, n), to n + 1."""
