"""What the projector counts, for Prometheus, beside what it tells when it is asked."""

from __future__ import annotations

from prometheus_client import Histogram

BATCH = Histogram(
    "kizuna_fold_batch_seconds",
    "Folding one batch, without the decoding that went ahead of it.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)
FRESHNESS = Histogram(
    "kizuna_freshness_seconds",
    "From the log's record to the store, of the oldest record of each batch.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600, 86_400),
)
