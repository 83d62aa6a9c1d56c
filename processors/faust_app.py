"""The Faust app of a node: its group brings the projector whole fetched batches, from where the store stands.

Faust hands records over one by one, and acknowledges what failed. So the topics that are folded go past its
streams: batch by batch as they were fetched, from the offsets in the store. What Kafka is told of them is a
report. The private names of Faust that this stands on are held by `tests/unit/test_faust_app.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import aiokafka
import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

from kizuna.eventlog import topics
from kizuna.eventlog.kafka_place import KafkaPlace
from kizuna.eventlog.port import Records, TopicPartition

from .fetched import Fetched

FETCH_SECONDS = 1.0
FULL_SECONDS = 0.01
FETCH_WAIT_MS = 50
"""A partition that was just read from is asked for again when the fetch on its way has ended."""

METADATA_MS = 10_000
AWAY_MS = 1_000
"""Between two tries to reach a broker that is away."""

REPORT_SECONDS = 5.0
SESSION_SECONDS = 10.0
FETCHED_AT_ONCE = 20_000
"""Records a fetch hands over at most: 500, its own default, takes twice as long."""

Stands = Callable[[], Mapping[TopicPartition, int]]


def app_of(place: KafkaPlace, group: str, folder: Path, fetched: Fetched, stands: Stands) -> faust.App:
    """The app, to be started in the event loop of the caller. `stands` tells how far the store has folded;
    `folder` is for what Faust may want to keep, which is nothing."""
    app = FoldingApp(
        group,
        broker=[URL(f"kafka://{server}") for server in place.servers.split(",")],
        place=place,
        fetched=fetched,
        datadir=str(folder),
        broker_credentials=_credentials(place),
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 4,
        broker_max_poll_records=FETCHED_AT_ONCE,
    )

    @app.agent(app.topic(*(place.topic(name) for name in topics.ALL), internal=False))
    async def folded(stream: faust.StreamT[bytes]) -> None:
        """What makes Faust subscribe: nothing comes here, it goes past the streams."""
        async for _ in stream:
            raise AssertionError("a record of the fold came through a stream")

    @app.timer(REPORT_SECONDS)  # type: ignore[untyped-decorator]
    async def report() -> None:
        """So that Kafka's own tools show how far this group is."""
        consumer = cast(_Consumer, app.consumer)
        mine = consumer.assignment()
        told = {TP(place.topic(lane.topic), lane.partition): offset for lane, offset in stands().items()}
        await consumer._commit({tp: offset for tp, offset in told.items() if tp in mine})

    return app


def _credentials(place: KafkaPlace) -> faust.types.auth.CredentialsT | None:
    """For the producer that Faust has, and that sends nothing here."""
    its, tls = place.admission, place.tls()
    if its.username:
        return faust.SASLCredentials(
            username=its.username, password=its.password, mechanism=its.mechanism, ssl_context=tls
        )
    return faust.SSLCredentials(tls) if tls else None


class FoldingApp(faust.App):
    def __init__(self, name: str, *, place: KafkaPlace, fetched: Fetched, **settings: Any) -> None:
        self.fetched = fetched
        self.place = place
        self._names = {place.topic(name): name for name in topics.ALL}
        super().__init__(name, **settings)

    def lane(self, tp: Any) -> TopicPartition:
        """By the log's own name of the topic."""
        return TopicPartition(self._names[tp.topic], tp.partition)

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)


class _Thread(driver.AIOKafkaConsumerThread):
    """The consumer's own thread."""

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> aiokafka.AIOKafkaConsumer:
        """As Faust makes it, but for what its settings do not reach: transactions of others that were given
        up do not count, and a record is handed over as soon as it is there."""
        conf = self.app.conf
        self._assignor = aiokafka.coordinator.assignors.roundrobin.RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            **cast(FoldingApp, self.app).place.consumer(),
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_partition_fetch_bytes=8 << 20,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            metadata_max_age_ms=METADATA_MS,
            retry_backoff_ms=AWAY_MS,
            session_timeout_ms=int(conf.broker_session_timeout * 1_000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1_000),
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """To where the store stands, and not to what Kafka was told."""
        app = cast(FoldingApp, self.app)
        ends = {tp: app.fetched.end(app.lane(tp)) for tp in self.assignment()}
        await self.seek_wait(ends)
        return ends


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Everything fetched, as it was fetched."""
        app = cast(FoldingApp, self.app)
        while not (self.should_stop or fetcher.should_stop):
            if app.fetched.full:
                await asyncio.sleep(FULL_SECONDS)
                continue
            fetched, _ = await self._wait_next_records(FETCH_SECONDS)
            if not self.flow_active:
                await self.perform_seek()
                continue
            for tp, some in (fetched or {}).items():
                app.fetched.bring(app.lane(tp), _records(some))


class _Transport(driver.Transport):
    Consumer = _Consumer


def _records(fetched: list[Any]) -> Records:
    return Records(
        [one.offset for one in fetched],
        [one.timestamp * 1_000 for one in fetched],
        [one.key or b"" for one in fetched],
        [one.value or b"" for one in fetched],
    )
