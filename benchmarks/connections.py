"""Many connections at once, some of them hostile: what that does to the others."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import orjson
import uvloop

from tests.node_process import NodeProcess, kizuna_json

from .measure import Measure, median, percentile
from .stream import items

SETTINGS = "limit_loopback = true\n"
ADDRESSES = 100
"""Addresses of this machine that the well-behaved come from: each is a sender of its own to the node."""

EVENTS_A_SECOND = 400
READS_A_SECOND = 20
WARM_SECONDS = 5
ROUND_SECONDS = 15
ROUNDS = 5
TICK = 0.002


class Times(NamedTuple):
    """Seconds from when each request was due to its whole answer."""

    posts: list[float]
    reads: list[float]


def run(connections: int, hostile: int) -> Iterator[Measure]:
    """In turns with and without the hostile ones, on one node, over the same connections."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        (data / "kizuna.toml").write_text(SETTINGS)
        with NodeProcess(data) as node:
            key = kizuna_json("keys", "create", "bench", "--data", data)["key"]
            public = kizuna_json("keys", "create", "web", "--public", "--data", data)["key"]
            token = kizuna_json("tokens", "create", "bench", "--data", data)["token"]
            calm, troubled = uvloop.run(_rounds(node.address, key, public, token, connections, hostile))
    note = (
        f"{connections:,} connections, {EVENTS_A_SECOND:,} events and {READS_A_SECOND} profile reads a "
        f"second; median of {ROUNDS} rounds of {ROUND_SECONDS} s, in turns"
    )
    for name in ("posts", "reads"):
        without, beside = ([_p99(getattr(one, name)) for one in some] for some in (calm, troubled))
        middle = [median([median(getattr(one, name)) for one in some]) * 1000 for some in (calm, troubled)]
        yield Measure(
            f"{name}, p99, all behave", median(without), "ms", note=f"{note}; median {middle[0]:.1f} ms"
        )
        yield Measure(
            f"{name}, p99, {hostile} are slow or hostile",
            median(beside),
            "ms",
            note=f"median {middle[1]:.1f} ms",
        )
        ratios = [b / a for a, b in zip(without, beside, strict=True)]
        yield Measure(
            f"{name}, p99 beside hostile ones to p99 without",
            median(beside) / median(without),
            "times",
            1.2,
            less=True,
            note="by round: " + ", ".join(f"{ratio:.2f}" for ratio in ratios),
        )


def _p99(seconds: list[float]) -> float:
    return percentile(seconds, 0.99) * 1000


async def _rounds(
    address: str, key: str, public: str, token: str, connections: int, hostile: int
) -> tuple[list[Times], list[Times]]:
    crowd = Crowd(address, key, token)
    await crowd.open(connections - hostile)
    gc.collect()
    gc.freeze()
    await crowd.drive(WARM_SECONDS)
    calm, troubled = [], []
    for _ in range(ROUNDS):
        calm.append(await crowd.drive(ROUND_SECONDS))
        with _hostile(address, public, hostile):
            await crowd.drive(WARM_SECONDS)
            troubled.append(await crowd.drive(ROUND_SECONDS))
        await crowd.drive(WARM_SECONDS)
    return calm, troubled


@contextmanager
def _hostile(address: str, key: str, count: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.hostile", address, key, str(count)])
    try:
        yield
        assert process.poll() is None, "the hostile clients gave up"
    finally:
        process.kill()
        process.wait()


class Crowd:
    """Connections that behave: each sends a request when its turn comes, whether or not others are
    answered."""

    def __init__(self, address: str, key: str, token: str) -> None:
        url = urlsplit(address)
        self._host, self._port = str(url.hostname), int(url.port or 0)
        head = f"POST /v1/events HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {key}\r\ncontent-length: "
        self._events = [
            head.encode() + b"%d\r\n\r\n" % len(body) + body
            for body in (orjson.dumps(item) for item in items(200_000, customers=20_000))
        ]
        look_up = (
            f"POST /api/profiles/lookup HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: "
        ).encode()
        self._reads = [
            look_up + b"%d\r\n\r\n" % len(body) + body
            for body in (
                orjson.dumps({"kind": "user_id", "value": f"user-{number}"}) for number in range(200)
            )
        ]
        self._sent = 0
        self._clients: list[_Client] = []

    async def open(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for number in range(count):
            source = f"127.0.1.{number % ADDRESSES + 1}"
            _, client = await loop.create_connection(_Client, self._host, self._port, local_addr=(source, 0))
            self._clients.append(client)
            if number % 50 == 0:
                await asyncio.sleep(0.01)
        for client in self._clients:
            client.ask(b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n", time.perf_counter(), [])
            await asyncio.sleep(0.0005)

    async def drive(self, seconds: float) -> Times:
        times = Times([], [])
        began = time.perf_counter()
        due = began
        step = 1 / (EVENTS_A_SECOND + READS_A_SECOND)
        every = (EVENTS_A_SECOND + READS_A_SECOND) // READS_A_SECOND
        while due < began + seconds:
            now = time.perf_counter()
            while due <= now and due < began + seconds:
                client = self._clients[self._sent % len(self._clients)]
                if self._sent % every:
                    client.ask(self._events[self._sent % len(self._events)], due, times.posts)
                else:
                    client.ask(self._reads[self._sent // every % len(self._reads)], due, times.reads)
                self._sent += 1
                due += step
            await asyncio.sleep(TICK)
        while any(client.waits for client in self._clients):
            assert time.perf_counter() < began + seconds + 30, "requests were not answered"
            await asyncio.sleep(0.05)
        wrong = [client.wrong for client in self._clients if client.wrong]
        assert not wrong, (len(wrong), wrong[0])
        return times


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self._due = 0.0
        self._into: list[float] = []
        self._received = b""
        self.waits = False
        self.wrong = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, due: float, into: list[float]) -> None:
        assert not self.waits, "a connection's turn came again before it was answered"
        self.waits, self._due, self._into = True, due, into
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        if self._received[9:12] not in (b"200", b"404"):
            self.wrong = self._received
        self._into.append(time.perf_counter() - self._due)
        self._received = b""
        self.waits = False

    def connection_lost(self, error: Exception | None) -> None:
        self.waits = False
        self.wrong = b"the node ended the connection"
