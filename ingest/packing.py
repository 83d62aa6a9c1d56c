"""gzip: how a body says that it is packed, and unpacking it within bounds."""

from __future__ import annotations

import zlib

from .problem import Problem

_GZIP = b"\x1f\x8b"
_ENCODINGS = {b"": False, b"identity": False, b"gzip": True, b"x-gzip": True}
_MEMBERS = 100
"""Members of one gzip body: each costs a copy of what follows it."""


def says_packed(encoding: bytes) -> bool:
    """Whether `Content-Encoding` says gzip. Raises Problem (415) for what is not known here."""
    try:
        return _ENCODINGS[encoding.strip().lower()]
    except KeyError:
        message = f"The body is packed as {encoding.decode('latin-1')}, which is not known here."
        hint = "Send it plain, or as gzip."
        # The rest of the request is not read.
        raise Problem(415, "unsupported_encoding", message, hint, closing=True) from None


def is_packed(raw: bytes) -> bool:
    """Whether it begins as gzip does, and no JSON."""
    return raw.startswith(_GZIP)


def unpack(raw: bytes, most: int) -> bytes | None:
    """What is packed, also in several members; None when it is more than `most` bytes. Raises Problem (400)
    when it is not gzip, or not whole."""
    parts: list[bytes] = []
    room = most
    while raw:
        if len(parts) == _MEMBERS:
            message = f"The gzip body has more than {_MEMBERS} members."
            raise Problem(400, "bad_gzip", message, "Pack it as one.")
        unpacker = zlib.decompressobj(wbits=31)
        try:
            part = unpacker.decompress(raw, room + 1)
        except zlib.error:
            raise Problem(400, "bad_gzip", "The body is not gzip, though it says so.") from None
        room -= len(part)
        if room < 0:
            return None
        if not unpacker.eof:
            raise Problem(400, "bad_gzip", "The gzip body ends too early.", "Send it whole.")
        parts.append(part)
        raw = unpacker.unused_data
    return b"".join(parts)
