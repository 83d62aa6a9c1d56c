"""Receives the body of a request: within a size, and unpacked."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from kizuna.processors.buckets import UNLIMITED, Rate

from .aside import Aside
from .packing import is_packed, says_packed, unpack
from .problem import Problem, retry_later

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_DRAINED = 4
"""A body that is too large is read on and dropped up to so many times the limit: a client that is cut off
while it sends does not see the answer."""

_SLOW_SECONDS = 1.0
"""Where too much is in hand, a body that has been on its way for longer gives way to others."""

_AT_ONCE_BYTES = 32 << 10
"""A packed body up to this size is unpacked at once, where it becomes no more than `_AT_ONCE_UNPACKED`."""

_AT_ONCE_UNPACKED = 128 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request, of all requests in hand together (`held_bytes`), of those that wait for the fold
    together (`waiting`), and of the events of one write `key`, and of one `visitor` with a public one.
    `guesses` are requests of one sender with an unknown key."""

    body_bytes: int = 4 << 20
    items: int = 20_000
    wait_seconds: float = 30.0
    held_bytes: int = 64 << 20
    waiting: int = 2_000
    key: Rate = UNLIMITED
    visitor: Rate = UNLIMITED
    guesses: Rate = UNLIMITED


class Disconnected(Exception):
    """The client went away before its request was whole: nobody waits for an answer."""


@dataclass(eq=False, slots=True)
class _Arriving:
    """A body that comes in several pieces. `cut` is why it was not waited for."""

    task: asyncio.Task[object]
    since: float
    chunks: list[bytes] = field(default_factory=list)
    held: int = 0
    cut: Problem | None = None


class Intake:
    """Receives bodies, and counts the bytes of those in hand. How long one may take is the connection's to
    say: it ends, and what was received is let go of."""

    def __init__(self, limits: Limits, aside: Aside) -> None:
        self._limits = limits
        self._aside = aside
        self._held = 0
        self._arriving: OrderedDict[_Arriving, None] = OrderedDict()

    async def receive(self, receive: Receive, *, declared: int, encoding: bytes) -> bytes:
        """The body, unpacked. Whoever gets it calls `release` with its length when done. `declared` is the
        length that the client announced, 0 when it did not; `encoding` how it says the body is packed.
        Raises Problem: 400, 413, 415 or 503; Disconnected."""
        packed = says_packed(encoding)
        if declared > _DRAINED * self._limits.body_bytes:
            raise self._too_large(closing=True)
        message = await receive()
        if message.get("more_body", False):
            raw = await self._collect(message, receive)
        else:
            raw = _chunk(message)
            if len(raw) > self._limits.body_bytes:
                raise self._too_large(closing=False)
            self._hold(len(raw), None, closing=True)
        if not (packed or is_packed(raw)):
            return raw
        try:
            unpacked = await self._unpack(raw)
            self._hold(len(unpacked), None, closing=False)
        finally:
            self.release(len(raw))
        return unpacked

    def release(self, size: int) -> None:
        self._held -= size

    async def _collect(self, message: MutableMapping[str, Any], receive: Receive) -> bytes:
        """The pieces together, `message` the first of them."""
        task = asyncio.current_task()
        assert task is not None
        arriving = _Arriving(task, asyncio.get_running_loop().time())
        self._arriving[arriving] = None
        try:
            size = 0
            while True:
                chunk = _chunk(message)
                size += len(chunk)
                if size <= self._limits.body_bytes:
                    self._hold(len(chunk), arriving, closing=True)
                    arriving.held += len(chunk)
                    arriving.chunks.append(chunk)
                elif size > _DRAINED * self._limits.body_bytes:
                    raise self._too_large(closing=True)
                if not message.get("more_body", False):
                    break
                message = await receive()
            if size > self._limits.body_bytes:
                raise self._too_large(closing=False)
            return b"".join(arriving.chunks)
        except BaseException as error:
            self.release(arriving.held)
            if isinstance(error, asyncio.CancelledError) and arriving.cut and not task.uncancel():
                raise arriving.cut from None
            raise
        finally:
            self._arriving.pop(arriving, None)

    def _hold(self, size: int, arriving: _Arriving | None, *, closing: bool) -> None:
        while self._held + size > self._limits.held_bytes:
            if not self._give_up_the_slowest(arriving):
                raise _overloaded(closing=closing)
        self._held += size

    def _give_up_the_slowest(self, newer: _Arriving | None) -> bool:
        """Bodies that trickle must not fill what others need."""
        slowest = next(iter(self._arriving), None)
        now = asyncio.get_running_loop().time()
        if slowest is None or slowest is newer or now - slowest.since < _SLOW_SECONDS:
            return False
        del self._arriving[slowest]
        self.release(slowest.held)
        slowest.held = 0
        slowest.chunks.clear()
        slowest.cut = _overloaded(closing=True)
        slowest.task.cancel()
        return True

    async def _unpack(self, raw: bytes) -> bytes:
        most = self._limits.body_bytes
        unpacked = unpack(raw, min(most, _AT_ONCE_UNPACKED)) if len(raw) <= _AT_ONCE_BYTES else None
        if unpacked is None:
            unpacked = await self._aside(lambda: unpack(raw, most))
        if unpacked is None:
            raise self._too_large(closing=False)
        return unpacked

    def _too_large(self, *, closing: bool) -> Problem:
        message = f"The body is larger than {self._limits.body_bytes:,} bytes."
        return Problem(413, "too_large", message, "Send fewer items a request.", closing=closing)


def _chunk(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise Disconnected
    chunk: bytes = message.get("body", b"")
    return chunk


def _overloaded(*, closing: bool) -> Problem:
    return retry_later("overloaded", "Too much is on its way to the log already.", closing=closing)
