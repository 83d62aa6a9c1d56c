"""A log of its own in the shared broker, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from kizuna.eventlog.kafka import KafkaLog
from kizuna.eventlog.kafka_place import KafkaPlace, parse
from kizuna.eventlog.kafka_topics import ensure
from kizuna.eventlog.topics import TOUCHPOINTS
from tests.broker import broker

PARTITIONS = 3


@pytest.fixture
def address() -> str:
    return f"kafka://{broker().addresses}/{uuid4()}"


@pytest.fixture
def place(address: str) -> KafkaPlace:
    return parse(address)


@pytest.fixture
def log(place: KafkaPlace) -> Iterator[KafkaLog]:
    log = KafkaLog(place, ensure(place, {TOUCHPOINTS: PARTITIONS}))
    yield log
    log.close()
