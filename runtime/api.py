"""The API as the commands ask it: at the running node, or in this process where none runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

import duckdb
import httpx
from starlette.types import ASGIApp

from kizuna.projections.store import damaged, is_damage
from kizuna.schemas.errors import StoreLocked

from . import running_node
from .directory import DataDirectory
from .options import load_settings, typed
from .running_node import TIMEOUT, Answer, Parameters, answered
from .terminal import err

PATIENCE = 10.0
PAUSE = 0.2


class Api(Protocol):
    """Asks as an administrator."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        body: object = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> Answer:
        """The answer's JSON. Raises ConfigurationError when it refuses, LogUnavailable when it cannot."""
        ...


class LocalApi:
    """The same API without a node and its socket."""

    def __init__(self, directory: DataDirectory, app: ASGIApp, token: str) -> None:
        self._directory = directory
        self._app = app
        self._headers = {"authorization": f"Bearer {token}"}

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        body: object = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> Answer:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=self._app), base_url="http://local", headers=self._headers
            ) as client:
                return await client.request(method, path, params=params, json=body)

        try:
            return answered(asyncio.run(request()))
        except duckdb.Error as error:  # in a block that nothing had read before
            if not is_damage(error):
                raise
            raise damaged(self._directory.store, error) from error

    def tell_unfolded(self) -> None:
        """What an answer leaves out must not be taken for absent."""
        lag = self.ask("GET", "/api/status")["lag"]
        if not lag:
            return
        records, are = ("1 record", "is") if lag == 1 else (f"{lag:,} records", "are")
        run, rebuild = (typed(f"kizuna {name}", self._directory.path) for name in ("run", "rebuild"))
        err.print(
            f"{records} of the log {are} not folded yet, so not in this answer: "
            f"start the node (`{run}`), or `{rebuild}`.",
            style="yellow",
            markup=False,
        )


@contextmanager
def opened_api(directory: DataDirectory) -> Iterator[Api]:
    """Without a node nothing is folded meanwhile: answers are as old as the store, and that they leave out
    something is told on standard error. Raises ConfigurationError when there is no data, StoreLocked when a
    process holds the store that does not answer, StoreDamaged."""
    directory.require()
    with ExitStack() as stack:
        yield running_node.find(directory) or _local(directory, stack)


def _local(directory: DataDirectory, stack: ExitStack) -> Api:
    """A node that is starting, or another command, holds the store for a moment: it is waited for."""
    from kizuna.query.api import create_app

    from .wiring import new_secret, opened_services

    token = new_secret()
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            services = stack.enter_context(opened_services(directory, load_settings(directory), token))
            api = LocalApi(directory, create_app(services), token)
            api.tell_unfolded()
            return api
        except StoreLocked:
            node = running_node.find(directory)
            if node:
                return node
            if time.monotonic() > give_up:
                raise StoreLocked(
                    f"Another process holds {directory.path}, and no node answers for it.",
                    hint="Wait until it is done, or stop it.",
                ) from None
            time.sleep(PAUSE)
