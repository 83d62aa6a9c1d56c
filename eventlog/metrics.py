"""What the log counts, for Prometheus: how long appends wait, and how long the disk takes."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

COMMIT = Histogram(
    "kizuna_log_commit_seconds", "Writing one group of appends and waiting for the disk.", buckets=BUCKETS
)
APPEND = Histogram(
    "kizuna_log_append_seconds",
    "From an append to its end, durable or not, of the append that waited longest in its group.",
    buckets=BUCKETS,
)
RECORDS = Counter("kizuna_log_records", "Records made durable.")
FAILED = Counter("kizuna_log_failed_commits", "Groups of appends that the log could not take.")
