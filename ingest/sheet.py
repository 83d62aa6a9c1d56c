"""The rows of a file as SQL sees them: every value a text, whatever the file was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """SQL over the table `rows`. `expressions` gives each column's text, `content` a row as JSON text, and
    `identity` what makes two rows equal; `unreadable` is the error of a row with bytes that are no text, or
    NULL. `nulls`, `decimal` and `thousands` say how the file writes no value and numbers."""

    expressions: Mapping[str, str]
    content: str
    identity: str
    unreadable: str = "NULL"
    nulls: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""

    def column(self, name: str) -> str:
        """A column's text; NULL for no value."""
        text = self.expressions[name]
        if not self.nulls:
            return text
        return f"CASE WHEN {text} NOT IN ({', '.join(map(quoted, self.nulls))}) THEN {text} END"

    def number(self, text: str) -> str:
        """A number's text with a point as its decimal mark."""
        if self.thousands:
            text = f"replace({text}, {quoted(self.thousands)}, '')"
        return text if self.decimal == "." else f"replace({text}, {quoted(self.decimal)}, '.')"


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def problem(path: str, reason: str) -> str:
    """SQL of an error: where and what."""
    return quoted(f"{path}\x1f{reason}")
