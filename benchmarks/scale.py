"""How cost grows with history: fold, store, node and answers, at ever more events in one store."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx
import orjson

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.processors import reader
from kizuna.processors.ahead import ReadAhead
from kizuna.projections.definitions import shipped
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store
from kizuna.runtime import bootstrap
from kizuna.runtime import settings as all_settings
from kizuna.runtime.directory import DataDirectory, write_private
from kizuna.runtime.server import spare_the_collector
from kizuna.schemas import times
from tests.node_process import NodeProcess, kizuna_json, resident

from .folding import reads
from .measure import Measure, median, percentile, sizes_of
from .node import trickle
from .stream import KEY, START, envelopes, items

PART = 20_000
"""Events made in one go."""

LARGE, SMALL = 50_000, 500
LAST = 12
"""Large batches before a mark whose rate is taken, and the share of checkpoints that falls to them."""
SMALLS = 20
READS = 500
ASKED = {
    "profile": 10,
    "timeline": 80,
    "search": 200,
    "list": 200,
    "heaviest profile": 10,
    "its timeline": 80,
    "status": None,
    "metrics": None,
    "page": None,
}
"""Milliseconds that an answer may take at p99."""
RATE = 1_000


def run(marks: Sequence[int], customers: int, folder: Path | None = None) -> Iterator[Measure]:
    """At each mark, a number of events in one store: the fold's rate and the time of a small batch, memory
    and disk. Then, over all of it, a node: ready after a kill, its answers while 1,000 events/s come in."""
    with TemporaryDirectory(dir=folder) as temporary:
        data = Path(temporary) / "data"
        data.mkdir(mode=0o700)
        write_private(DataDirectory(data).workspace_key, KEY)
        yield from _folded(data, marks, customers)
        yield from _node(data, customers)


def _folded(data: Path, marks: Sequence[int], customers: int) -> Iterator[Measure]:
    spare_the_collector()  # as the node does
    log = SqliteLog(
        data / "log.sqlite",
        clock=lambda: times.to_micros(START),
        new_id=lambda: UUID(int=7),
        group_commit_ms=0,
    )
    settings = all_settings.load(None, currency="JPY", time_zone="Asia/Tokyo")
    bootstrap.define(log, settings, shipped(), lambda: START - timedelta(days=1))
    store = Store(data / "store.duckdb", log_id=log.identity.log_id, generation=0, store_id=UUID(int=2))
    fold = Fold(store, KEY)
    stands: dict[TopicPartition, reader.Stand] = {}
    first = {at: its for at, its in log.bounds().items() if at.topic == topics.DEFINITIONS}
    reading = reader.read(log, stands, first, START, 10_000)
    fold.apply(reading.batch)
    stands = dict(reading.stands)
    done, sizes = 0, []
    for mark in marks:
        sizes += _append(log, mark - done, customers)
        fold.seconds.clear()
        seconds, stands = _drain(log, store, fold, stands, LARGE, (mark - done) // LARGE)
        large = seconds[-LAST:]
        of_large = {stage: spent / len(seconds) for stage, spent in fold.seconds.items()}
        sizes += _append(log, SMALLS * SMALL, customers)
        fold.seconds.clear()
        small, stands = _drain(log, store, fold, stands, SMALL, SMALLS)
        of_small = {stage: spent / SMALLS for stage, spent in fold.seconds.items()}
        done = mark
        store.checkpoint()
        of = f"{mark:,} events, {customers:,} customers"
        rate = LARGE * len(large) / sum(large)
        yield Measure("fold, 50,000 a batch", rate, "events/s", stages=of_large, note=of)
        yield Measure("longest batch, with its checkpoint", max(seconds), "s", 2, less=True, note=of)
        milliseconds = median(small) * 1000
        yield Measure("fold, one batch of 500", milliseconds, "ms", less=True, stages=of_small, note=of)
        yield Measure("memory of the folding process", resident("self") / 1e6, "MB", less=True, note=of)
        records = sum(its.end for its in log.bounds().values())
        for part, size in sizes_of(data).items():
            yield Measure(f"disk: {part}", size / records, "bytes/event", less=True, note=of)
        yield Measure("an envelope", sum(sizes) / len(sizes), "bytes", note=of)
    store.close()
    log.close()


def _append(log: SqliteLog, count: int, customers: int) -> list[int]:
    """Append further events, made on every core: that takes longer than to fold them. Sizes of some
    envelopes."""
    sizes: list[int] = []
    begin = log.bounds()[TopicPartition(topics.TOUCHPOINTS, 0)].end
    end = begin + count
    parts = [(range(first, min(first + PART, end)), customers) for first in range(begin, end, PART)]
    with get_context("spawn").Pool(initializer=spare_the_collector) as pool:
        for made in pool.imap(_made, parts):
            sizes.append(len(made[0].value))
            log.append(topics.TOUCHPOINTS, made).result()
    return sizes


def _made(part: tuple[range, int]) -> list[NewRecord]:
    numbers, customers = part
    made = envelopes(len(numbers), customers=customers, seed=numbers.start + 1, first=numbers.start)
    return [NewRecord(one.key, one.value) for one in made]


def _drain(
    log: SqliteLog,
    store: Store,
    fold: Fold,
    stands: dict[TopicPartition, reader.Stand],
    size: int,
    batches: int,
) -> tuple[list[float], dict[TopicPartition, reader.Stand]]:
    """Seconds of each batch, from one commit to the next, and of the checkpoint that it caused."""
    seconds: list[float] = []
    ahead = ReadAhead(reads(log, log.bounds(), size, Counter()), fold.decode)
    reading, decoded = ahead.take(stands)
    for _ in range(batches):
        started = time.perf_counter()
        fold.apply(reading.batch, decoded)
        store.put_in_order()
        stands = dict(reading.stands)
        reading, decoded = ahead.take(stands)
        seconds.append(time.perf_counter() - started)
    while len(reading.batch):  # what is left of a size that does not divide
        fold.apply(reading.batch, decoded)
        stands = dict(reading.stands)
        reading, decoded = ahead.take(stands)
    ahead.close()
    return seconds, stands


def _node(data: Path, customers: int) -> Iterator[Measure]:
    started = time.perf_counter()
    with NodeProcess(data) as node:
        yield Measure("ready after a clean stop", time.perf_counter() - started, "s", less=True)
        key = kizuna_json("keys", "create", "bench", "--data", data)["key"]
        token = kizuna_json("tokens", "create", "bench", "--scope", "read", "--data", data)["token"]
        stream = [orjson.dumps(item) for item in items(100_000, customers=customers, seed=3)]
        yield from asyncio.run(_answers(node.address, token, key, customers, stream))
        yield Measure("memory of the node", node.memory / 1e6, "MB", 2_000, less=True)
        node.kill()
        started = time.perf_counter()
        node.start()
        yield Measure("ready after a kill", time.perf_counter() - started, "s", 10, less=True)
        node.stop()


async def _answers(
    address: str, token: str, key: str, customers: int, stream: Sequence[bytes]
) -> Iterator[Measure]:
    chance = Random(2)
    beside = asyncio.create_task(trickle(address, key, stream, RATE))
    found = []
    async with httpx.AsyncClient(
        base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=60
    ) as client:

        async def timed(method: str, path: str, **given: object) -> tuple[float, httpx.Response]:
            began = time.perf_counter()
            answer = await client.request(method, path, **given)  # type: ignore[arg-type]
            assert answer.status_code in (200, 404), answer.text
            return time.perf_counter() - began, answer

        seconds: dict[str, list[float]] = {name: [] for name in ASKED}
        for _ in range(READS):
            value = f"user-{chance.randrange(customers // 100)}"
            spent, answer = await timed(
                "POST", "/api/profiles/lookup", json={"kind": "user_id", "value": value}
            )
            seconds["profile"].append(spent)
            if answer.status_code == 200:
                path = f"/api/profiles/{answer.json()['id']}/timeline"
                seconds["timeline"].append((await timed("GET", path))[0])
        for _ in range(READS // 10):
            query = {"query": f"user-{chance.randrange(customers)}"}
            seconds["search"].append((await timed("POST", "/api/profiles/search", json=query))[0])
            asked_for = {"trait.lifetime_value.gte": str(chance.randrange(100_000))}
            seconds["list"].append((await timed("GET", "/api/profiles", params=asked_for))[0])
            for name, path in (("status", "/api/status"), ("metrics", "/metrics"), ("page", "/")):
                seconds[name].append((await timed("GET", path))[0])
        heaviest = {"kind": "user_id", "value": "user-0"}
        for _ in range(READS // 10):
            spent, answer = await timed("POST", "/api/profiles/lookup", json=heaviest)
            seconds["heaviest profile"].append(spent)
            path = f"/api/profiles/{answer.json()['id']}/timeline"
            seconds["its timeline"].append((await timed("GET", path))[0])
        for what, asked in ASKED.items():
            found.append(
                Measure(
                    f"{what} over HTTP while {RATE:,} events/s come in, p99",
                    percentile(seconds[what], 0.99) * 1000,
                    "ms",
                    asked,
                    less=True,
                    note=f"{len(seconds[what]):,} reads, median {median(seconds[what]) * 1000:.1f} ms",
                )
            )
    beside.cancel()
    return iter(found)
