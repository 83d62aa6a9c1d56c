"""All connections of a node: how many there may be, whose, and which gives way."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Literal, Protocol

from prometheus_client import Counter as Counting
from prometheus_client import Gauge

from .addresses import Proxies, is_loopback, sender
from .limits import Limits
from .patience import Patience

RESERVED = 32
"""Connections of this machine itself that are taken beyond the cap, so that its commands get in."""

Refusal = Literal["full", "address"]
Cut = Literal["head", "body", "answer", "idle", "garbled", "room"]

OPEN = Gauge("kizuna_connections", "Connections that are open.")
REFUSED = Counting(
    "kizuna_connections_refused", "Connections refused: all are taken, or the address's.", ["why"]
)
CUT = Counting(
    "kizuna_connections_cut",
    "Connections ended by the node: head, body or reading of an answer took too long; idle for too long, or "
    "while another needed room; no HTTP.",
    ["why"],
)


@cache
def counted(which: Counting, why: str) -> Counting:
    return which.labels(why)


class Connection(Protocol):
    """One of them."""

    def late(self, why: Cut) -> None:
        """What it had to do took too long, or it has to give way: it ends itself."""
        ...


class Connections:
    """Knows them all. Belongs to one event loop."""

    def __init__(self, limits: Limits, proxies: Proxies) -> None:
        self._limits = limits
        self._proxies = proxies
        self._held: dict[Connection, str] = {}
        self._of: Counter[str] = Counter()
        self.head = Patience[Connection](limits.head_seconds, lambda one: one.late("head"))
        self.body = Patience[Connection](limits.body_seconds, lambda one: one.late("body"))
        self.answer = Patience[Connection](limits.answer_seconds, lambda one: one.late("answer"))
        self.idle = Patience[Connection](limits.idle_seconds, lambda one: one.late("idle"))

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, one: Connection, peer: str) -> Refusal | None:
        """Take it in, or say why not. Where all places are taken, the connection that is idle for longest
        gives its own to the newcomer."""
        whose = sender(peer)
        if self._counts(peer) and self._of[whose] >= self._limits.per_address > 0:
            return "address"
        if len(self._held) >= self._limits.connections:
            idle = self.idle.first()
            if idle is not None:
                self.leave(idle)
                idle.late("room")
            elif not is_loopback(peer) or len(self._held) >= self._limits.connections + RESERVED:
                return "full"
        self._held[one] = whose
        self._of[whose] += 1
        OPEN.set(len(self._held))
        return None

    def beyond(self) -> bool:
        """Whether the reserve is in use."""
        return len(self._held) > self._limits.connections

    def leave(self, one: Connection) -> None:
        """It is gone; twice does no harm."""
        for patience in (self.head, self.body, self.answer, self.idle):
            patience.end(one)
        whose = self._held.pop(one, None)
        if whose is not None:
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]
            OPEN.set(len(self._held))

    def _counts(self, peer: str) -> bool:
        return not self._proxies.trusts(peer) and (self._limits.loopback or not is_loopback(peer))
