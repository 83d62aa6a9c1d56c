"""While a store is folded anew its answers would be half of the truth: it is told when to ask again."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from kizuna.processors.services import Services

from .answers import Json
from .errors import body

OPEN = ("/health", "/ready", "/metrics", "/static/")
"""Routes that tell of the node itself."""


class Upgrading:
    """Answers 503 with the progress while `running`."""

    def __init__(self, app: ASGIApp, services: Services, running: Callable[[], bool]) -> None:
        self._app = app
        self._services = services
        self._running = running
        self._began = time.monotonic()
        self._first: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPEN) or not self._running():
            await self._app(scope, receive, send)
            return
        message, wait = await run_in_threadpool(self._progress)
        said = body("unavailable", message, "Wait; events are taken in meanwhile.")
        await Json(said, 503, {"retry-after": str(wait)})(scope, receive, send)

    def _progress(self) -> tuple[str, int]:
        """How far it is, and in how many seconds to ask again."""
        total = sum(its.end - its.first for its in self._services.log.bounds().values())
        left = min(self._services.projector.lag(), total)
        self._first = self._first or left
        told = f"The store is being folded anew, for this version: {total - left:,} of {total:,} records"
        folded, seconds = self._first - left, time.monotonic() - self._began
        if folded <= 0:
            return f"{told}.", 5
        to_go = seconds * left / folded
        return f"{told}, about {to_go:,.0f} s to go.", max(1, min(60, round(to_go)))
