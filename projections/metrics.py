"""What the store counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Histogram

CHECKPOINT = Histogram(
    "kizuna_store_checkpoint_seconds",
    "Moving the store's write-ahead log into its file.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)
