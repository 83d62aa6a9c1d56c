"""What the collector counts, for Prometheus."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter

REQUESTS = Counter("kizuna_collector_requests", "Requests to the collector, by HTTP status.", ["status"])
ITEMS = Counter("kizuna_collector_items", "Items received: accepted, or the code of the refusal.", ["code"])


@cache
def requests(status: int) -> Counter:
    """Requests that ended with this status; 499 when the client went away."""
    return REQUESTS.labels(str(status))


@cache
def items(code: str) -> Counter:
    """Items with this result."""
    return ITEMS.labels(code)
