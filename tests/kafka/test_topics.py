"""The topics of a log: which are refused, what is warned of, and what happens when they change."""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from confluent_kafka import Producer

from kizuna.eventlog import topics
from kizuna.eventlog.kafka import KafkaLog
from kizuna.eventlog.kafka_place import Admission, KafkaPlace, parse
from kizuna.eventlog.kafka_topics import control, describe, ensure
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.processors import reader
from kizuna.processors.projector import Projector
from kizuna.processors.reader import Stand
from kizuna.projections.store import Store
from kizuna.schemas.errors import ConfigurationError, ForeignLog, LogUnavailable
from tests.folding import KEY, NOW, accepted, shipped_definitions
from tests.kafka.conftest import PARTITIONS

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def made(place: KafkaPlace, name: str, partitions: int = 1, **settings: str) -> None:
    options = {
        "num_partitions": partitions,
        "configs": {one.replace("_", "."): its for one, its in settings.items()},
    }
    with control(place) as client:
        client.create_topics({place.topic(name): options}, wait_for_metadata=True)


def page(number: int) -> NewRecord:
    item = {"type": "page.viewed", "ids": {"user_id": f"u{number}"}, "properties": {"path": "/tea"}}
    sealed = accepted({**item, "message_id": f"m{number}"})
    return NewRecord(sealed.key, sealed.value)


def test_a_topic_that_forgets_is_refused(place: KafkaPlace) -> None:
    made(place, topics.TOUCHPOINTS, cleanup_policy="compact", message_timestamp_type="LogAppendTime")
    with pytest.raises(ConfigurationError, match=r"cleanup\.policy is compact"):
        ensure(place, {})


def test_a_topic_that_takes_the_time_from_clients_is_refused(place: KafkaPlace) -> None:
    made(place, topics.DEFINITIONS)
    with pytest.raises(ConfigurationError, match=r"message\.timestamp\.type is CreateTime"):
        ensure(place, {})


def test_a_topic_that_drops_old_records_is_warned_of(place: KafkaPlace) -> None:
    made(place, topics.TOUCHPOINTS, message_timestamp_type="LogAppendTime", retention_ms="604800000")
    described = ensure(place, {})
    assert described.warnings() == [
        f"topic {place.topic('touchpoints')} drops old records: retention.ms is 604800000"
    ]


def test_topics_are_made_once_and_are_one_log(place: KafkaPlace) -> None:
    with pytest.raises(ConfigurationError, match="has no topic"):
        describe(place)
    first = ensure(place, {topics.TOUCHPOINTS: 2})
    assert {name: its.partitions for name, its in first.topics.items()} == {
        topics.TOUCHPOINTS: 2,
        topics.DEFINITIONS: 1,
        topics.FAILED_EVENTS: 1,
    }
    assert ensure(place, {topics.TOUCHPOINTS: 9}) == describe(place) == first
    assert first.warnings() == []


def test_a_topic_made_anew_is_another_log_to_a_store(place: KafkaPlace, tmp_path: Path) -> None:
    before = ensure(place, {})
    with control(place) as client:
        client.delete_topics([place.topic(topics.TOUCHPOINTS)])
    after = ensure(place, {})
    assert after.log_id != before.log_id
    path = tmp_path / "store.duckdb"
    Store(path, log_id=before.log_id, generation=0, store_id=UUID(int=3)).close()
    with pytest.raises(ForeignLog, match="was folded from log"):
        Store(path, log_id=after.log_id, generation=0, store_id=UUID(int=3))


def test_more_partitions_are_read_and_written(
    log: KafkaLog, place: KafkaPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kizuna.eventlog.kafka.LOOK_SECONDS", 0.0)
    log.append(topics.DEFINITIONS, shipped_definitions()).result(30)
    log.append(topics.TOUCHPOINTS, [page(number) for number in range(50)]).result(30)
    store = Store(tmp_path / "store.duckdb", log_id=log.identity.log_id, generation=0, store_id=UUID(int=3))
    try:
        projector = Projector(log, store, KEY, lambda: NOW)
        projector.fold_all()
        with control(place) as client:
            client.create_partitions({place.topic(topics.TOUCHPOINTS): 6})
            client.wait_for_topics([place.topic(topics.TOUCHPOINTS)])
        until = time.monotonic() + 30
        while len(log.bounds()) < 8:
            assert time.monotonic() < until
        lanes = log.append(topics.TOUCHPOINTS, [page(number) for number in range(50, 150)]).result(30)
        assert max(lane.partition for lane in lanes) > 2
        projector.fold_all()
        assert store.writer.execute("SELECT count(*) FROM events").fetchall() == [(150,)]
        assert describe(place).log_id == log.identity.log_id
    finally:
        store.close()


def test_ends_of_transactions_are_no_gap(log: KafkaLog, place: KafkaPlace) -> None:
    """Another program may write in transactions: a marker takes an offset, what it gave up does not count."""
    producer = Producer({**place.client(), "transactional.id": place.prefix})
    producer.init_transactions(30)
    topic = place.topic(topics.TOUCHPOINTS)
    for number, ends in enumerate((producer.commit_transaction, producer.abort_transaction) * 2):
        producer.begin_transaction()
        for one in range(3):
            record = page(number * 10 + one)
            producer.produce(topic, key=record.key, value=record.value, partition=1)
        producer.flush()
        ends(30)
    until = time.monotonic() + 30
    while (bounds := log.bounds())[TopicPartition(topics.TOUCHPOINTS, 1)].end < 16:
        assert time.monotonic() < until, "three records and a marker, four times: the last comes in a while"
    assert [one.offset for one in log.read(topics.TOUCHPOINTS, 1, 0, 100)] == [0, 1, 2, 8, 9, 10]
    assert list(log.read(topics.TOUCHPOINTS, 1, 12, 100)) == []
    stands = reader.start(log, (), bounds)
    reading = reader.read(log, stands, bounds, NOW, 4)
    assert (len(reading.batch), reading.caught_up) == (4, False)
    reading = reader.read(log, reading.stands, bounds, NOW, 100)
    if not reading.caught_up:
        reading = reader.read(log, reading.stands, bounds, NOW, 100)
    assert reading.caught_up, "it is read to its end, though nothing that counts stands there"


def test_what_an_open_transaction_hides_is_waited_for(log: KafkaLog, place: KafkaPlace) -> None:
    """It was acknowledged: it counts as there, and T does not pass it."""
    topic, lane = place.topic(topics.TOUCHPOINTS), TopicPartition(topics.TOUCHPOINTS, 1)
    ours = next(
        one for one in map(page, range(100)) if log.append(topics.TOUCHPOINTS, [one]).result(30) == [lane]
    )
    end = log.bounds()[lane].end
    producer = Producer({**place.client(), "transactional.id": place.prefix})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, key=b"x", value=b"{}", partition=1)
    producer.flush()
    assert log.append(topics.TOUCHPOINTS, [ours]).result(30) == [lane]
    bounds = log.bounds()
    assert bounds[lane].end == end + 2
    stands = reader.start(log, (), bounds)
    reading = reader.read(log, stands, bounds, LATER, 1_000)
    again = reader.read(log, reading.stands, bounds, LATER, 1_000)
    assert (again.caught_up, again.stands[lane].offset) == (False, end)
    assert again.batch.t < LATER, "time does not pass what was acknowledged"
    producer.abort_transaction(30)
    last = reader.read(log, again.stands, log.bounds(), LATER, 1_000)
    assert last.batch.touchpoints.offsets == [end + 1]
    assert reader.read(log, last.stands, bounds, LATER, 1_000).batch.t == LATER


def test_a_topic_made_anew_under_a_node_stops_it(
    log: KafkaLog, place: KafkaPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kizuna.eventlog.kafka.LOOK_SECONDS", 0.0)
    log.append(topics.TOUCHPOINTS, [page(number) for number in range(50)]).result(30)
    with control(place) as client:
        client.delete_topics([place.topic(topics.TOUCHPOINTS)])
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            log.bounds()
        except LogUnavailable:
            break
    ensure(place, {topics.TOUCHPOINTS: PARTITIONS})
    said = ""
    while time.monotonic() < until and not said:
        with suppress(LogUnavailable):
            try:
                log.bounds()
            except ForeignLog as error:
                said = str(error)
    assert "was deleted and made anew" in said
    with pytest.raises(LogUnavailable, match="was deleted and made anew"):
        log.append(topics.TOUCHPOINTS, [page(50)]).result(30)
    assert describe(place).log_id != log.identity.log_id


def test_a_partition_that_ends_below_where_it_was_read_stops_the_fold() -> None:
    lane = TopicPartition(topics.TOUCHPOINTS, 0)
    reader.check({lane: Stand(7)}, {lane: Bounds(0, 7)})
    with pytest.raises(ForeignLog, match="ends at 6, below the position 7"):
        reader.check({lane: Stand(7)}, {lane: Bounds(0, 6)})


def test_a_producer_that_fails_for_good_is_replaced(log: KafkaLog) -> None:
    log.append(topics.TOUCHPOINTS, [page(0)]).result(30)
    log._writer._fatal.set()  # as librdkafka's error callback does
    until = time.monotonic() + 30
    while log._writer._fatal.is_set():
        assert time.monotonic() < until
        time.sleep(0.01)
    for number in range(1, 30):
        log.append(topics.TOUCHPOINTS, [page(number)]).result(30)
    kept = [log.read(*lane, 0, 100) for lane in log.bounds() if lane.topic == topics.TOUCHPOINTS]
    assert sum(map(len, kept)) == 30


@pytest.mark.parametrize("name", [topics.TOUCHPOINTS, topics.DEFINITIONS])
def test_a_topic_that_takes_no_large_event_is_refused(place: KafkaPlace, name: str) -> None:
    made(place, name, message_timestamp_type="LogAppendTime", max_message_bytes="100000")
    with pytest.raises(ConfigurationError, match=r"its max\.message\.bytes is 100000"):
        ensure(place, {})


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        ensure(parse("kafka://127.0.0.1:1"), {})


@pytest.mark.parametrize(
    "address",
    ["kafka://", "kafka://host", "http://host:1", "kafka://h:1/Salon", "kafka://u:p@h:1", "kafka://a:1,,b:2"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError):
        parse(address)


def test_an_address_names_brokers_and_topics() -> None:
    place = parse("kafka://a:1,[::1]:2/salon.north", Admission(tls=True, username="u", password="p"))
    assert (place.servers, place.topic("touchpoints")) == ("a:1,[::1]:2", "salon.north.touchpoints")
    assert place.client()["security.protocol"] == "SASL_SSL"
    for settings in (place.control(), place.consumer()):
        assert settings["security_protocol"] == "SASL_SSL"
        assert (settings["sasl_plain_username"], settings["sasl_plain_password"]) == ("u", "p")
    assert place.consumer()["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert "password" not in repr(place)
    assert parse("kafka://a:1").topic("touchpoints") == "touchpoints"
