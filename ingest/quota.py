"""How many events a write key may send, in all and, where everybody can read it, from one address."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from kizuna.processors.buckets import Buckets
from kizuna.schemas.definitions import WriteKey

from .body import Limits


def sender(scope: MutableMapping[str, Any]) -> str:
    """Who sent a request: as the node's gate says it, else the other end of the connection."""
    client = scope.get("client")
    known: str = scope.get("kizuna.sender") or (client[0] if client else "")
    return known


EVENT_BYTES = 4 << 10
"""A visitor's body counts as one event for each so many bytes, where it has fewer: a large one costs the work
of many, whatever is in it."""


class Quota:
    """A bucket for each key. A public key has one for each sender too, so that whoever takes the key out of a
    page cannot use up what is there for its visitors. Belongs to one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._keys = Buckets(limits.key)
        self._visitors = Buckets(limits.visitor)

    def wait(self, key: WriteKey, sender: str, events: int, size: int, now: float) -> float:
        """Seconds until it may send so many events, in a body of `size` bytes; takes nothing."""
        wait = self._keys.wait(key.sha256, events, now)
        if key.rights == "public":
            cost = max(events, size // EVENT_BYTES)
            wait = max(wait, self._visitors.wait((key.sha256, sender), cost, now))
        return wait

    def take(self, key: WriteKey, sender: str, events: int, size: int, now: float) -> float:
        """The same, and takes them when there is nothing to wait for."""
        if key.rights != "public":
            return self._keys.take(key.sha256, events, now)
        wait = self.wait(key, sender, events, size, now)
        if not wait:
            self._keys.take(key.sha256, events, now)
            self._visitors.take((key.sha256, sender), max(events, size // EVENT_BYTES), now)
        return wait
