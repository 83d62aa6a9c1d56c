"""The bytes of a file as text: of any encoding, with a mark where they are none, in lines that end."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

UNDECODABLE = "\U0010ffff"
"""Stands for bytes that the encoding does not know: no text holds this character."""

MAX_LINE = 1_000_000
"""Characters of one line that are looked at."""

BLOCK = 4 << 20
"""Bytes read at a time."""

_HANDLER = "kizuna-undecodable"
_NO_FILES = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
"""Codecs of Python that are no encodings of files: they make halves of characters out of ASCII."""


def check_encoding(encoding: str) -> str:
    """The encoding, as it was given. Raises ValueError for one that files are not written in."""
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name.replace("_", "-")
    except (LookupError, UnicodeError):
        name = "undefined"
    if name in _NO_FILES:
        raise ValueError(f"no such encoding: {encoding}")
    return encoding


class Utf8(io.RawIOBase):
    """A file of any encoding as bytes of UTF-8, from behind its first `skip` lines on, and with the line
    `last` behind its end. `consumed` counts the file's own bytes."""

    def __init__(self, path: Path, encoding: str, skip: int, last: str) -> None:
        self._raw = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(_with_signature(encoding))(_HANDLER)
        self._skip = skip
        self._last = last
        self._end = "\n"
        self._rest = b""
        self.consumed = 0
        self.undecodable = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._rest and self._last:
            block = self._raw.read(BLOCK)
            self.consumed += len(block)
            text = self._behind(self._decoder.decode(block, final=not block))
            self.undecodable = self.undecodable or UNDECODABLE in text
            self._end = text[-1:] or self._end
            if not block:
                text += f"{'' if self._end == chr(10) else chr(10)}{self._last}\n"
                self._last = ""
            self._rest = text.encode()
        if size < 0:
            size = len(self._rest)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _behind(self, text: str) -> str:
        """What stands behind the lines that are still to be skipped."""
        at = 0
        while self._skip:
            at = text.find("\n", at) + 1
            if not at:
                return ""
            self._skip -= 1
        return text[at:]


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """The file as text; only a line feed ends a line."""
    return path.open(encoding=_with_signature(encoding), errors=_HANDLER, newline="\n")


def lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines, each no longer than MAX_LINE and one: what follows is passed over."""
    while line := text.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith("\n"):
            line = text.readline(MAX_LINE + 1)


def _with_signature(encoding: str) -> str:
    """UTF-8 files may begin with a byte order mark."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error(_HANDLER, _mark)
