"""Who presents a write key or a token, for an event loop that must not wait for the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kizuna.schemas.definitions import Token, WriteKey

from .access import UNKNOWN_SECONDS, Access
from .rounds import Rounds

T = TypeVar("T", WriteKey, Token)


class Presented:
    """Answers from what is held. Only for what is unknown, or held for too long, the log is asked, in one
    thread for all: whoever guesses keys can neither pile up work nor delay those with a known one. Belongs to
    one event loop; raises LogUnavailable."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._refresh = Rounds(access.refresh, "access")

    def write_key(self, text: str) -> Awaitable[WriteKey | None]:
        """The write key of this text; None when there is none."""
        return self._find(self._access.held_write_key, text)

    def token(self, text: str) -> Awaitable[Token | None]:
        """The token of this text; None when there is none."""
        return self._find(self._access.held_token, text)

    async def _find(self, held: Callable[[str], T | None], text: str) -> T | None:
        found = held(text)
        if found is None and self._access.age() >= UNKNOWN_SECONDS:
            await self._refresh()
            found = held(text)
        return found
