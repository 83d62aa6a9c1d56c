"""The Kafka that the tests share: a real broker, started at the first use, stopped when the tests end."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

from kizuna.runtime import kafka_jars
from kizuna.runtime.local_kafka import CONTROLLER, Cluster, LocalKafka, is_taken

_STARTED: list[LocalKafka] = []


@cache
def broker() -> Cluster:
    """Skips the test, saying why, where this machine cannot run one; CI fails then (`.ci/run`)."""
    lacking = kafka_jars.lacking()
    if lacking and not os.environ.get("CI"):
        pytest.skip(f"no broker: {lacking}")
    return started(1).cluster


def started(brokers: int) -> LocalKafka:
    """A cluster of its own, for tests that kill its brokers."""
    folder = Path(tempfile.mkdtemp(prefix="kizuna-kafka-"))
    local = LocalKafka.made(folder, brokers, free_ports(brokers))
    _STARTED.append(local)
    local.up()
    return local


def stop_all() -> None:
    """Ends every broker that was started here, and removes what it kept. Called when the tests end."""
    while _STARTED:
        local = _STARTED.pop()
        for number in local.cluster.numbers:
            local.kill(number)
        shutil.rmtree(local.folder, ignore_errors=True)


atexit.register(stop_all)  # for a benchmark


def free_ports(count: int) -> int:
    """The first of so many ports that nobody listens on, nor on those of the controllers."""
    while True:
        first = random.randrange(20_000, 30_000)
        ports = [first + one for one in range(count)]
        if not any(is_taken(port) for one in ports for port in (one, one + CONTROLLER)):
            return first
