"""The consumer group of a store, on a real broker: it brings what is folded, from where the store stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from kizuna.eventlog import topics
from kizuna.eventlog.kafka import KafkaLog
from kizuna.eventlog.kafka_place import KafkaPlace
from kizuna.eventlog.kafka_topics import control
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.processors import faust_app
from kizuna.processors.fetched import Fetched
from kizuna.processors.group import Group
from kizuna.processors.projector import Projector
from kizuna.projections.store import Store
from tests.folding import KEY, NOW, accepted, shipped_definitions

DEFINITIONS = TopicPartition(topics.DEFINITIONS, 0)
PATIENCE = 60.0


def page(number: int) -> NewRecord:
    item = {"type": "page.viewed", "ids": {"user_id": f"u{number % 7}"}, "properties": {"path": "/tea"}}
    sealed = accepted({**item, "message_id": f"m{number}"})
    return NewRecord(sealed.key, sealed.value)


def until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@contextmanager
def folding(log: KafkaLog, place: KafkaPlace, path: Path) -> Iterator[tuple[Projector, Fetched, Group]]:
    store = Store(path, log_id=log.identity.log_id, generation=0, store_id=UUID(int=3))
    fetched = Fetched(log)
    projector = Projector(fetched, store, KEY, lambda: NOW)
    group = Group(place, store.store_id, path.with_name("faust"), fetched, projector)
    projector.start()
    group.start()
    try:
        yield projector, fetched, group
    finally:
        group.stop()
        projector.stop()
        assert projector.failure is None
        counted = store.writer.execute("SELECT count(*), count(DISTINCT event_id) FROM events").fetchall()
        assert counted[0][0] == counted[0][1]
        store.close()


def test_what_comes_is_brought_and_told_to_kafka(log: KafkaLog, place: KafkaPlace, tmp_path: Path) -> None:
    log.append(topics.DEFINITIONS, shipped_definitions()).result(30)
    path = tmp_path / "store.duckdb"
    with folding(log, place, path) as (projector, fetched, group):
        until(lambda: fetched.end(DEFINITIONS) > 0)
        for start in range(0, 3_000, 300):
            log.append(topics.TOUCHPOINTS, [page(number) for number in range(start, start + 300)]).result(30)
        until(lambda: projector.lag() == 0)
        brought = fetched._brought
        assert brought > 2_000, "the group brings them, and not the log itself"
        stands = {lane: stand.offset for lane, stand in projector.stands.items()}

        def told() -> dict[KafkaPartition, int]:
            with control(place) as client:
                offsets = client.list_group_offsets([group.name])[group.name]
                return {partition: its.offset for partition, its in offsets.items()}

        wanted = {
            KafkaPartition(place.topic(lane.topic), lane.partition): offset for lane, offset in stands.items()
        }
        until(lambda: {**wanted, **told()} == wanted and len(told()) == len(wanted))

    # Kafka is told a lie: the store knows better.
    log.append(topics.TOUCHPOINTS, [page(number) for number in range(3_000, 3_500)]).result(30)
    with control(place) as client:
        client.alter_group_offsets(
            group.name, {partition: OffsetAndMetadata(0, "", -1) for partition in wanted}
        )
    with folding(log, place, path) as (projector, fetched, _):
        until(lambda: projector.lag() == 0)
        until(lambda: fetched.end(DEFINITIONS) > 0)
        log.append(topics.TOUCHPOINTS, [page(3_500)]).result(30)
        until(lambda: projector.lag() == 0)
        assert fetched._brought <= 501, "nothing that was folded is brought again"
    store = Store(path, log_id=log.identity.log_id, generation=0, store_id=UUID(int=3))
    assert store.writer.execute("SELECT count(*) FROM events").fetchall() == [(3_501,)]
    store.close()


def test_when_faust_fails_the_fold_goes_on_and_the_group_is_joined_again(
    log: KafkaLog, place: KafkaPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(topics.DEFINITIONS, shipped_definitions()).result(30)
    failures = 0

    async def failing(self: object, fetcher: object) -> None:
        nonlocal failures
        failures += 1
        raise RuntimeError("something in Faust")

    monkeypatch.setattr(faust_app._Consumer, "_drain_messages", failing)
    with folding(log, place, tmp_path / "store.duckdb") as (projector, fetched, _):
        until(lambda: failures > 0)
        log.append(topics.TOUCHPOINTS, [page(number) for number in range(100)]).result(30)
        until(lambda: projector.lag() == 0)
        monkeypatch.undo()
        before = fetched._brought

        def comes() -> bool:
            log.append(topics.TOUCHPOINTS, [page(int(time.monotonic() * 1_000_000))]).result(30)
            return fetched._brought > before

        until(comes)
