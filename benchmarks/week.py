"""A week of a simulated shop at many times its speed, in one node: memory and files stay flat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx

from kizuna.runtime.cli_simulate import EVENTS_A_DAY
from kizuna.runtime.shop import SOURCES, Shop
from kizuna.runtime.shop_hours import moments
from kizuna.runtime.simulate import drive
from kizuna.runtime.targets import Node
from tests.node_process import NodeProcess, kizuna_json

from .measure import FILES, Measure, median, sizes_of

HISTORY_DAYS, DAYS = 30, 7
DAY_SECONDS = 86_400
TICK = 0.25
FASTEST = DAY_SECONDS / 8
"""How fast a week may go by, so that each day is looked at."""

SAMPLE_SECONDS = 20
SEED = 5


class Sample(NamedTuple):
    """What the node takes at a moment, in bytes; files by their part."""

    day: int
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
        each = int(customers * EVENTS_A_DAY)
        history = drive(shop, moments(before, begins, each * HISTORY_DAYS), target, rate=0)
        assert history.refused == 0, "the node refused what the shop sent"
        while node.ask("GET", "/ready").status_code != 200:
            time.sleep(TICK)
        samples = list(_lived(node, shop, target, begins, each * DAYS, speed))
    yield from _told(samples, f"{customers:,} customers, {each:,} events a day, {speed:g} times as fast")


def _lived(
    node: NodeProcess, shop: Shop, target: Node, begins: datetime, count: int, speed: float
) -> Iterator[Sample]:
    coming = moments(begins, begins + timedelta(days=DAYS), count)
    started, sampled = time.monotonic(), 0.0
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
        _look(node)
        if elapsed - sampled >= min(SAMPLE_SECONDS, DAY_SECONDS / 8 / speed):
            sampled = elapsed
            day = int(elapsed * speed / DAY_SECONDS)
            yield Sample(min(day, DAYS - 1), node.memory, sizes_of(node.data))
        time.sleep(TICK)


def _look(node: NodeProcess) -> None:
    page, profiles = node.ask("GET", "/live"), node.ask("GET", "/api/profiles?limit=3")
    paths = [f"/api/profiles/{one['id']}/timeline" for one in profiles.json()["items"]]
    for answer in (page, *(node.ask("GET", path) for path in paths)):
        assert answer.status_code == 200, answer.text


def _told(samples: list[Sample], of: str) -> Iterator[Measure]:
    by_day = {day: list(its) for day, its in groupby(samples, key=lambda one: one.day)}
    memory = {day: median([one.memory for one in its]) / 1e6 for day, its in by_day.items()}
    yield Measure(
        "a week, memory of the node, largest",
        max(one.memory for one in samples) / 1e6,
        "MB",
        400,
        less=True,
        note=of,
    )
    yield Measure(
        "memory on the last day, of that on the second",
        memory[DAYS - 1] / memory[1] * 100,
        "%",
        110,
        less=True,
        note="median MB by day: " + ", ".join(f"{one:.0f}" for one in memory.values()),
    )
    for part in FILES:
        at_night = [its[-1].files[part] / 1e6 for its in by_day.values()]
        yield Measure(
            f"{part}, largest",
            max(one.files[part] for one in samples) / 1e6,
            "MB",
            less=True,
            note="MB at the end of each day: " + ", ".join(f"{one:.1f}" for one in at_night),
        )
