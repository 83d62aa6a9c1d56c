"""Bounds of the connections of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and numbers of connections; `per_address` 0 is no limit. Loopback counts as an address only
    when `loopback`."""

    connections: int = 10_000
    per_address: int = 1_000
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    idle_seconds: float = 75.0
    loopback: bool = False
