"""A node stopped over 1,000 carts that are then bought: when it returns, T passes the moment at which a cart
would be given up only after the purchase is folded, though the wall clock passed all of them long ago."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import EventLog, NewRecord, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.processors.projector import Projector
from kizuna.processors.reader import Stand
from kizuna.projections.store import Store, cut
from kizuna.query.answers import AS_OF, POSITION
from kizuna.runtime.directory import DataDirectory
from kizuna.schemas import times
from kizuna.schemas.admission import Accepted, Origin, admit
from tests.folding import KEY, LOG, NOW, shipped_definitions
from tests.node_process import PATIENCE, NodeProcess, kizuna_json

CARTS = 1_000
PARTITIONS = 2
CHUNK = 20
"""Purchases recorded at one moment."""


class Cut(NamedTuple):
    """What was folded of each partition of touchpoints, and T."""

    offsets: dict[int, int]
    t: datetime


class Deadline(NamedTuple):
    """When a cart would be given up, and where its purchase stands in the log."""

    due: datetime
    partition: int
    offset: int


class Clock:
    """The log's, set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> int:
        return times.to_micros(self.now)


def cart(number: int, at: datetime) -> dict[str, object]:
    return {
        "type": "cart.updated",
        "message_id": f"cart {number}",
        "occurred_at": at.isoformat(),
        "ids": {"user_id": f"u{number}"},
        "properties": {"cart_id": f"c{number}"},
    }


def purchase(number: int, at: datetime) -> dict[str, object]:
    return {
        "type": "order.completed",
        "message_id": f"order {number}",
        "occurred_at": at.isoformat(),
        "ids": {"user_id": f"u{number}"},
        "properties": {"order_id": f"o{number}", "currency": "JPY", "total": "100"},
    }


def record(item: dict[str, object], received_at: datetime, key: str) -> NewRecord:
    sealed = admit(item, Origin("shop", "secret", received_at), key, lambda: UUID(int=1))
    assert isinstance(sealed, Accepted)
    return NewRecord(sealed.key, sealed.value)


def bought_in_time(log: EventLog, clock: Clock, key: str, dues: Sequence[datetime]) -> list[Deadline]:
    """Every cart is bought half a second before the first of its chunk is due."""
    ends = {lane.partition: its.end for lane, its in log.bounds().items() if lane.topic == topics.TOUCHPOINTS}
    deadlines = []
    for first in range(0, CARTS, CHUNK):
        clock.now = dues[first] - timedelta(milliseconds=500)
        numbers = range(first, first + CHUNK)
        records = [record(purchase(number, clock.now), clock.now, key) for number in numbers]
        for number, lane in zip(numbers, log.append(topics.TOUCHPOINTS, records).result(10), strict=True):
            deadlines.append(Deadline(dues[number], lane.partition, ends[lane.partition]))
            ends[lane.partition] += 1
    return deadlines


def folded(deadline: Deadline, at: Cut) -> bool:
    return deadline.offset < at.offsets.get(deadline.partition, 0)


def judged_too_early(at: Cut, deadlines: Sequence[Deadline]) -> int:
    """Carts that are due at this cut, whose purchase is not folded."""
    return sum(one.due <= at.t and not folded(one, at) for one in deadlines)


def midway(at: Cut, deadlines: Sequence[Deadline]) -> bool:
    """Some carts are due at this cut, and not all purchases are folded."""
    return deadlines[0].due <= at.t and not all(folded(one, at) for one in deadlines)


def cuts_of(log: EventLog, store: Store, projector: Projector) -> Iterator[Cut]:
    """Folds the backlog batch by batch."""
    lanes = [TopicPartition(topics.TOUCHPOINTS, number) for number in range(PARTITIONS)]
    while True:
        stood = cut(store.writer)
        offsets = {at.partition: at.offset for at in stood.positions if at.topic == topics.TOUCHPOINTS}
        yield Cut(offsets, stood.t)
        ends = log.bounds()
        behind = [lane for lane in lanes if offsets.get(lane.partition, 0) < ends[lane].end]
        if not behind:
            return
        # A batch begins with the first partition that is behind.
        projector.fold_until({behind[0]: Stand(offsets.get(behind[0].partition, 0) + 1)})


def test_no_cut_of_a_backlog_has_a_cart_that_is_due_and_not_seen_bought(tmp_path: Path) -> None:
    clock = Clock(NOW)
    log = MemoryLog({topics.TOUCHPOINTS: PARTITIONS}, clock=clock, identity=LOG)
    log.append(topics.DEFINITIONS, shipped_definitions())

    def opened() -> Store:
        return Store(tmp_path / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))

    moments = [NOW + timedelta(seconds=number) for number in range(CARTS)]
    log.append(
        topics.TOUCHPOINTS, [record(cart(n, at), moments[-1], KEY) for n, at in enumerate(moments)]
    ).result()
    clock.now = moments[-1]
    store = opened()
    Projector(log, store, KEY, lambda: moments[-1]).fold_all()
    stopped = cut(store.writer).t
    store.close()

    dues = [at + timedelta(minutes=30) for at in moments]
    assert stopped < dues[0]
    deadlines = bought_in_time(log, clock, KEY, dues)

    store = opened()
    projector = Projector(log, store, KEY, lambda: dues[-1] + timedelta(hours=3), batch=50)
    cuts = list(cuts_of(log, store, projector))
    store.close()
    assert [judged_too_early(one, deadlines) for one in cuts] == [0] * len(cuts)
    assert len(cuts) == 1 + CARTS // 50
    assert [one.t for one in cuts] == sorted(one.t for one in cuts)
    assert cuts[-1].t == dues[-1] + timedelta(hours=3)
    assert sum(midway(one, deadlines) for one in cuts) > 5


def test_a_node_that_returns_judges_no_cart_before_it_has_seen_what_was_bought(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    key = directory.open_workspace(lambda _: None)
    clock = Clock(datetime.now(UTC))

    def opened() -> SqliteLog:
        return SqliteLog(directory.log, clock=clock, new_id=uuid4, partitions=PARTITIONS)

    opened().close()
    directory.settings.write_text("batch_size = 10\n")
    with NodeProcess(directory.path) as node:
        write_key = kizuna_json("keys", "create", "shop", "--data", node.data)["key"]
        began = datetime.now(UTC) - timedelta(seconds=4)
        moments = [began + timedelta(milliseconds=4 * number) for number in range(CARTS)]
        for first in range(0, CARTS, 100):
            items = [cart(number, moments[number]) for number in range(first, first + 100)]
            assert node.post(write_key, items).json()["accepted"] == 100
        give_up = time.monotonic() + PATIENCE
        while sum(stand(node).offsets.values()) < CARTS:
            assert time.monotonic() < give_up
        assert node.stop() == 0

        # A cart is given up after as long as it takes that none was by now.
        stopped = datetime.now(UTC)
        dues = [stopped + timedelta(seconds=1) + (at - moments[0]) for at in moments]
        log = opened()
        deadlines = bought_in_time(log, clock, key, dues)
        log.close()
        time.sleep(max(0.0, (dues[-1] - datetime.now(UTC)).total_seconds()))

        node.start(until="/health")
        restarted = datetime.now(UTC)
        cuts: list[Cut] = []
        while not cuts or cuts[-1].t < restarted:
            seen = stand(node)
            if not cuts or seen != cuts[-1]:
                cuts.append(seen)
        assert [judged_too_early(one, deadlines) for one in cuts] == [0] * len(cuts)
        assert [one.t for one in cuts] == sorted(one.t for one in cuts)
        assert sum(midway(one, deadlines) for one in cuts) >= 3
        assert sum(cuts[-1].offsets.values()) == 2 * CARTS
        assert restarted > dues[-1]


def stand(node: NodeProcess) -> Cut:
    """The cut that the node answers from."""
    answer: httpx.Response = node.ask("GET", "/ready")
    offsets = {}
    for at in answer.headers[POSITION].split(","):
        place, _, offset = at.partition("=")
        topic, _, partition = place.split("/")
        if topic == topics.TOUCHPOINTS:
            offsets[int(partition)] = int(offset)
    return Cut(offsets, datetime.fromisoformat(answer.headers[AS_OF]))
