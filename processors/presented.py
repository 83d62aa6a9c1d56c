"""Who presents a write key or a token, for an event loop that must not wait for the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kizuna.schemas.definitions import Token, WriteKey
from kizuna.schemas.errors import LogUnavailable

from .access import PATIENCE_SECONDS, UNKNOWN_SECONDS, Access
from .rounds import Rounds

T = TypeVar("T", WriteKey, Token)


class Presented:
    """Answers from what is held. Only for what is unknown, or held for too long, the log is asked, in one
    thread for all: whoever guesses keys can neither pile up work nor delay those with a known one. Who was
    known last is known while the log is away. Belongs to one event loop; raises LogUnavailable."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._refresh = Rounds(access.refresh, "access")

    def write_key(self, text: str) -> Awaitable[WriteKey | None]:
        """The write key of this text; None when there is none."""
        return self._find(self._access.held_write_key, self._access.last_write_key, text)

    def token(self, text: str) -> Awaitable[Token | None]:
        """The token of this text; None when there is none."""
        return self._find(self._access.held_token, self._access.last_token, text)

    async def _find(
        self, held: Callable[[str], T | None], last: Callable[[str], T | None], text: str
    ) -> T | None:
        found = held(text)
        if found is not None or self._access.age() < UNKNOWN_SECONDS:
            return found
        known = last(text)
        try:
            await asyncio.wait_for(asyncio.shield(self._refresh()), PATIENCE_SECONDS if known else None)
        except (LogUnavailable, TimeoutError):
            if known is None:
                raise
            return known
        return held(text)
