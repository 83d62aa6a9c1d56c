"""The API as the commands ask it: at the running node, or in this process where none runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import httpx
from starlette.types import ASGIApp

from kizuna.schemas.errors import StoreLocked

from . import running_node
from .directory import DataDirectory
from .options import load_settings
from .running_node import Answer, Parameters, answered


class Api(Protocol):
    """Asks as an administrator."""

    def ask(self, method: str, path: str, *, params: Parameters | None = None, body: object = None) -> Answer:
        """The answer's JSON. Raises ConfigurationError when it refuses, LogUnavailable when it cannot."""
        ...


class LocalApi:
    """The same API without a node and its socket."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._headers = {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, *, params: Parameters | None = None, body: object = None) -> Answer:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=self._app), base_url="http://local", headers=self._headers
            ) as client:
                return await client.request(method, path, params=params, json=body)

        return answered(asyncio.run(request()))


@contextmanager
def opened_api(directory: DataDirectory) -> Iterator[Api]:
    """Without a node nothing is folded meanwhile: answers are as old as the store. Raises ConfigurationError
    when there is no data, StoreLocked when a process holds the store that does not answer."""
    directory.require()
    node = running_node.find(directory)
    if node:
        yield node
        return
    from kizuna.query.api import create_app

    from .wiring import new_secret, opened_services

    token = new_secret()
    try:
        with opened_services(directory, load_settings(directory), token) as services:
            yield LocalApi(create_app(services), token)
    except StoreLocked:
        raise StoreLocked(
            f"Another process holds {directory.path}, and no node answers for it.",
            hint="A node that is starting or another command does: try again in a moment.",
        ) from None
