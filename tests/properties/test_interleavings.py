"""Every cut has one state: whatever the order in which its partitions were read, one record at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.partitioner import Partitioner
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.processors import reader
from kizuna.processors.reader import Stand
from kizuna.projections import canon
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.definitions import Trait
from tests.folding import KEY, LOG, NOW, accepted, definition, memory_log, shipped_definitions, trait_body

LATE = TopicPartition(topics.DEFINITIONS, 0)


def touchpoint(type_: str, message: str, *, at: int = 0, seconds: int = 0, **given: Any) -> NewRecord:
    """An item of that message id that happened `at` minutes, and was received `seconds`, after NOW."""
    happened = NOW - timedelta(days=1) + timedelta(minutes=at)
    item = {"type": type_, "message_id": message, "occurred_at": happened.isoformat(), **given}
    return NewRecord(b"", accepted(item, NOW + timedelta(seconds=seconds)).value)


def order(type_: str, message: str, order_id: str, at: int = 0, seconds: int = 0, **given: Any) -> NewRecord:
    ids = {"user_id": given.pop("user")} if "user" in given else {}
    properties = {"order_id": order_id, **given}
    return touchpoint(f"order.{type_}", message, at=at, seconds=seconds, ids=ids, properties=properties)


def attributed(message: str, user: str, at: int) -> NewRecord:
    about = [{"kind": "order", "id": "o1"}]
    return touchpoint("entity.attributed", message, at=at, ids={"user_id": user}, entities=about)


def retracted(message: str, target: str, seconds: int) -> NewRecord:
    properties = {"event_id": str(event_id_for("shop", target))}
    return touchpoint("event.retracted", message, at=9, seconds=seconds, properties=properties)


def money(total: str) -> dict[str, Any]:
    return {"currency": "JPY", "total": total}


TIED = (
    [
        order("completed", "m1", "o1", user="u1", **money("100")),
        order("updated", "m2", "o1", at=1, total="70"),
        touchpoint("customer.identified", "m3", ids={"user_id": "u1", "email": "a@example.com"}),
    ],
    [
        order("updated", "m4", "o1", at=1, total="80"),  # the same times as the other update
        order("completed", "m1", "o1", user="u2", **money("100")),  # the same times and id: a conflict
        touchpoint("customer.identified", "m5", ids={"user_id": "u2", "email": "a@example.com"}),
    ],
)
DISPLACED = (
    [
        order("completed", "m1", "o1", seconds=5, user="u1", **money("100")),
        order("refunded", "m2", "o1", at=3, amount="30", currency="JPY"),
        attributed("m3", "u2", at=2),
    ],
    [
        order("completed", "m1", "o1", at=4, seconds=1, user="u2", **money("90")),  # the earlier copy
        attributed("m4", "u1", at=2),  # the same times as the other attribution
        order("cancelled", "m5", "o1", at=3),  # the same times as the refund
    ],
)
RETRACTED = (
    [
        order("completed", "m1", "o1", user="u1", **money("100")),
        retracted("m2", "m1", seconds=2),
        order("completed", "m1", "o1", seconds=3, **money("60")),  # counts while the first is taken out
    ],
    [
        attributed("m3", "u2", at=1),
        retracted("m4", "m3", seconds=2),
        retracted("m5", "m2", seconds=3),
    ],
)
DEFINED_LATE = (
    [
        touchpoint("product.viewed", "m1", ids={"user_id": "u1"}, properties={"product_id": "tea"}),
        order("completed", "m2", "o1", **money("100")),
    ],
    [
        touchpoint("product.viewed", "m3", ids={"user_id": "u1"}, properties={"product_id": "cup"}),
        attributed("m4", "u1", at=2),
    ],
)
VIEWED_LAST = Trait(name="viewed_last", last="product.viewed.product_id")


def key_of(partition: int, partitions: int) -> bytes:
    """A key that leads there."""
    partitioner = Partitioner({**dict.fromkeys(topics.ALL, 1), topics.TOUCHPOINTS: partitions})
    for number in count():
        key = b"%d" % number
        if partitioner.assign(topics.TOUCHPOINTS, [NewRecord(key, b"")])[0].partition == partition:
            return key
    raise AssertionError


def filled(lanes: Sequence[Sequence[NewRecord]]) -> MemoryLog:
    log = memory_log(len(lanes))
    log.append(topics.DEFINITIONS, shipped_definitions())
    for partition, records in enumerate(lanes):
        key = key_of(partition, len(lanes))
        log.append(topics.TOUCHPOINTS, [NewRecord(key, record.value) for record in records])
    return log


def cuts(log: MemoryLog, path: Sequence[TopicPartition]) -> Iterator[tuple[tuple[int, ...], dict[str, str]]]:
    """The offsets and the canonical hash after each record, read in this order."""
    stands = {lane: Stand(0) for lane in log.bounds()}
    stands[LATE] = Stand(len(shipped_definitions()))
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
        fold = Fold(store, KEY)
        fold.apply(reader.read(log, {}, {LATE: Bounds(0, stands[LATE].offset)}, NOW, 1_000).batch)
        for lane in path:
            reading = reader.read(log, stands, {lane: Bounds(0, stands[lane].offset + 1)}, NOW, 1)
            assert len(reading.batch) == 1
            fold.apply(reading.batch)
            stands = dict(reading.stands)
            yield tuple(stands[one].offset for one in sorted(stands)), canon.digest(store.writer)
        assert canon.twice(store.writer) == {}
        store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "lanes",
    [TIED, DISPLACED, RETRACTED, DEFINED_LATE],
    ids=["tied", "displaced", "retracted", "defined late"],
)
def test_the_order_of_partitions_does_not_matter(lanes: tuple[list[NewRecord], ...]) -> None:
    log = filled(lanes)
    steps = [
        TopicPartition(topics.TOUCHPOINTS, partition)
        for partition, records in enumerate(lanes)
        for _ in records
    ]
    if lanes is DEFINED_LATE:
        log.append(topics.DEFINITIONS, [definition("trait", VIEWED_LAST.name, trait_body(VIEWED_LAST))])
        steps.append(LATE)
    states: dict[tuple[int, ...], dict[str, str]] = {}
    paths = sorted(set(permutations(steps)))
    for path in paths:
        for cut, state in cuts(log, path):
            assert state == states.setdefault(cut, state), (path, cut)
    assert len(paths) == (30 if lanes is DEFINED_LATE else 20)
