"""One stream through a log in memory and one in Kafka: the same state, but for where and when the log took
each record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.kafka import KafkaLog
from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.processors.projector import Projector
from kizuna.projections import canon
from kizuna.projections.store import Store
from kizuna.runtime.shop import Shop
from kizuna.schemas.admission import Accepted, event_id_for
from tests.folding import KEY, NOW, memory_log, sent, shipped_definitions
from tests.kafka.conftest import PARTITIONS

T = datetime(2100, 1, 1, tzinfo=UTC)
"""Later than any broker's clock: T is the same whatever the log's own times are."""

EVENTS = 3_000


def stream() -> list[NewRecord]:
    """A shop's events, some twice, some in another body, some corrected or taken out, in no order of time."""
    luck = Random(11)
    began = NOW - timedelta(days=200)
    shop = Shop(4, began, customers=150, currency="JPY")
    items = [shop.next(began + number * timedelta(minutes=90)).submission for number in range(EVENTS)]
    more: list[dict[str, object]] = []
    for item in luck.sample(items, 300):
        more.append(dict(item))
        more.append({**item, "properties": {}, "type": "custom.changed"})
    for item in luck.sample(items, 40):
        event_id = str(event_id_for("shop", str(item["message_id"])))
        more.append({"type": "event.retracted", "properties": {"event_id": event_id}})
    records = []
    for item in [*items, *more]:
        sealed = sent(dict(item), NOW + timedelta(seconds=luck.randrange(100_000)))
        if isinstance(sealed, Accepted):
            records.append(NewRecord(sealed.key, sealed.value))
    luck.shuffle(records)
    return records


def folded(log: EventLog, folder: Path, batch: int) -> dict[str, str]:
    identity = log.identity
    store = Store(folder, log_id=identity.log_id, generation=0, store_id=UUID(int=3))
    try:
        projector = Projector(log, store, KEY, lambda: T, batch)
        projector.fold_all()
        assert projector.lag() == 0
        return canon.digest(store.writer, of_any_log=True)
    finally:
        store.close()


@pytest.mark.parametrize("batch", [50_000, 171])
def test_a_stream_through_kafka_gives_the_state_that_it_gives_in_memory(
    log: KafkaLog, tmp_path: Path, batch: int
) -> None:
    records = stream()
    assert len(records) > EVENTS
    memory = memory_log(PARTITIONS)
    for one in (memory, log):
        one.append(topics.DEFINITIONS, shipped_definitions()).result(30)
        for start in range(0, len(records), 500):
            one.append(topics.TOUCHPOINTS, records[start : start + 500]).result(30)
    expected = folded(memory, tmp_path / "memory.duckdb", 50_000)
    found = folded(log, tmp_path / "kafka.duckdb", batch)
    assert found == expected
    assert int(expected["events"].split(":")[0]) > EVENTS / 2
