"""The same backlog from a file and from Kafka, broker and node on the same two cores; and how fresh a node on
Kafka is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import orjson

from kizuna.eventlog import topics
from kizuna.eventlog.kafka import KafkaLog
from kizuna.eventlog.kafka_place import KafkaPlace, parse
from kizuna.eventlog.kafka_topics import ensure
from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.processors.fetched import Fetched
from kizuna.processors.group import Group
from kizuna.processors.projector import Projector
from kizuna.processors.rebuild import rebuild
from kizuna.projections.store import Store
from kizuna.runtime.server import spare_the_collector
from tests.broker import started
from tests.node_process import NodeProcess, kizuna_json

from .folding import definitions, fill
from .measure import Measure, median, percentile
from .node import trickle
from .stream import KEY, START, envelopes, items

PARTITIONS = 4
ROUNDS = 3
RATE = 5_000
PROBES = 100
PROBE_SECONDS = 0.1


def run(count: int, customers: int) -> Iterator[Measure]:
    """Both in turns, in one run: the ratio is what counts."""
    local = started(1)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file, size = fill(folder, count, customers)
        place = parse(f"kafka://{local.cluster.addresses}/bench")
        kafka = KafkaLog(place, ensure(place, {topics.TOUCHPOINTS: PARTITIONS}))
        produced = _produce(kafka, count, customers)
        spare_the_collector()
        rates: dict[str, list[float]] = {"a file": [], "Kafka": []}
        for number in range(ROUNDS):
            rates["a file"].append(count / _drained(file, folder / f"file-{number}.duckdb", None))
            rates["Kafka"].append(count / _drained(kafka, folder / f"kafka-{number}.duckdb", place))
        again: dict[str, list[float]] = {"a file": [], "Kafka": []}
        for part in again:
            (folder / part).mkdir()
        with (
            _folded(file, folder / "a file" / "store.duckdb") as of_file,
            _folded(kafka, folder / "Kafka" / "store.duckdb") as of_kafka,
        ):
            for _ in range(ROUNDS):
                again["a file"].append(count / of_file())
                again["Kafka"].append(count / of_kafka())
        file.close()
        kafka.close()
    note = f"{count:,} events of {size:.0f} bytes, {customers:,} customers, median of {ROUNDS} in turns"
    yield Measure("into Kafka, by one producer", produced, "events/s", note=f"{PARTITIONS} partitions")
    for what, found, asked, aim in (
        ("backlog folded", rates, 0.8, 90_000),
        ("rebuild", again, 0.9, 100_000),
    ):
        for name in ("a file", "Kafka"):
            yield Measure(
                f"{what}, from {name}",
                median(found[name]),
                "events/s",
                aim=aim if name == "Kafka" else None,
                note=note,
            )
        ratios = [kafka / file for kafka, file in zip(found["Kafka"], found["a file"], strict=True)]
        yield Measure(
            f"{what}, Kafka to file",
            median(ratios),
            "times",
            asked,
            note="by round: " + ", ".join(f"{one:.2f}" for one in ratios),
        )
    yield from _fresh(f"kafka://{local.cluster.addresses}/fresh")
    local.kill(1)


def _produce(log: EventLog, count: int, customers: int) -> float:
    log.append(topics.DEFINITIONS, definitions()).result(60)
    records = [NewRecord(one.key, one.value) for one in envelopes(count, customers=customers)]
    began = time.perf_counter()
    futures = [
        log.append(topics.TOUCHPOINTS, records[at : at + 5_000])
        for at in range(0, min(count, 100_000), 5_000)
    ]
    for future in futures:
        future.result(60)
    rate = min(count, 100_000) / (time.perf_counter() - began)
    for at in range(100_000, count, 5_000):
        log.append(topics.TOUCHPOINTS, records[at : at + 5_000]).result(60)
    return rate


def _drained(log: EventLog, path: Path, place: KafkaPlace | None) -> float:
    """Seconds from the start of a projector to an empty backlog; with `place` the group's own among them."""
    store = Store(path, log_id=log.identity.log_id, generation=0, store_id=uuid4())
    try:
        fetched = Fetched(log)
        projector = Projector(fetched if place else log, store, KEY, lambda: START)
        group = Group(place, store.store_id, path.with_name("faust"), fetched, projector) if place else None
        began = time.perf_counter()
        projector.start()
        if group:
            group.start()
        _until(lambda: projector.lag() == 0)
        seconds = time.perf_counter() - began
        if group:
            group.stop()
        projector.stop()
        return seconds
    finally:
        store.close()
        path.unlink()


@contextmanager
def _folded(log: EventLog, path: Path) -> Iterator[Callable[[], float]]:
    """A store that has folded the log: called, it folds it anew beside itself, and says in how many
    seconds."""
    store = Store(path, log_id=log.identity.log_id, generation=0, store_id=uuid4())
    try:
        projector = Projector(log, store, KEY, lambda: START)
        projector.fold_all()

        def again() -> float:
            began = time.perf_counter()
            assert rebuild(log, store, projector, KEY, verify=False).swapped
            return time.perf_counter() - began

        yield again
    finally:
        store.close()


def _until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 600
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def _fresh(address: str) -> Iterator[Measure]:
    """From the answer to a post until a reader sees it, while others post."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with NodeProcess(data, log=address) as node:
            key = kizuna_json("keys", "create", "bench", "--data", data)["key"]
            token = kizuna_json("tokens", "create", "bench", "--scope", "read", "--data", data)["token"]
            stream = [orjson.dumps(item) for item in items(300_000, customers=20_000)]
            seconds = asyncio.run(_probed(node.address, key, token, stream))
    for share, asked in ((0.5, 250), (0.99, 1_000)):
        yield Measure(
            f"a profile seen after its 200, p{share * 100:.0f}",
            percentile(seconds, share) * 1_000,
            "ms",
            asked,
            less=True,
            note=f"{len(seconds)} new customers, while {RATE:,} events/s come in",
        )


async def _probed(address: str, key: str, token: str, stream: list[bytes]) -> list[float]:
    load = asyncio.create_task(trickle(address, key, stream, RATE))
    seconds = []
    async with httpx.AsyncClient(base_url=address) as client:
        await asyncio.sleep(5)
        for number in range(PROBES):
            who = {"user_id": f"probe-{number}"}
            item = {"type": "page.viewed", "ids": who, "properties": {"path": "/"}}
            posted = await client.post("/v1/events", json=item, headers={"authorization": f"Bearer {key}"})
            assert posted.json()["accepted"] == 1
            began = time.perf_counter()
            while (
                await client.post(
                    "/api/profiles/lookup",
                    json={"kind": "user_id", "value": who["user_id"]},
                    headers={"authorization": f"Bearer {token}"},
                )
            ).status_code == 404:
                await asyncio.sleep(0.01)
            seconds.append(time.perf_counter() - began)
            await asyncio.sleep(PROBE_SECONDS)
    load.cancel()
    with suppress(asyncio.CancelledError):
        await load
    return seconds
