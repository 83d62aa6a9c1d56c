"""Metrics for Prometheus: requests as they are answered, and what the node can tell when it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizuna.processors.services import Services
from kizuna.projections import statistics
from kizuna.projections.store import cut

from .status import lag

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Requests:
    """Middleware that counts and times requests by route."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._count = Counter(
            "kizuna_http_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "kizuna_http_request_seconds",
            "Time to the end of the answer.",
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
    """What the store and the projector tell at the moment of the scrape."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering it asks the store nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        bounds = self._services.log.bounds()
        with self._services.store.read() as snapshot:
            stand = cut(snapshot)
            counts = statistics.counts(snapshot)
        for name, what in (
            ("events", "Events that count."),
            ("profiles", "Profiles of persons."),
            ("companies", "Profiles of companies."),
            ("duplicates", "Copies that do not count."),
            ("failed_events", "Items that were refused, and conflicts, that are not repaired."),
        ):
            yield GaugeMetricFamily(f"kizuna_{name}", what, value=counts[name])  # type: ignore[literal-required]
        yield GaugeMetricFamily(
            "kizuna_lag_records", "Records in the log that are not folded yet.", value=lag(stand, bounds)
        )
        yield GaugeMetricFamily(
            "kizuna_as_of_seconds", "T, in seconds since 1970.", value=stand.t.timestamp()
        )
        positions = GaugeMetricFamily(
            "kizuna_position", "The next record to fold.", labels=["topic", "generation", "partition"]
        )
        for at in stand.positions:
            positions.add_metric([at.topic, str(at.generation), str(at.partition)], at.offset)
        yield positions
        ends = GaugeMetricFamily("kizuna_log_end", "The next record to come.", labels=["topic", "partition"])
        for lane, its in bounds.items():
            ends.add_metric([lane.topic, str(lane.partition)], its.end)
        yield ends
        yield from self._fold()

    def _fold(self) -> Iterator[Metric]:
        projector = self._services.projector
        stages = CounterMetricFamily(
            "kizuna_fold_seconds", "Time spent in each stage of the fold.", labels=["stage"]
        )
        for stage, seconds in projector.stages().items():
            stages.add_metric([stage], seconds)
        yield stages
        for name, number in projector.statistics.items():
            yield CounterMetricFamily(f"kizuna_fold_{name}", f"Fold: {name} since the start.", value=number)
        yield GaugeMetricFamily(
            "kizuna_projector_up", "0 when the projector stopped by itself.", value=projector.failure is None
        )
