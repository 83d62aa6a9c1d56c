"""Spans of OpenTelemetry: requests, appends, batches of the fold and their stages. They name nobody: of an
address only the template of its route is told, and neither bodies nor query strings nor errors' messages are.

The one module that needs the extra `otel`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizuna.eventlog.port import EventLog, NewRecord, TopicPartition
from kizuna.eventlog.wrapped import WrappedLog
from kizuna.ingest.collector import PATH as COLLECTOR
from kizuna.processors.projector import Folded
from kizuna.processors.services import Services

QUIET = ("/health", "/ready", "/metrics")
"""Asked every few seconds by whoever watches: they would drown the rest."""


def provider(endpoint: str) -> TracerProvider:
    """Sends to the collector of traces at `endpoint`, or if that is empty to where the environment says."""
    about = {"service.version": version("kizuna")}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        about["service.name"] = "kizuna"
    made = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    to = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=to)))
    return made


class Spans:
    """Traces what it is given."""

    def __init__(self, source: TracerProvider) -> None:
        self._tracer = source.get_tracer("kizuna", version("kizuna"))

    def services(self, services: Services) -> Services:
        services.projector.watch = self.batch
        return replace(services, log=TracedLog(services.log, self._tracer))

    def application(self, app: ASGIApp) -> ASGIApp:
        return TracedRequests(app, self._tracer)

    def batch(self, folded: Folded) -> None:
        """A trace of its own: what came in one batch was sent in many requests."""
        with suppress(Exception):  # the fold goes on, whatever becomes of its traces
            since = time.time_ns() - time.perf_counter_ns()

            def at(moment: float) -> int:
                return since + int(moment * 1e9)

            begins = min((folded.began, *(stage.began for stage in folded.stages)))
            whole = self._tracer.start_span(
                "fold.batch", Context(), attributes={"kizuna.records": folded.records}, start_time=at(begins)
            )
            inside = set_span_in_context(whole, Context())
            for stage in folded.stages:
                span = self._tracer.start_span(f"fold.{stage.name}", inside, start_time=at(stage.began))
                span.end(at(stage.ended))
            whole.end(at(folded.ended))


class TracedRequests:
    """Middleware around collector and API: a span a request, in the trace that the client began, if any."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        span = self._tracer.start_span("HTTP", self._parent(scope), SpanKind.SERVER)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                await self._app(scope, receive, sending)
        except BaseException as error:
            _fail(span, error)
            raise
        finally:
            if route := _route(scope):
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes({"http.request.method": scope["method"], "http.route": route})
            span.end()

    def _parent(self, scope: Scope) -> Context:
        sent = {name: value for name, value in scope["headers"] if name == b"traceparent"}
        carrier = {name.decode(): value.decode("latin-1") for name, value in sent.items()}
        return self._propagator.extract(carrier, Context())


def _route(scope: Scope) -> str:
    """The template of the route, one of few; empty where there is none."""
    if scope["path"] == COLLECTOR:
        return COLLECTOR
    return getattr(scope.get("route"), "path", "")


class TracedLog(WrappedLog):
    """A span an append, until it is durable. The collector appends what many requests brought at once: the
    span stands below the request that began it."""

    def __init__(self, log: EventLog, tracer: Tracer) -> None:
        super().__init__(log)
        self._tracer = tracer

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        about: dict[str, str | int] = {"kizuna.topic": topic, "kizuna.records": len(records)}
        span = self._tracer.start_span("append", attributes=about)

        def done(future: Future[list[TopicPartition]]) -> None:
            error = None if future.cancelled() else future.exception()
            if error is not None:
                _fail(span, error)
            span.end()

        try:
            future = self._log.append(topic, records)
        except BaseException as error:
            _fail(span, error)
            span.end()
            raise
        future.add_done_callback(done)
        return future


def _fail(span: Span, error: BaseException) -> None:
    """Its type alone: a message may quote what it stumbled over."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))
