"""The node's one port: collector and API behind a dispatcher, from the first request to the last."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from kizuna.schemas.errors import ConfigurationError

from .connection import protocol
from .connections import Connections

logger = logging.getLogger(__name__)

GRACE_SECONDS = 30
"""How long requests in flight may take when the node stops."""

BACKLOG = 4_096
"""Connections that the system holds until they are taken."""

COLLECTOR_PREFIX = "/v1/"

SWITCH_SECONDS = 0.002
"""After so long a thread lets others have the interpreter. Of 5 (Python's own), 2, 1 and 0.3 ms with this one
the collector took most: 3 to 6 % more than with Python's own."""


def dispatcher(collector: ASGIApp, api: ASGIApp) -> ASGIApp:
    """Touchpoints go straight to the collector, everything else to the API."""

    def dispatch(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        collects = scope["type"] == "http" and scope["path"].startswith(COLLECTOR_PREFIX)
        return (collector if collects else api)(scope, receive, send)

    return dispatch


def bind(host: str, port: int) -> socket.socket:
    """A socket of the address. Raises ConfigurationError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            hint="Choose another with --port and --host, or stop what holds it.",
        ) from None
    return bound


def address(bound: socket.socket) -> str:
    """Where the node is reached from its own machine."""
    host, port = bound.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def serve(
    app: ASGIApp,
    bound: socket.socket,
    connections: Connections,
    listening: Callable[[], None],
    failed: Callable[[], bool] = lambda: False,
) -> None:
    """Serve until SIGTERM or SIGINT, or until something has `failed` that no answer would be right without.
    Requests in flight are finished. Raises what `listening` raises."""
    config = uvicorn.Config(
        app,
        http=protocol(connections),
        loop="uvloop",
        ws="none",
        interface="asgi3",  # told by `async def` otherwise, which an application need not be
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the gate knows which proxies to trust
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # uvicorn raises the signal again when it is done. The node has a log and a store to close first.
    asked: list[int] = []
    previous = {one: signal.signal(one, _note(asked)) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        server = _Server(config, listening, failed)
        server.run(sockets=[bound])
        if server.failure is not None:
            raise server.failure
    finally:
        for one, handler in previous.items():
            signal.signal(one, handler)
        gc.unfreeze()


def spare_the_collector() -> None:
    """What is alive now stays alive: the collector of garbage need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _note(asked: list[int]) -> Callable[[int, FrameType | None], None]:
    return lambda number, frame: asked.append(number)


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, listening: Callable[[], None], failed: Callable[[], bool]
    ) -> None:
        super().__init__(config)
        self._failed = failed
        self._listening = listening
        self.failure: Exception | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        spare_the_collector()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            self._listening()
        except Exception as error:  # raised here, it would stop the server in the middle
            self.failure = error
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._failed()
