"""What the node's connections take from uvicorn, which promises none of it: an upgrade that changes one of
these names has to be looked at, not only installed."""

from __future__ import annotations

import inspect

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from kizuna.runtime.connection import HttpConnection
from kizuna.runtime.server import _Server


def test_the_version_is_one_that_was_looked_at() -> None:
    assert uvicorn.__version__.startswith("0.54."), "read httptools_impl.py again, then raise this"


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("__init__", ["self", "config", "server_state", "app_state", "_loop"]),
        ("connection_made", ["self", "transport"]),
        ("connection_lost", ["self", "exc"]),
        ("data_received", ["self", "data"]),
        ("pause_writing", ["self"]),
        ("resume_writing", ["self"]),
        ("on_message_begin", ["self"]),
        ("on_headers_complete", ["self"]),
        ("on_body", ["self", "body"]),
        ("on_message_complete", ["self"]),
        ("_start_asgi_task", ["self", "cycle", "app"]),
        ("on_response_complete", ["self"]),
    ],
)
def test_every_method_that_is_overridden_is_there_and_is_overridden(
    method: str, parameters: list[str]
) -> None:
    assert list(inspect.signature(getattr(HttpToolsProtocol, method)).parameters) == parameters
    assert getattr(HttpConnection, method) is not getattr(HttpToolsProtocol, method)


def test_nothing_else_of_uvicorn_is_overridden() -> None:
    """By accident a new method of uvicorn could have the name of one of ours."""
    ours = {name for name in vars(HttpConnection) if not name.startswith("__")}
    theirs = {name for name in dir(HttpToolsProtocol) if not name.startswith("__")}
    assert {name for name in ours & theirs if callable(getattr(HttpConnection, name))} == {
        "connection_made",
        "connection_lost",
        "data_received",
        "pause_writing",
        "resume_writing",
        "on_message_begin",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "_start_asgi_task",
        "on_response_complete",
    }


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        # Each line is one that ours relies on, or stands in for.
        (
            HttpToolsProtocol.__init__,
            ["self.pipeline: deque", "self.parser = httptools.HttpRequestParser(self)"],
        ),
        (
            HttpToolsProtocol.connection_made,
            ["self.connections.add(self)", "self.flow = FlowControl(transport)"],
        ),
        (
            HttpToolsProtocol.connection_lost,
            ["self.connections.discard(self)", "self.cycle.disconnected = True"],
        ),
        (HttpToolsProtocol.data_received, ["self.parser.feed_data(data)", "httptools.HttpParserUpgrade"]),
        (HttpToolsProtocol.on_header, ["self.headers.append((name, value))"]),
        (
            HttpToolsProtocol.on_headers_complete,
            [
                "self._start_asgi_task(self.cycle, app)",
                "self.flow.pause_reading()",
                "self.pipeline.appendleft((self.cycle, app))",
                "on_response=self.on_response_complete",
                "flow=self.flow",
            ],
        ),
        (HttpToolsProtocol.on_message_complete, ["self.cycle.more_body = False"]),
        (
            HttpToolsProtocol.on_response_complete,
            [
                "self.server_state.total_requests += 1",
                "self.flow.resume_reading()",
                "cycle, app = self.pipeline.pop()",
                "self._start_asgi_task(cycle, app)",
            ],
        ),
        (
            RequestResponseCycle.send,
            [
                "if self.disconnected:",
                "self.response_started = True",
                "self.response_complete = True",
                "if not self.keep_alive:",
                "self.on_response()",
            ],
        ),
        (RequestResponseCycle.receive, ["self.flow.resume_reading()", "await self.message_event.wait()"]),
        (FlowControl.resume_reading, ["self._transport.resume_reading()"]),
    ],
)
def test_what_is_relied_on_is_there(function: object, lines: list[str]) -> None:
    source = inspect.getsource(function)  # type: ignore[arg-type]
    assert [line for line in lines if line not in source] == []


def test_the_other_names_are_there() -> None:
    assert httptools_impl.STATUS_LINE[431].startswith(b"HTTP/1.1 431 ")
    assert issubclass(httptools.HttpParserCallbackError, httptools.HttpParserError)
    for method in ("startup", "on_tick"):
        assert getattr(_Server, method) is not getattr(uvicorn.Server, method)
    assert "create_server(create_protocol, sock=sock" in inspect.getsource(uvicorn.Server.startup)


def test_what_a_callback_raises_is_the_context_of_the_parsers_error() -> None:
    class Refuses:
        def on_url(self, url: bytes) -> None:
            raise LookupError(url)

    with pytest.raises(httptools.HttpParserCallbackError) as caught:
        httptools.HttpRequestParser(Refuses()).feed_data(b"GET /x HTTP/1.1\r\n\r\n")
    assert isinstance(caught.value.__context__, LookupError)
