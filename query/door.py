"""The door of the API: before a request takes a thread, memory or the event loop's time, it is known who
asks, how much he asked lately, and that what he sends is whole and not too long."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizuna.processors.access import Access
from kizuna.processors.buckets import Buckets, whole_seconds
from kizuna.processors.presented import Presented
from kizuna.schemas.errors import LogUnavailable

from .answers import Json
from .auth import HINT, UNKNOWN
from .errors import body
from .lanes import Full, Lanes
from .limits import Limits

ALWAYS = "/health"
"""It takes no thread and is answered whatever goes on."""

BEHIND_TOKENS = "/api/"

NOTHING: Message = {"type": "http.request", "body": b"", "more_body": False}
_LENGTH_DIGITS = 18


class Refused(Exception):
    """The request is answered here, and goes no further."""

    def __init__(self, status: int, code: str, message: str, hint: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.said = body(code, message, hint)
        self.headers = {"retry-after": str(whole_seconds(wait))} if wait else {}
        if status in (401, 413, 503):
            self.headers["connection"] = "close"  # the rest of the request is not read
        if status == 401:
            self.headers["www-authenticate"] = "Bearer"

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Json(self.said, self.status, self.headers)(scope, receive, send)


class Door:
    """Middleware. Whose token is not known is answered here; of whoever has none no body is read, and the
    route says so."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self._app = app
        self._presented = Presented(access)
        self._limits = limits
        self._buckets = Buckets(limits.token)
        self._guesses = Buckets(limits.guesses)
        self._known = Lanes(running=limits.known, each=limits.known // 2, waiting=limits.waiting)
        self._strangers = Lanes(running=limits.strangers, each=limits.strangers // 2, waiting=limits.waiting)
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == ALWAYS:
            await self._app(scope, receive, send)
            return
        try:
            await self._pass(scope, receive, send)
        except ClientDisconnect:
            pass
        except Full as full:
            await _crowded(full).answer(scope, receive, send)
        except Refused as refused:
            await refused.answer(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if (asker := await self._holder(scope, headers)) is None:
            client = scope.get("client")
            sender: str = scope.get("kizuna.sender") or (client[0] if client else "")
            if b"authorization" in headers and scope["path"].startswith(BEHIND_TOKENS):
                self._slow_down(self._guesses, sender, "Your address sent too many unknown tokens.")
                raise Refused(401, "unauthorized", UNKNOWN, HINT)
            async with self._strangers.take(sender):
                await self._app(scope, _replayed([NOTHING], receive), _closing(headers, send))
            return
        self._slow_down(self._buckets, asker, "This token asked more than it may.")
        sent = await self._received(headers, receive)
        try:
            async with self._known.take(asker):
                whole = {"type": "http.request", "body": sent, "more_body": False}
                await self._app(scope, _replayed([whole], receive), send)
        finally:
            self._held -= len(sent)

    def _slow_down(self, buckets: Buckets, whose: str, message: str) -> None:
        if wait := buckets.take(whose, 1, asyncio.get_running_loop().time()):
            hint = f"Ask again in {whole_seconds(wait)} s."
            raise Refused(429, "rate_limited", message, hint, wait=wait)

    async def _holder(self, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        """The token of who asks, as its hash; None without a known one, and where none is needed."""
        if not scope["path"].startswith(BEHIND_TOKENS):
            return None
        scheme, _, text = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = await self._presented.token(text.strip())
        except LogUnavailable as error:
            raise Refused(503, "unavailable", str(error), error.hint, wait=1) from None
        return token.sha256 if token else None

    async def _received(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The whole body, before it takes a place: whoever sends slowly holds nobody up. How long it may take
        is the connection's affair. Its length is held until the request is answered."""
        if not _has_body(headers):
            return b""
        declared = headers.get(b"content-length", b"0")
        if len(declared) > _LENGTH_DIGITS or int(declared) > self._limits.body_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        held = 0
        more = True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                if held + len(chunk) > self._limits.body_bytes:
                    raise self._too_large()
                if self._held + len(chunk) > self._limits.held_bytes:
                    raise Refused(503, "overloaded", "Too much is being received.", "Ask again.", wait=1)
                held += len(chunk)
                self._held += len(chunk)
                chunks.append(chunk)
            return b"".join(chunks)
        except BaseException:
            self._held -= held
            raise

    def _too_large(self) -> Refused:
        message = f"The body is larger than {self._limits.body_bytes:,} bytes."
        return Refused(413, "too_large", message, "Send less at once.")


def _crowded(full: Full) -> Refused:
    if full.by_asker:
        message = "You have too many requests waiting already."
        return Refused(429, "rate_limited", message, "Wait for their answers.", wait=1)
    return Refused(503, "overloaded", "Too many requests wait already.", "Ask again.", wait=1)


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _replayed(given: list[Message], receive: Receive) -> Receive:
    waiting = iter(given)

    async def replay() -> Message:
        return next(waiting, None) or await receive()

    return replay


def _closing(headers: dict[bytes, bytes], send: Send) -> Send:
    """A request whose body is not read cannot be followed by another."""
    if not _has_body(headers):
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
        await send(message)

    return sending
