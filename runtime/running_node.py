"""The node that runs on a data directory, asked over HTTP as its administrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from kizuna.schemas.errors import ConfigurationError, LogUnavailable

from . import node_file
from .directory import DataDirectory

Answer = dict[str, Any]
Parameters = Mapping[str, str | int]

TIMEOUT = httpx.Timeout(60.0, connect=3.0)
UNLIMITED = httpx.Timeout(None, connect=3.0)


class RunningNode:
    """Found by its node file."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
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
        """The answer's JSON. Raises ConfigurationError when it refuses, LogUnavailable when it cannot."""
        try:
            with httpx.Client(base_url=self.address, headers=self._headers, timeout=timeout) as client:
                return answered(client.request(method, path, params=params, json=body))
        except httpx.TransportError as error:
            raise LogUnavailable(
                f"The node at {self.address} does not answer ({type(error).__name__}).", hint="Try again."
            ) from error

    def answers(self) -> bool:
        """Whether it is there: the file outlives a killed node, and its port may be another's now."""
        try:
            response = httpx.get(f"{self.address}/api/keys", headers=self._headers, timeout=TIMEOUT)
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            return True  # busy, yet there
        return response.status_code not in (401, 403, 404)


def find(directory: DataDirectory) -> RunningNode | None:
    """The node that runs on the directory; None when there is none, whatever a file left behind says."""
    held = node_file.read(directory)
    node = RunningNode(held.address, held.token) if held else None
    return node if node and node.answers() else None


def answered(response: httpx.Response) -> Answer:
    """The JSON of an answer. Raises ConfigurationError or LogUnavailable with what the API says is wrong."""
    try:
        answer = response.json()
    except ValueError:
        answer = {}
    if response.is_success and isinstance(answer, dict):
        return answer
    error = answer.get("error", {}) if isinstance(answer, dict) else {}
    message = error.get("message") or f"The node answered {response.status_code}."
    hint = error.get("hint") or ""
    if response.status_code >= 500:
        raise LogUnavailable(message, hint=hint)
    raise ConfigurationError(message, hint=hint)
