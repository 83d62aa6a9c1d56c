"""The collector behind its real server, over sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from benchmarks.load import Payload, post_load
from kizuna.ingest.body import Limits
from tests.api.collector_node import CollectorNode, collector_node, page

LIMITS = Limits(body_bytes=10_000)


@contextmanager
def served(node: CollectorNode) -> Iterator[str]:
    """The address of the node's collector, served by a thread."""
    config = uvicorn.Config(
        node.app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CollectorNode]:
    with collector_node(tmp_path, LIMITS) as node:
        yield node


def exchange(address: str, raw: bytes) -> bytes:
    """What comes back until the other side closes."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(raw)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


def head(node: CollectorNode, length: int) -> bytes:
    lines = [
        "POST /v1/events HTTP/1.1",
        "host: node",
        f"x-write-key: {node.secret}",
        f"content-length: {length}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_everything_acknowledged_to_many_connections_is_kept_once(node: CollectorNode) -> None:
    payloads = [Payload(json.dumps(page(message_id=f"m{number}")).encode()) for number in range(400)]
    payloads += [
        Payload(json.dumps([page(message_id=f"b{batch}-{number}") for number in range(20)]).encode(), 20)
        for batch in range(20)
    ]
    with served(node) as address:
        result = asyncio.run(post_load(address, node.secret, payloads, connections=16))
    assert result.statuses == {200: 420}
    assert (result.items, result.broken) == (800, 0)
    assert len(result.latencies) == 420
    assert len(node.events) == len({event["event_id"] for event in node.events}) == 800


def test_a_body_far_too_large_is_refused_unread(node: CollectorNode) -> None:
    with served(node) as address:
        answer = exchange(address, head(node, 1_000_000_000))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_body_too_large_is_answered_on_a_connection_that_lives_on(node: CollectorNode) -> None:
    large, small = (json.dumps(page(context={"x": "y" * size})).encode() for size in (20_000, 10))
    last = head(node, len(small)).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + small
    with served(node) as address:
        answer = exchange(address, head(node, len(large)) + large + last)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"HTTP/1.1 200 " in answer
    assert len(node.events) == 1


def test_load_goes_to_this_machine_only() -> None:
    with pytest.raises(ValueError, match="this machine only"):
        asyncio.run(post_load("http://example.com:80", "key", [Payload(b"{}")], 1))
