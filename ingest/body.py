"""Receives the body of a request: within a time, within a size, and unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from .deadline import Deadline
from .problem import Problem, retry_later

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_GZIP = b"\x1f\x8b"
_ENCODINGS = {b"": False, b"identity": False, b"gzip": True, b"x-gzip": True}
_MEMBERS = 100
"""Members of one gzip body: each costs a copy of what follows it."""
_DRAINED = 4
"""A body that is too large is read on and dropped up to so many times the limit: a client that is cut off
while it sends does not see the answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request, and of all requests in hand together (`held_bytes`)."""

    body_bytes: int = 4 << 20
    items: int = 20_000
    receive_seconds: float = 10.0
    wait_seconds: float = 30.0
    held_bytes: int = 64 << 20


class Disconnected(Exception):
    """The client went away before its request was whole: nobody waits for an answer."""


class Intake:
    """Receives bodies, and counts the bytes of those in hand."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._deadline = Deadline(limits.receive_seconds)
        self._held = 0

    async def receive(self, receive: Receive, *, declared: int, encoding: bytes) -> bytes:
        """The body, unpacked. Whoever gets it calls `release` with its length when done. `declared` is the
        length that the client announced, 0 when it did not; `encoding` how it says the body is packed.
        Raises Problem: 400, 408, 413, 415 or 503."""
        packed = _packed(encoding)
        if declared > _DRAINED * self._limits.body_bytes:
            raise self._too_large(closing=True)
        chunks: list[bytes] = []
        try:
            with self._deadline:
                await self._collect(receive, chunks)
            raw = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            if packed or raw.startswith(_GZIP):
                unpacked = self._unpack(raw)
                self._hold(len(unpacked), closing=False)
                self.release(len(raw))
                return unpacked
            return raw
        except BaseException as error:
            self.release(sum(map(len, chunks)))
            if isinstance(error, TimeoutError):
                message = f"The request did not arrive within {self._limits.receive_seconds:g} seconds."
                raise Problem(408, "timeout", message, "Send it again.", closing=True) from None
            raise

    def release(self, size: int) -> None:
        self._held -= size

    async def _collect(self, receive: Receive, chunks: list[bytes]) -> None:
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= self._limits.body_bytes:
                self._hold(len(chunk), closing=True)
                chunks.append(chunk)
            elif size > _DRAINED * self._limits.body_bytes:
                raise self._too_large(closing=True)
            if not message.get("more_body", False):
                break
        if size > self._limits.body_bytes:
            raise self._too_large(closing=False)

    def _hold(self, size: int, *, closing: bool) -> None:
        if self._held + size > self._limits.held_bytes:
            raise retry_later("overloaded", "Too much is on its way to the log already.", closing=closing)
        self._held += size

    def _unpack(self, raw: bytes) -> bytes:
        """gzip, also of several members, to at most the size that an unpacked body may have."""
        parts: list[bytes] = []
        room = self._limits.body_bytes
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
                raise self._too_large(closing=False)
            if not unpacker.eof:
                raise Problem(400, "bad_gzip", "The gzip body ends too early.", "Send it whole.")
            parts.append(part)
            raw = unpacker.unused_data
        return b"".join(parts)

    def _too_large(self, *, closing: bool) -> Problem:
        message = f"The body is larger than {self._limits.body_bytes:,} bytes."
        return Problem(413, "too_large", message, "Send fewer items a request.", closing=closing)


def _packed(encoding: bytes) -> bool:
    try:
        return _ENCODINGS[encoding.strip().lower()]
    except KeyError:
        message = f"The body is packed as {encoding.decode('latin-1')}, which is not known here."
        hint = "Send it plain, or as gzip."
        # The rest of the request is not read.
        raise Problem(415, "unsupported_encoding", message, hint, closing=True) from None
