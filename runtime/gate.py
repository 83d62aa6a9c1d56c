"""The gate in front of collector and API: whom a request comes from, and how many of his are let in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from prometheus_client import Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from kizuna.ingest.problem import slow_down
from kizuna.processors.buckets import Buckets, Rate

from .addresses import Proxies, is_loopback, sender

logger = logging.getLogger(__name__)

LIMITED = Counter(
    "kizuna_limited_requests", "Requests answered with 429 because their address sent too many."
)

_FORWARDED = b"x-forwarded-for"
_SCHEMES = {b"http": "http", b"https": "https"}


class Gate:
    """Sets `client` and `scheme` of a request to what a trusted proxy says, and answers 429 to an address
    that sends more than `rate`. Loopback is limited only with `loopback`."""

    def __init__(self, app: ASGIApp, proxies: Proxies, rate: Rate, *, loopback: bool) -> None:
        self._app = app
        self._proxies = proxies
        self._buckets = Buckets(rate)
        self._loopback = loopback
        self._warned = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            address = self._identify(scope)
            scope["kizuna.sender"] = whose = sender(address)
            if self._loopback or not is_loopback(address):
                wait = self._buckets.take(whose, 1, asyncio.get_running_loop().time())
                if wait:
                    LIMITED.inc()
                    return _refuse(wait, scope, send)
        return self._app(scope, receive, send)

    def _identify(self, scope: Scope) -> str:
        client = scope.get("client")
        peer: str = client[0] if client else ""
        forwarded = [value for name, value in scope["headers"] if name == _FORWARDED]
        if not forwarded:
            return peer
        if not self._proxies.trusts(peer):
            self._warn(peer)
            return peer
        address = self._proxies.origin(peer, forwarded)
        scope["client"] = (address, 0)
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto":
                scope["scheme"] = _SCHEMES.get(value.strip().lower(), scope["scheme"])
        return address

    def _warn(self, peer: str) -> None:
        if is_loopback(peer) and not self._warned:
            self._warned = True
            logger.warning(
                "requests come through a proxy on this machine that is not trusted, so no address is "
                'limited: set trusted_proxies = "127.0.0.1" if it is yours'
            )


async def _refuse(wait: float, scope: Scope, send: Send) -> None:
    problem = slow_down(wait, "Your address sent more requests than it may.")
    body = problem.body()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *problem.headers,
        *((b"access-control-allow-origin", value) for name, value in scope["headers"] if name == b"origin"),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
