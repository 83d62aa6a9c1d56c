"""POST /v1/events when the log is slow or full, clients are, or too much comes at once."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.ingest.body import Limits
from kizuna.schemas import times
from kizuna.schemas.errors import LogUnavailable
from tests.api.collector_node import CollectorNode, collector_node, page
from tests.folding import LOG, NOW

Message = MutableMapping[str, Any]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CollectorNode]:
    with collector_node(tmp_path) as node:
        yield node


class Blocked(MemoryLog):
    """Keeps what it is given, but says so only when a test lets it."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: times.to_micros(NOW), identity=LOG)
        self.promises: list[Future[list[TopicPartition]]] = []
        self.blocked = False

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        done = super().append(topic, records)
        if not self.blocked:
            return done
        self.promises.append(Future())
        return self.promises[-1]


def drive(
    node: CollectorNode,
    receive: Callable[[], Awaitable[Message]],
    sent: list[Message],
    *,
    key: str = "",
    client: str = "192.0.2.1",
    query: bytes = b"",
) -> Awaitable[None]:
    """The application as a server calls it, with a body that a test hands over itself."""

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "query_string": query,
        "headers": [(b"x-write-key", (key or node.secret).encode())],
        "client": (client, 4711),
    }
    return node.app(scope, receive, send)


def whole(body: object) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    return receive


def test_200_is_sent_only_when_everything_is_durable(tmp_path: Path) -> None:
    log = Blocked()
    with collector_node(tmp_path, log=log) as node:
        sent: list[Message] = []

        async def scenario() -> None:
            log.blocked = True
            request = asyncio.ensure_future(drive(node, whole([page(), {"type": "nope"}]), sent))
            while len(log.promises) < 2:
                await asyncio.sleep(0)
            log.promises[0].set_result([])
            await asyncio.sleep(0.02)
            assert sent == []
            log.promises[1].set_result([])
            await request

        asyncio.run(scenario())
        assert sent[0]["status"] == 200


def test_a_log_that_takes_nothing_is_503(tmp_path: Path) -> None:
    log = Blocked()
    with collector_node(tmp_path, log=log) as node:
        sent: list[Message] = []

        async def scenario() -> None:
            log.blocked = True
            requests = [asyncio.ensure_future(drive(node, whole(page()), sent)) for _ in range(3)]
            while not log.promises:
                await asyncio.sleep(0)
            log.promises[0].set_exception(LogUnavailable("The disk is full."))
            await asyncio.gather(*requests)

        asyncio.run(scenario())
        assert len(log.promises) == 1  # the three went together
        starts = [message for message in sent if message["type"] == "http.response.start"]
        assert [start["status"] for start in starts] == [503] * 3
        assert (b"retry-after", b"1") in starts[0]["headers"]
        error = json.loads(sent[1]["body"])["error"]
        assert error["code"] == "unavailable"
        assert "disk is full" in error["message"]


def test_a_closed_log_is_503(node: CollectorNode) -> None:
    assert node.post(page()).status_code == 200
    node.log.close()
    answer = node.post(page())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_client_that_goes_away_is_not_answered(node: CollectorNode) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(_awaited(drive(node, receive, sent)))
    assert sent == []
    assert node.events == []


def test_what_is_in_hand_together_is_bounded(tmp_path: Path) -> None:
    log = Blocked()
    with collector_node(tmp_path, Limits(held_bytes=1_000), log=log) as node:
        big, sent, refused = page(context={"x": "y" * 600}), list[Message](), list[Message]()

        async def scenario() -> None:
            log.blocked = True
            request = asyncio.ensure_future(drive(node, whole(big), sent))
            while not log.promises:
                await asyncio.sleep(0)
            await drive(node, whole(big), refused)
            log.promises[0].set_result([])
            await request
            log.blocked = False
            await drive(node, whole(big), sent)

        asyncio.run(scenario())
        assert [message["status"] for message in (sent[0], refused[0], sent[2])] == [200, 503, 200]
        assert json.loads(refused[1]["body"])["error"]["code"] == "overloaded"


def test_what_is_held_is_let_go_whatever_happens(tmp_path: Path) -> None:
    """Each of these requests holds most of what may be held: one that was forgotten would block the next."""
    with collector_node(tmp_path, Limits(held_bytes=2_000, body_bytes=1_500)) as node:
        padding = " " * 1_200
        for body, headers, status in [
            (json.dumps(page()) + padding, {}, 200),
            ("{" + padding, {}, 400),
            (b"x" * 1_400, {"content_encoding": "gzip"}, 400),
            (json.dumps(page(context={"x": "y" * 5_000})), {}, 413),
            (gzip.compress((json.dumps(page()) + padding).encode()), {"content_encoding": "gzip"}, 200),
        ] * 3:
            assert node.post(body, **headers).status_code == status


async def _awaited(awaitable: Awaitable[None]) -> None:
    await awaitable
