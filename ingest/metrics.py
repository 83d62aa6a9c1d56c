"""What the collector counts, for Prometheus."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Histogram

from kizuna.schemas.envelope import Rights

REQUESTS = Counter("kizuna_collector_requests", "Requests to the collector, by HTTP status.", ["status"])
ITEMS = Counter(
    "kizuna_collector_items",
    "Items kept: accepted, or the code of the refusal; by the rights of the write key.",
    ["rights", "code"],
)
SECONDS = Histogram(
    "kizuna_collector_request_seconds",
    "Time to the collector's answer, of requests that were answered.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


@cache
def requests(status: int) -> Counter:
    """Requests that ended with this status; 499 when the client went away."""
    return REQUESTS.labels(str(status))


@cache
def items(rights: Rights, code: str) -> Counter:
    """Items with this result."""
    return ITEMS.labels(rights, code)
