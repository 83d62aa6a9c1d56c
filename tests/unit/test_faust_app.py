"""What the app takes from Faust, which promises none of it: an upgrade that changes one of these names has to
be looked at, not only installed."""

from __future__ import annotations

import inspect

import aiokafka
import faust
import pytest
from faust.tables import recovery
from faust.transport import consumer, drivers
from faust.transport.drivers import aiokafka as driver

from kizuna.processors import faust_app


def test_the_versions_are_ones_that_were_looked_at() -> None:
    assert faust.__version__ == "0.15.3", "read transport/consumer.py and its driver again, then raise this"
    assert aiokafka.__version__.startswith("0.14."), "read AIOKafkaConsumer again, then raise this"


@pytest.mark.parametrize(
    ("ours", "theirs", "method", "parameters"),
    [
        (faust_app.FoldingApp, faust.App, "_new_transport", ["self"]),
        (faust_app._Consumer, driver.Consumer, "_new_consumer_thread", ["self"]),
        (faust_app._Consumer, driver.Consumer, "_drain_messages", ["self", "fetcher"]),
        (faust_app._Thread, driver.AIOKafkaConsumerThread, "_create_consumer", ["self", "loop"]),
        (faust_app._Thread, driver.AIOKafkaConsumerThread, "seek_to_committed", ["self"]),
    ],
)
def test_every_method_that_is_overridden_is_there_and_is_overridden(
    ours: type, theirs: type, method: str, parameters: list[str]
) -> None:
    assert list(inspect.signature(getattr(theirs, method)).parameters) == parameters
    assert getattr(ours, method) is not getattr(theirs, method)


@pytest.mark.parametrize(
    ("owner", "name", "line"),
    [
        # Each line is one that ours relies on, or stands in for.
        (consumer.Fetcher, "_fetcher", "await consumer._drain_messages(self)"),
        (consumer.Consumer, "_wait_next_records", "return records, active_partitions"),
        (consumer.Consumer, "perform_seek", "await self.seek_to_committed()"),
        (consumer.ThreadDelegateConsumer, "seek_to_committed", "await self._thread.seek_to_committed()"),
        (consumer.ThreadDelegateConsumer, "_commit", "await self._thread.commit(offsets)"),
        (driver.AIOKafkaConsumerThread, "on_start", "self._create_consumer(loop=self.thread_loop)"),
        (driver.AIOKafkaConsumerThread, "seek_wait", "await self.call_thread"),
        (driver.AIOKafkaConsumerThread, "assignment", "self._ensure_consumer().assignment()"),
        (driver.AIOKafkaConsumerThread, "_fetch_records", "fetcher.fetched_records("),
        (faust.App, "_new_consumer", "self.transport.create_consumer("),
        (recovery.Recovery, "_resume_streams", "consumer.perform_seek()"),
    ],
)
def test_every_line_that_is_relied_on_is_there(owner: type, name: str, line: str) -> None:
    method = getattr(owner, name)
    assert line in inspect.getsource(getattr(method, "fun", method))


def test_the_transport_makes_our_consumer() -> None:
    assert drivers.aiokafka.Transport.Consumer is driver.Consumer
    assert "self.Consumer(" in inspect.getsource(driver.Transport.create_consumer)
    assert faust_app._Transport.Consumer is faust_app._Consumer
