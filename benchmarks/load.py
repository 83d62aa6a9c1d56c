"""A load generator for the collector: keep-alive connections over raw sockets, requests encoded beforehand.

It takes as little of the machine as Python can, is bounded in requests and time, and goes to loopback only.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Payload(NamedTuple):
    """A body of the collector, and how many items are in it."""

    body: bytes
    items: int = 1


@dataclass(frozen=True, slots=True)
class LoadResult:
    """`seconds` from the first request sent to the last answered; `latencies` in seconds, sorted; `broken`
    counts connections that the other side closed."""

    requests: int
    items: int
    seconds: float
    statuses: dict[int, int]
    latencies: tuple[float, ...]
    broken: int

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def items_per_second(self) -> float:
        return self.items / self.seconds if self.seconds else 0.0

    def latency(self, share: float) -> float:
        """The time within which this share of the requests was answered; 0 without any."""
        if not self.latencies:
            return 0.0
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


async def post_load(
    address: str,
    key: str,
    payloads: Sequence[Payload],
    connections: int,
    *,
    seconds: float = 60.0,
    path: str = "/v1/events",
    content_type: str = "application/json",
) -> LoadResult:
    """Post every payload once, each connection one at a time; after `seconds` nothing more is sent. `address`
    is that of a node on this machine, such as http://127.0.0.1:8080. Raises ValueError for any other."""
    url = urlsplit(address)
    if url.hostname not in LOOPBACK or url.port is None:
        raise ValueError(f"load goes to this machine only, not to {address}")
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {url.netloc}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: {content_type}\r\ncontent-length: "
    ).encode()
    work = _Work([(head + b"%d\r\n\r\n" % len(one.body) + one.body, one.items) for one in payloads], seconds)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(work), url.hostname, url.port)
        for _ in range(min(connections, max(len(payloads), 1)))
    ]
    began = work.begin()
    for _, connection in opened:
        connection.send_next()
    await asyncio.gather(*(connection.done for _, connection in opened))
    ended = time.perf_counter()
    for transport, _ in opened:
        transport.close()
    return LoadResult(
        requests=len(work.latencies),
        items=work.items,
        seconds=ended - began,
        statuses=dict(work.statuses),
        latencies=tuple(sorted(work.latencies)),
        broken=work.broken,
    )


class _Work:
    """The requests still to be sent, and what came of the others."""

    def __init__(self, requests: Sequence[tuple[bytes, int]], seconds: float) -> None:
        self._requests: Iterator[tuple[bytes, int]] = iter(requests)
        self._seconds = seconds
        self._until = 0.0
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.items = 0
        self.broken = 0

    def begin(self) -> float:
        now = time.perf_counter()
        self._until = now + self._seconds
        return now

    def next(self) -> tuple[bytes, int] | None:
        return next(self._requests, None) if time.perf_counter() < self._until else None


class _Connection(asyncio.Protocol):
    """Sends a request, reads its answer to the end, sends the next."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        self._received = bytearray()
        self._missing = -1  # bytes of the answer still to come; -1 before its head is whole
        self._status = 0
        self._items = 0
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send_next(self) -> None:
        request = self._work.next()
        if request is None:
            self._finish()
            return
        raw, self._items = request
        self._sent_at = time.perf_counter()
        self._transport.write(raw)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._received += data
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            self._status = int(head[9:12])
            self._missing = end + 4 + _length(head) - len(self._received)
            self._received.clear()
        else:
            self._missing -= len(data)
        if self._missing == 0:
            self._missing = -1
            self._work.latencies.append(time.perf_counter() - self._sent_at)
            self._work.statuses[self._status] += 1
            self._work.items += self._items if self._status == 200 else 0
            self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._work.broken += 1
        self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0
