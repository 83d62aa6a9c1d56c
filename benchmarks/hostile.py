"""Clients that do not behave, in a process of their own until they are ended: `python -m benchmarks.hostile
ADDRESS KEY COUNT`. The node's own machine only."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import uvloop

from .load import LOOPBACK

PAUSE = 1.0
"""Seconds between two bytes of a slow client, and before one that was cut off comes back."""

ADDRESSES = 20

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Hostile:
    """One of them: `number` says of which kind, and from which address of this machine it comes."""

    def __init__(self, host: str, port: int, key: str, number: int) -> None:
        self._to = host, port
        self._source = f"127.0.5.{number % ADDRESSES + 1}"
        self._key = key
        kinds: tuple[Callable[[Streams], Awaitable[None]], ...] = (
            self.head,
            self.body,
            self.chunks,
            self.deaf,
            self.idle,
            self.garbage,
            self.flood,
            self.bomb,
            self.refused,
            self.stranger,
        )
        self._behave = kinds[number // ADDRESSES % len(kinds)]

    async def run(self) -> None:
        while True:
            # uvloop raises RuntimeError for a connection that was cut meanwhile.
            with suppress(OSError, RuntimeError, TimeoutError):
                opened = await asyncio.open_connection(*self._to, local_addr=(self._source, 0))
                try:
                    await self._behave(opened)
                finally:
                    opened[1].transport.abort()
            await asyncio.sleep(PAUSE)

    async def head(self, opened: Streams) -> None:
        """A head that never ends."""
        await self._trickle(opened, b"GET /health HTTP/1.1\r\nhost: node\r\n", b"x-a: b\r\n")

    async def body(self, opened: Streams) -> None:
        """A body that never ends, of somebody with a key."""
        await self._trickle(opened, self._post(3_000_000) + b"[" * 200_000, b" ")

    async def chunks(self, opened: Streams) -> None:
        """The same in chunks, for a route that takes none, dropped as it comes."""
        head = b"POST / HTTP/1.1\r\nhost: node\r\ntransfer-encoding: chunked\r\n\r\n"
        await self._trickle(opened, head, b"1\r\n \r\n")

    async def deaf(self, opened: Streams) -> None:
        """Asks for much and takes nothing."""
        writer = opened[1]
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /api/openapi.json HTTP/1.1\r\nhost: node\r\n\r\n" * 20)
        await asyncio.sleep(30)

    async def idle(self, opened: Streams) -> None:
        """Says nothing."""
        await opened[0].read()

    async def garbage(self, opened: Streams) -> None:
        """What is no HTTP."""
        await self._until_closed(opened, b"\x16\x03\x01\x00\xff" * 200)

    async def flood(self, opened: Streams) -> None:
        """More requests at once than anybody has a use for."""
        await self._until_closed(opened, b"GET /health HTTP/1.1\r\n\r\n" * 2_000)

    async def bomb(self, opened: Streams) -> None:
        """Little that unpacks to sixteen megabytes."""
        packed = BOMB
        head = self._post(len(packed), b"content-encoding: gzip\r\nconnection: close\r\n")
        await self._until_closed(opened, head + packed)

    async def refused(self, opened: Streams) -> None:
        """A body of which nothing can be accepted, and that takes long to look at."""
        await self._until_closed(opened, self._post(len(DEEP), b"connection: close\r\n") + DEEP)

    async def stranger(self, opened: Streams) -> None:
        """Guesses keys and tokens."""
        guess = b"POST /api/profiles/lookup HTTP/1.1\r\nhost: node\r\nauthorization: Bearer guess\r\n"
        event = b"POST /v1/events HTTP/1.1\r\nhost: node\r\nx-write-key: guess\r\n"
        last = event + b"connection: close\r\ncontent-length: 2\r\n\r\n{}"
        await self._until_closed(
            opened, (guess + b"\r\n" + event + b"content-length: 2\r\n\r\n{}") * 5 + last
        )

    def _post(self, length: int, more: bytes = b"") -> bytes:
        head = (
            f"POST /v1/events HTTP/1.1\r\nhost: node\r\nx-write-key: {self._key}\r\ncontent-length: {length}"
        )
        return head.encode() + b"\r\n" + more + b"\r\n"

    async def _trickle(self, opened: Streams, first: bytes, then: bytes) -> None:
        reader, writer = opened
        writer.write(first)
        while not reader.at_eof():
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(PAUSE)

    async def _until_closed(self, opened: Streams, sent: bytes) -> None:
        reader, writer = opened
        writer.write(sent)
        await asyncio.wait_for(reader.read(), 30)


BOMB = gzip.compress(b" " * 16_000_000)
DEEP = b'[{"type":"page.viewed","properties":{"x":[' + b"[]," * 30_000 + b"[]]}}]"


async def _main(address: str, key: str, count: int) -> None:
    url = urlsplit(address)
    if url.hostname not in LOOPBACK or url.port is None:
        raise ValueError(f"this goes to this machine only, not to {address}")
    await asyncio.gather(*(Hostile(url.hostname, url.port, key, number).run() for number in range(count)))


if __name__ == "__main__":
    os.nice(
        19
    )  # on this machine it would else take the time of the node, which no client in the network does
    uvloop.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
