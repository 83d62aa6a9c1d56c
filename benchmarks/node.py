"""The node: import, collector and reads over HTTP, with the fold running, on the same machine."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson

from tests.node_process import NodeProcess, kizuna, kizuna_json

from .load import Payload, post_load
from .measure import Measure, median, percentile
from .stream import items

ROOT = Path(__file__).resolve().parent.parent
RETAIL = ROOT.parent / "shared/data/online_retail_ii/online_retail_2009_2010.parquet"
MAP = ROOT / "docs/examples/online-retail.yaml"
CONNECTIONS = 32
READS = 1_000
TRICKLE = 50
NAMED = b'"message_id":"'


def run(count: int, customers: int) -> Iterator[Measure]:
    """All of it, each part against a node of its own."""
    yield from posted(count, customers)
    yield from imported()


def posted(count: int, customers: int) -> Iterator[Measure]:
    """`POST /v1/events`, one event and a hundred at a time; then profile reads, while events go on coming."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with NodeProcess(data) as node:
            key = kizuna_json("keys", "create", "bench", "--data", data)["key"]
            token = kizuna_json("tokens", "create", "bench", "--scope", "read", "--data", data)["token"]
            stream = [orjson.dumps(item) for item in items(count, customers=customers)]
            size = sum(map(len, stream)) / len(stream)
            singles, rest = stream[: count // 10], stream[count // 10 :]
            batches = [
                Payload(b"[" + b",".join(rest[at : at + 100]) + b"]", len(rest[at : at + 100]))
                for at in range(0, len(rest), 100)
            ]
            for name, payloads, asked in (
                ("POST /v1/events, single", [Payload(one) for one in singles], 5_000),
                ("POST /v1/events, batches of 100", batches, 30_000),
            ):
                result = asyncio.run(post_load(node.address, key, payloads, CONNECTIONS))
                assert set(result.statuses) == {200}, result.statuses
                yield Measure(
                    name,
                    result.items / result.seconds,
                    "events/s",
                    asked,
                    note=f"{result.items:,} events of {size:.0f} bytes, durable, {CONNECTIONS} connections, "
                    f"p99 {percentile(result.latencies, 0.99) * 1000:.0f} ms",
                )
            while kizuna_json("status", "--data", data)["lag"]:
                time.sleep(0.1)
            yield asyncio.run(_reads(node.address, token, customers, "alone", 10))
            for rate in (1_000, 5_000):
                load = trickle(node.address, key, rest, rate)
                yield asyncio.run(
                    _reads(node.address, token, customers, f"while {rate:,} events/s come in", None, load)
                )


async def _reads(
    address: str,
    token: str,
    customers: int,
    when: str,
    asked: float | None,
    load: Coroutine[None, None, None] | None = None,
) -> Measure:
    """Profiles of the more frequent customers, one after the other, while `load` runs."""
    chance = random.Random(2)
    beside = asyncio.create_task(load) if load else None
    seconds = []
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as client:
        for _ in range(READS):
            value = f"user-{chance.randrange(customers // 100)}"
            started = time.perf_counter()
            answer = await client.post("/api/profiles/lookup", json={"kind": "user_id", "value": value})
            seconds.append(time.perf_counter() - started)
            assert answer.status_code in (200, 404), answer.text
    if beside:
        beside.cancel()
    return Measure(
        f"profile read over HTTP {when}, p99",
        percentile(seconds, 0.99) * 1000,
        "ms",
        asked,
        less=True,
        note=f"{READS:,} reads, median {median(seconds) * 1000:.1f} ms",
    )


async def trickle(address: str, key: str, stream: Sequence[bytes], rate: int) -> None:
    """Post the events of a stream again and again at a rate, in fifty requests a second, until cancelled."""
    size = rate // TRICKLE
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {key}"}) as client:
        for at in range(0, len(stream) - size, size):
            started = time.perf_counter()
            renamed = [one.replace(NAMED, NAMED + b"again-", 1) for one in stream[at : at + size]]
            answer = await client.post("/v1/events", content=b"[" + b",".join(renamed) + b"]")
            assert answer.json()["accepted"] == size, answer.text
            await asyncio.sleep(max(0.0, 1 / TRICKLE - (time.perf_counter() - started)))


def imported() -> Iterator[Measure]:
    """Online Retail II, from the command to the last invoice folded."""
    if not RETAIL.exists():
        return
    seconds = []
    for _ in range(3):
        with TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            data.mkdir(mode=0o700)
            (data / "kizuna.toml").write_text('currency = "GBP"\n')
            with NodeProcess(data):
                started = time.perf_counter()
                kizuna("import", RETAIL, "--map", MAP, "--data", data)
                while kizuna_json("status", "--data", data)["lag"]:
                    time.sleep(0.1)
                seconds.append(time.perf_counter() - started)
    yield Measure(
        "Online Retail II imported and folded",
        median(seconds),
        "s",
        30,
        less=True,
        note="525,461 rows, median of 3, the command's start among them",
    )
