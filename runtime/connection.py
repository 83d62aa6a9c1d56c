"""A connection: uvicorn's protocol over httptools, with an end to everything that a client may draw out.

What it overrides and reads of uvicorn is private there: `tests/unit/test_connection.py` holds each name, so
that an upgrade that changes one of them fails.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import httptools
import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from .connections import CUT, REFUSED, Connections, Cut, counted
from .patience import Patience

HEAD_BYTES = 64 << 10
"""Request line and headers of one request."""

HEADERS = 200

OVERHEAD_BYTES = 1 << 20
"""What a body in chunks may take beyond the body: sizes and extensions of chunks, trailers."""

PIPELINED = 8
"""Requests that may wait behind the one that is answered. What comes after them is not read: the connection
ends with the last answer, and the client sends the rest again, as for any connection that ends."""

_FORWARDED = b"x-forwarded-for"


class _TooLong(Exception):
    """The head of a request is over its limit."""


class _Crowded(Exception):
    """A place of the reserve is for commands of this machine, and this is something else."""


class _Enough(Exception):
    """More requests at once than are kept."""


def protocol(connections: Connections) -> type[asyncio.Protocol]:
    """What uvicorn takes as `http`: each connection is one of `connections`."""
    return cast(type[asyncio.Protocol], partial(HttpConnection, connections=connections))


class _NoTrailers(list[tuple[bytes, bytes]]):
    """Keeps no header that follows the body: as one of the head it could say what the proxy in front did not
    look at."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        return


_NO_TRAILERS = _NoTrailers()


class _Flow(FlowControl):
    """Reads nothing more while requests wait behind the one that is answered."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class HttpConnection(HttpToolsProtocol):
    """At most one of three times runs: for a request's head, for its body, or until the next request. Another
    runs while an answer is not taken."""

    flow: _Flow

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all = connections
        self._peer = ""
        self._patience: Patience[Any] | None = None
        self._running: RequestResponseCycle | None = None
        self._in_head = False
        self._in_body = False
        self._overhead = 0
        self._chunk = 0
        self._begun = False
        """A request has begun since its time was looked at."""
        self._deaf = False
        """Nothing that comes is looked at any more."""

    # The transport calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.flow = _Flow(self.transport)
        self._peer = self.client[0] if self.client else ""
        refused = self._all.enter(self, self._peer)
        if refused is None:
            self._wait_for(self._all.head)
            return
        counted(REFUSED, refused).inc()
        if refused == "full":
            self._end(503, "overloaded", "All connections of this node are taken.")
        else:
            self._end(429, "rate_limited", "Your address has too many connections.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = True
        self._all.leave(self)
        self._patience = None
        self.pipeline.clear()
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._chunk = len(data)
        self._overhead += len(data)
        try:
            self.parser.feed_data(data)
            # A head is looked at when it is whole: how long it grows until then shows only here.
            if self._overhead > (HEAD_BYTES if self._in_head else OVERHEAD_BYTES):
                self._refuse(_TooLong())
        except httptools.HttpParserUpgrade:
            self._listen_no_more()
        except httptools.HttpParserError as error:
            self._refuse(error.__context__)
        self._settle()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._all.answer.begin(self, self.loop)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._all.answer.end(self)

    # The parser calls these.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._begun = True
        self._overhead = -self._chunk  # whatever else came with it

    def on_headers_complete(self) -> None:
        if len(self.headers) > HEADERS or self._is_too_long():
            raise _TooLong
        if len(self.pipeline) >= PIPELINED:
            raise _Enough
        if self._all.beyond() and any(name == _FORWARDED for name, _ in self.headers):
            raise _Crowded
        super().on_headers_complete()
        self.headers = _NO_TRAILERS
        self._in_head, self._in_body = False, True
        self.flow.held = bool(self.pipeline)

    def on_body(self, body: bytes) -> None:
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False

    # Requests call these.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """As uvicorn does it, but that the time for the next request is ours: uvicorn's ends with the first
        byte, whatever that is, and begins anew only with an answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._all.answer.begin(self, self.loop)
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        self.flow.held = bool(self.pipeline)
        self.flow.resume_reading()
        self._settle()

    # `Connections` calls this.

    def late(self, why: Cut) -> None:
        """Its time is up: say so where an answer could still be read, and end."""
        if not self.transport.is_closing():
            counted(CUT, why).inc()
        answered = self._running is None or self._running.response_complete
        if why == "head" and self._in_head:
            self._end(408, "timeout", "The request did not arrive in time.")
        elif (
            why == "body" and not answered and self._running is self.cycle and not self.cycle.response_started
        ):
            self._end(408, "timeout", "The body did not arrive in time.")
        elif why == "answer" or self.transport.get_write_buffer_size():
            self._deaf = True
            self.transport.abort()
        else:
            self._deaf = True
            self.transport.close()

    def _settle(self) -> None:
        """Whose turn it is now. While a whole request is answered, the time is not the client's."""
        wanted: Patience[Any] | None = None
        if not self._deaf:
            if self._in_body:
                wanted = self._all.body
            elif self._running is None or self._running.response_complete:
                wanted = self._all.head if self._in_head else self._all.idle
        if wanted is not self._patience or self._begun:
            self._begun = False
            self._wait_for(wanted)

    def _wait_for(self, patience: Patience[Any] | None) -> None:
        if self._patience is not None:
            self._patience.end(self)
        self._patience = patience
        if patience is not None:
            patience.begin(self, self.loop)

    def _is_too_long(self) -> bool:
        """Only a head that came in many bytes is looked at closely: this runs for every request."""
        return (
            self._overhead + self._chunk > HEAD_BYTES
            and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES
        )

    def _listen_no_more(self) -> None:
        """What was asked is answered, and then the connection ends."""
        self._deaf = True
        last = self.pipeline[0][0] if self.pipeline else self._running
        if last is None or last.response_complete:
            self._close()
        else:
            last.keep_alive = False

    def _refuse(self, why: BaseException | None) -> None:
        """This is no HTTP, or too much of it. Requests before it that are whole are answered."""
        if isinstance(why, _Enough):
            self._listen_no_more()
            return
        counted(CUT, "garbled").inc()
        running = self._running
        if running is not None and not running.response_complete:
            if not self._in_body:
                self._listen_no_more()
                return
            if self.pipeline:
                self.pipeline.popleft()  # the one whose body this is
                self._listen_no_more()
                return
            if running.response_started:
                self._close()
                return
        elif self._in_body:
            self._close()  # answered already
            return
        if isinstance(why, _Crowded):
            self._end(503, "overloaded", "All connections of this node are taken.")
        elif isinstance(why, _TooLong):
            self._end(431, "too_large", "The head of the request is too long.")
        else:
            self._end(400, "invalid", "This is no HTTP request.")

    def _end(self, status: int, code: str, message: str) -> None:
        """Answer without a request, and close."""
        body = orjson.dumps({"error": {"code": code, "message": message, "hint": ""}})
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n" % len(body)
        retry = b"retry-after: 1\r\n" if status in (429, 503) else b""
        self.transport.write(STATUS_LINE[status] + head + retry + b"\r\n" + body)
        self._close()

    def _close(self) -> None:
        """What is written already is sent, as long as the client takes it."""
        self._deaf = True
        self._settle()
        self._all.answer.begin(self, self.loop)
        self.transport.close()
