"""Metrics for Prometheus: requests as they are answered, and what the node can tell when it is asked. Asking
reads no history: an answer takes as long for a large store as for a small one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import duckdb
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizuna.processors.services import Services
from kizuna.projections import statistics
from kizuna.projections.failures import FAILED
from kizuna.projections.store import FOLD_VERSION, Cut, cut
from kizuna.schemas.errors import KizunaError
from kizuna.schemas.refusal import Code
from kizuna.schemas.times import to_micros

from .status import behind, lag

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

PARTS = {"log.": "log", "archive": "archive", "store.": "store", "imports": "imports"}
"""Which part of the data directory a file or folder belongs to, by the beginning of its name."""

CODES = [code for code in get_args(Code) if code != "conflict"]
"""Reasons for which an item is refused. A conflict is found by the fold: telling how many stand would read
the history, so they are counted as they come."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, asked by nobody

TROUBLE = (KizunaError, duckdb.Error, OSError)
"""What reading the log or the store may raise."""

FOUND = {
    "duplicates": "Copies set aside: of an event that counts, with the same content.",
    "conflicts": "Copies set aside: of an event that counts, with another content.",
}


class Requests:
    """Middleware that counts and times requests by route."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._count = Counter(
            "kizuna_http_requests_total",
            "Requests answered by the API.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "kizuna_http_request_seconds",
            "Time to the end of the API's answer.",
            ["route"],
            buckets=BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            # The path itself may be anything; the template of the route is one of few.
            route = getattr(scope.get("route"), "path", "") or "none"
            method = scope["method"] if route != "none" else "any"
            self._count.labels(method, route, str(status)).inc()
            self._seconds.labels(route).observe(time.perf_counter() - started)


class Node(Collector):
    """What store, log, projector and disk tell at the moment of the scrape. What cannot be read is left out,
    and said to be."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering it asks the store nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        about = GaugeMetricFamily("kizuna_build_info", "What runs: 1.", labels=["version", "fold"])
        about.add_metric([version("kizuna"), str(FOLD_VERSION)], 1)
        yield about
        yield gauge("kizuna_clock_timestamp_seconds", "The node's clock.", self._services.clock().timestamp())
        mine = self._services.ownership.mine
        yield gauge("kizuna_owner", "1 when this store owns the log, 0 when it is a replica.", mine)
        yield from self._fold()
        yield from _disk(self._services.store.path.parent)
        yield from self._state()

    def _fold(self) -> Iterator[Metric]:
        projector = self._services.projector
        up, ready = projector.failure is None, projector.caught_up.is_set()
        yield gauge("kizuna_projector_up", "0 when the projector stopped by itself.", up)
        yield gauge("kizuna_ready", "1 once the fold has caught up for the first time.", ready)
        stages = CounterMetricFamily(
            "kizuna_fold_seconds", "Time spent in each stage of the fold.", labels=["stage"]
        )
        for stage, seconds in projector.stages().items():
            stages.add_metric([stage], seconds)
        yield stages
        for name, number in projector.statistics.items():
            yield CounterMetricFamily(f"kizuna_fold_{name}", f"Fold: {name} since the start.", value=number)
        found = projector.found()
        for name, what in FOUND.items():
            yield CounterMetricFamily(f"kizuna_fold_{name}", what, value=found[name])
        failed = CounterMetricFamily(
            "kizuna_fold_failed_events", "Failed events folded since the start.", labels=["code"]
        )
        for code in CODES:
            failed.add_metric([code], found[f"{FAILED}{code}"])
        yield failed

    def _state(self) -> Iterator[Metric]:
        readable = GaugeMetricFamily(
            "kizuna_readable", "0 when the part could not be read for this answer.", labels=["part"]
        )
        stand: Cut | None = None
        try:
            stand, families = self._store()
            yield from families
        except TROUBLE:
            pass
        readable.add_metric(["store"], stand is not None)
        try:
            families = self._log(stand)
            yield from families
            readable.add_metric(["log"], 1)
        except TROUBLE:
            readable.add_metric(["log"], 0)
        yield readable

    def _store(self) -> tuple[Cut, list[Metric]]:
        store = self._services.store
        with store.read() as snapshot:
            stand = cut(snapshot)
            counts = statistics.standing(snapshot)
        failed = GaugeMetricFamily(
            "kizuna_failed_events", "Refused items that are kept, repaired ones among them.", labels=["code"]
        )
        for code in CODES:
            failed.add_metric([code], counts.failed.get(code, 0))
        positions = GaugeMetricFamily(
            "kizuna_position", "The next record to fold.", labels=["topic", "generation", "partition"]
        )
        for at in stand.positions:
            positions.add_metric([at.topic, str(at.generation), str(at.partition)], at.offset)
        return stand, [
            gauge("kizuna_events", "Events that count.", counts.events),
            gauge("kizuna_profiles", "Profiles of persons.", counts.profiles),
            gauge("kizuna_companies", "Profiles of companies.", counts.companies),
            failed,
            positions,
            gauge("kizuna_as_of_timestamp_seconds", "T.", stand.t.timestamp()),
            gauge("kizuna_store_memory_bytes", "Memory that DuckDB holds.", counts.memory),
            gauge("kizuna_store_wal_bytes", "The store's write-ahead log.", store.pending()),
        ]

    def _log(self, stand: Cut | None) -> list[Metric]:
        log = self._services.log
        bounds = log.bounds()
        ends = GaugeMetricFamily("kizuna_log_end", "The next record to come.", labels=["topic", "partition"])
        for lane, its in bounds.items():
            ends.add_metric([lane.topic, str(lane.partition)], its.end)
        if stand is None:
            return [ends]
        now = to_micros(self._services.clock())
        oldest = now
        for at, offset in behind(stand, bounds).items():
            for record in log.read(at.topic, at.partition, offset, 1):
                oldest = min(oldest, record.recorded_at)
        return [
            ends,
            gauge("kizuna_lag_records", "Records in the log that are not folded yet.", lag(stand, bounds)),
            gauge("kizuna_lag_seconds", "Age of the oldest record not folded yet.", (now - oldest) / 1e6),
        ]


def gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _disk(folder: Path) -> Iterator[Metric]:
    """The data directory and the disk that it is on. Files come and go meanwhile."""
    used = GaugeMetricFamily("kizuna_disk_bytes", "Size of the files of each part.", labels=["part"])
    sizes = dict.fromkeys([*PARTS.values(), "other"], 0)
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            top = path.relative_to(folder).parts[0]
            part = next((its for start, its in PARTS.items() if top.startswith(start)), "other")
            with suppress(OSError):
                sizes[part] += path.stat().st_size
    for part, size in sizes.items():
        used.add_metric([part], size)
    yield used
    with suppress(OSError):
        disk = shutil.disk_usage(folder)
        yield gauge("kizuna_disk_free_bytes", "Room on the disk of the data directory.", disk.free)
        yield gauge("kizuna_disk_size_bytes", "Size of the disk of the data directory.", disk.total)
