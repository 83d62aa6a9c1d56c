"""A week of a simulated shop at many times its speed, in one node: memory and files stay flat."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx

from kizuna.runtime.shop import SOURCES, Shop
from kizuna.runtime.shop_hours import moments
from kizuna.runtime.simulate import drive
from kizuna.runtime.targets import Node
from tests.node_process import NodeProcess, kizuna_json

from .measure import Measure, median, resident

EVENTS_A_DAY = 2
"""By each customer: a shop whose customers come often."""

HISTORY_DAYS, DAYS = 30, 7
TICK = 0.25
SAMPLE_SECONDS = 20
EIGHTH_OF_A_DAY = 86_400 / 8
SEED = 5
PARTS = {
    "log": "log.sqlite",
    "log's WAL": "log.sqlite-wal",
    "store": "store.duckdb",
    "its WAL": "store.duckdb.wal",
}


class Sample(NamedTuple):
    """What the node takes at a moment, in bytes; files by their part."""

    day: int
    events: int
    memory: int
    files: dict[str, int]


def run(customers: int, speed: float) -> Iterator[Measure]:
    """A month of history as fast as it goes, then the week, `speed` times as fast as it was, while somebody
    looks at profiles, lists and the page."""
    with TemporaryDirectory() as temporary, ExitStack() as stack:
        data = Path(temporary) / "data"
        settings = Path(temporary) / "kizuna.toml"
        settings.write_text('currency = "JPY"\ntime_zone = "Asia/Tokyo"\n')
        data.mkdir(mode=0o700)
        node = stack.enter_context(NodeProcess(data, "--settings", str(settings)))
        keys = {
            source: kizuna_json("keys", "create", source, "--source", source, "--data", data)["key"]
            for source in SOURCES
        }
        client = stack.enter_context(httpx.Client(base_url=node.address, timeout=60))
        target = Node(client, keys)
        begins = datetime.now(UTC) - timedelta(days=DAYS)
        before = begins - timedelta(days=HISTORY_DAYS)
        shop = Shop(SEED, before, customers=customers, currency="JPY")
        each = customers * EVENTS_A_DAY
        drive(shop, moments(before, begins, each * HISTORY_DAYS), target, rate=0)
        while node.ask("GET", "/ready").status_code != 200:
            time.sleep(TICK)
        samples = list(_lived(node, shop, target, begins, each * DAYS, speed))
    yield from _told(samples, f"{customers:,} customers, {each:,} events a day, {speed:g} times as fast")


def _lived(
    node: NodeProcess, shop: Shop, target: Node, begins: datetime, count: int, speed: float
) -> Iterator[Sample]:
    coming = moments(begins, begins + timedelta(days=DAYS), count)
    started, sampled, sent = time.monotonic(), 0.0, 0
    moment = next(coming, None)
    while moment is not None:
        elapsed = time.monotonic() - started
        now = begins + timedelta(seconds=elapsed * speed)
        due = []
        while moment is not None and moment <= now:
            due.append(shop.next(moment))
            moment = next(coming, None)
        if due:
            assert target.send(due) == 0, "the node refused what the shop sent"
            sent += len(due)
        _look(node)
        if elapsed - sampled >= min(SAMPLE_SECONDS, EIGHTH_OF_A_DAY / speed):
            sampled = elapsed
            yield _sample(node, int(elapsed * speed / 86_400), sent)
        time.sleep(TICK)


def _look(node: NodeProcess) -> None:
    for path in ("/live", "/api/profiles?limit=20"):
        answer = node.ask("GET", path)
        assert answer.status_code == 200, answer.text
        if path != "/live":
            for one in answer.json()["items"][:3]:
                assert node.ask("GET", f"/api/profiles/{one['id']}/timeline").status_code == 200


def _sample(node: NodeProcess, day: int, events: int) -> Sample:
    files = {part: _size(node.data / name) for part, name in PARTS.items()}
    return Sample(day, events, resident(node.process.pid), files)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _told(samples: list[Sample], of: str) -> Iterator[Measure]:
    by_day = {day: list(its) for day, its in groupby(samples, key=lambda one: one.day)}
    memory = {day: median([one.memory for one in its]) / 1e6 for day, its in by_day.items()}
    yield Measure(
        "a week, memory of the node, largest",
        max(s.memory for s in samples) / 1e6,
        "MB",
        400,
        less=True,
        note=of,
    )
    yield Measure(
        "memory on the last day, of that on the second",
        memory[DAYS - 1] / memory[1],
        "times",
        1.1,
        less=True,
        note="median MB by day: " + ", ".join(f"{one:.0f}" for one in memory.values()),
    )
    grown: dict[str, list[float]] = defaultdict(list)
    for its in by_day.values():
        for part in PARTS:
            came = max(1, its[-1].events - its[0].events)
            grown[part].append((its[-1].files[part] - its[0].files[part]) / came)
    for part in ("log", "store"):
        yield Measure(
            f"{part}, grown by",
            (samples[-1].files[part] - samples[0].files[part]) / (samples[-1].events - samples[0].events),
            "bytes/event",
            less=True,
            note="by day: " + ", ".join(f"{one:.0f}" for one in grown[part]),
        )
    for part in ("log's WAL", "its WAL"):
        yield Measure(f"{part}, largest", max(one.files[part] for one in samples) / 1e6, "MB", less=True)
