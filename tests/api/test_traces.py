"""Traces: what is told of requests, appends and batches, and that it names nobody. Without OpenTelemetry a
node runs as well."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import TopicPartition
from kizuna.ingest.collector import collector
from kizuna.query.api import create_app
from kizuna.runtime import server
from kizuna.runtime.settings import load
from kizuna.runtime.spans import Spans
from kizuna.runtime.tracing import ENVIRONMENT, Untraced, traced
from kizuna.schemas.errors import ConfigurationError, LogUnavailable
from tests.api.collector_node import CollectorNode, collector_node
from tests.folding import LOG
from tests.node_process import NodeProcess, environment, kizuna

MAIL = "hanako.sato@example.com"
CARD = "4000-1234"
ORDER: dict[str, object] = {
    "type": "order.completed",
    "ids": {"email": MAIL, "card": CARD},
    "properties": {"order_id": "A-77", "total": "5", "currency": "JPY"},
}


class Traced:
    """Collector and API of a node whose spans end up in `spans`."""

    def __init__(self, node: CollectorNode) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.node = node
        traces = Spans(provider)
        services = traces.services(node.services)
        node.app = traces.application(server.dispatcher(collector(services), create_app(services)))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Traced]:
    with collector_node(tmp_path) as made:
        yield Traced(made)


def below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    assert parent.context is not None
    return span.parent is not None and span.parent.span_id == parent.context.span_id


def test_a_request_is_a_span_with_its_append_below(node: Traced) -> None:
    assert node.node.post([ORDER, {"type": "page.seen"}]).status_code == 200
    (request,) = node.named("POST /v1/events")
    assert request.parent is None
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/events",
        "http.response.status_code": 200,
    }
    appends = node.named("append")
    assert [dict(span.attributes or {}) for span in appends] == [
        {"kizuna.topic": topics.TOUCHPOINTS, "kizuna.records": 1},
        {"kizuna.topic": topics.FAILED_EVENTS, "kizuna.records": 1},
    ]
    assert all(below(span, request) for span in appends)


def test_a_batch_is_a_span_with_its_stages_below(node: Traced) -> None:
    node.node.projector.fold_all()
    node.node.post([ORDER] * 3)
    node.node.projector.fold_all()
    batch = node.named("fold.batch")[-1]
    assert batch.parent is None
    assert dict(batch.attributes or {}) == {"kizuna.records": 3}
    stages = [span for span in node.spans if below(span, batch)]
    assert {span.name for span in stages} >= {"fold.decode", "fold.duplicates", "fold.traits", "fold.commit"}
    assert batch.start_time is not None
    assert batch.end_time is not None
    for span in stages:
        assert span.start_time is not None
        assert span.end_time is not None
        assert batch.start_time <= span.start_time <= span.end_time <= batch.end_time
    assert abs(batch.end_time / 1e9 - time.time()) < 60


def test_a_request_goes_on_with_the_trace_of_its_client(node: Traced) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    node.node.post([ORDER], traceparent=f"00-{trace}-b7ad6b7169203331-01", baggage=f"user={MAIL}")
    (request,) = node.named("POST /v1/events")
    assert request.parent is not None
    assert f"{request.parent.trace_id:032x}" == trace
    for wrong in ("nonsense", "00-zz-zz-01", ""):
        assert node.node.post([ORDER], traceparent=wrong).status_code == 200
    assert len(node.named("POST /v1/events")) == 4


def test_spans_name_nobody(node: Traced) -> None:
    """Whatever is in bodies, addresses, query strings and headers: only templates of routes come out."""
    token = node.node.access.create_token("reader", "read", "t" * 43, UUID(int=77))

    def ask(method: str, path: str, **given: Any) -> None:
        node.node.request(method, path, **{"headers": {"authorization": f"Bearer {token}"}, **given})

    node.node.post([ORDER, {"type": MAIL}, "x"])
    node.node.post(f"{{{MAIL}")
    ask("GET", f"/api/profiles/{'ab' * 16}?email={MAIL}")
    ask("GET", f"/api/profiles/{MAIL}")
    ask("GET", f"/{MAIL}/{CARD}")
    ask("POST", f"/v1/{MAIL}", json=[ORDER])
    ask("POST", "/v1/events", json=[ORDER], headers={"authorization": f"Bearer {MAIL}"})
    node.node.projector.fold_all()
    told = "\n".join(span.to_json() for span in node.spans)
    for secret in (MAIL, "hanako", CARD, "A-77", "ab" * 16, "email", "nobody", token):
        assert secret not in told
    names = {span.name for span in node.spans if not span.name.startswith(("fold.", "append"))}
    assert names == {"POST /v1/events", "GET /api/profiles/{profile_id}", "HTTP"}


def test_what_is_asked_all_the_time_is_left_out(node: Traced) -> None:
    for path in ("/health", "/ready", "/metrics"):
        node.node.request("GET", path)
    assert node.spans == []


class Full(MemoryLog):
    def append(self, topic: str, records: object) -> Future[list[TopicPartition]]:
        refused: Future[list[TopicPartition]] = Future()
        refused.set_exception(LogUnavailable(f"no room for {MAIL}", hint=""))
        return refused


def test_what_failed_is_marked_without_its_message(tmp_path: Path) -> None:
    with collector_node(tmp_path) as made:
        full = Full({topics.TOUCHPOINTS: 1}, clock=lambda: 0, identity=LOG)
        object.__setattr__(made.services, "log", full)
        node = Traced(made)
        assert made.post([ORDER]).status_code == 503
    (append,) = node.named("append")
    assert append.attributes is not None
    assert append.attributes["error.type"] == "LogUnavailable"
    (request,) = node.named("POST /v1/events")
    assert not append.status.is_ok
    assert not request.status.is_ok
    assert MAIL not in "".join(span.to_json() for span in node.spans)


def test_nothing_is_traced_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with traced(load(None)) as traces:
        assert isinstance(traces, Untraced)
    monkeypatch.setenv(ENVIRONMENT[1], "http://127.0.0.1:9")
    with traced(load(None)) as traces:
        assert isinstance(traces, Spans)


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://host", "http://", "http://u:p@host:4318"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="otel_endpoint"):
        load(None, otel_endpoint=endpoint)


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Where traces are sent to: its address, and what came."""
    came: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}", came
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def test_a_node_sends_its_traces_before_it_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with receiver() as (address, came):
        (data / "kizuna.toml").write_text(f'otel_endpoint = "{address}"\n')
        with NodeProcess(data) as node:
            key = kizuna("keys", "create", "web", "--data", data).stdout.strip()
            assert node.post(key, [ORDER], "?wait=10s").status_code == 200
            assert node.stop() == 0
    assert {path for path, _ in came} == {"/v1/traces"}
    sent = b"".join(body for _, body in came)
    for name in (b"POST /v1/events", b"append", b"fold.batch", b"fold.commit", b"service.name", b"kizuna"):
        assert name in sent
    assert MAIL.encode() not in sent


WITHOUT = """
import sys
sys.modules |= {"opentelemetry.sdk": None, "opentelemetry.exporter": None}
sys.argv = ["kizuna", *sys.argv[1:]]
from kizuna.runtime import cli
cli.main()
"""


def test_a_node_runs_without_opentelemetry(tmp_path: Path) -> None:
    """As where the extra was not installed: its import fails. FastAPI brings the bare API of it."""
    data = tmp_path / "data"
    command = [sys.executable, "-c", WITHOUT, "run", "--data", str(data), "--port", "0"]
    asked = {**environment(), ENVIRONMENT[0]: "http://127.0.0.1:9"}
    node = subprocess.Popen(command, env=asked, stderr=subprocess.PIPE, text=True)
    try:
        give_up = time.monotonic() + 60
        while not (data / "node.json").exists():
            assert node.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.05)
        address = json.loads((data / "node.json").read_text())["address"]
        assert httpx.get(f"{address}/health").status_code == 200
    finally:
        node.terminate()
        _, told = node.communicate(timeout=60)
    assert node.returncode == 0
    assert "OpenTelemetry is not installed: pip install 'kizuna[otel]'" in told


def test_traces_that_are_set_but_not_installed_are_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, "run", "--data", str(tmp_path / "data"), "--port", "0"]
    asked = {**environment(), "KIZUNA_OTEL_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(command, env=asked, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "OpenTelemetry is not installed" in done.stderr
    assert "kizuna[otel]" in done.stderr
