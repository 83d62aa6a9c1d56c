"""The options of a request, in its query string."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from .problem import Problem

_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s)")
_TRUE = {"true", "1", ""}
_FALSE = {"false", "0"}


class Options(NamedTuple):
    """`wait` is in seconds; None does not wait."""

    dry_run: bool = False
    wait: float | None = None


_NONE = Options()


def parse_options(query: bytes, longest: float) -> Options:
    """Raises Problem (400) for what is not known: a misspelt dry_run must not keep anything."""
    if not query:
        return _NONE
    options = _NONE
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "dry_run" and value.lower() in _TRUE | _FALSE:
            options = options._replace(dry_run=value.lower() in _TRUE)
        elif name == "wait" and (seconds := _seconds(value)) is not None and seconds <= longest:
            options = options._replace(wait=seconds)
        else:
            message = f"{name}={value} is not understood." if value else f"{name} is not understood."
            hint = f"Use dry_run=true, or wait=5s (500ms; at most {longest:g}s)."
            raise Problem(400, "invalid_option", message, hint)
    return options


def _seconds(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    return float(match[1]) / (1000 if match[2] == "ms" else 1)
