"""Appends to Kafka: every record is on all in-sync replicas before its future is done."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from kizuna.schemas.errors import LogUnavailable

from . import metrics
from .faults import closed, overloaded
from .kafka_place import KafkaPlace
from .kafka_topics import MESSAGE_BYTES
from .port import NewRecord, TopicPartition

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
GIVE_UP_SECONDS = 5.0


class KafkaWriter:
    """One idempotent producer for all threads. What is not acknowledged in `delivery_seconds` has failed; at
    most `waiting` records wait for it."""

    def __init__(self, place: KafkaPlace, *, delivery_seconds: float, waiting: int = 200_000) -> None:
        self._place = place
        self._settings = {
            **place.client(),
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 2,
            "delivery.timeout.ms": int(delivery_seconds * 1_000),
            "message.max.bytes": MESSAGE_BYTES,
            "queue.buffering.max.messages": waiting,
            "queue.buffering.max.kbytes": 1 << 18,
        }
        self._producer, self._fatal = self._made()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="kafka-writer", daemon=True)
        self._thread.start()

    def append(
        self, lanes: Sequence[TopicPartition], records: Sequence[NewRecord]
    ) -> Future[list[TopicPartition]]:
        """The records, each to the lane at its place."""
        append = _Append(list(lanes))
        if not lanes:
            append.future.set_result([])
            return append.future
        with self._lock:  # nothing is given to a producer after its last flush
            if self._closing.is_set():
                append.missed(len(lanes), closed())
                return append.future
            for number, (lane, (key, value)) in enumerate(zip(lanes, records, strict=True)):
                try:
                    self._producer.produce(
                        self._place.topic(lane.topic),
                        value=value,
                        key=key,
                        partition=lane.partition,
                        on_delivery=append.delivered,
                    )
                except BufferError:
                    append.missed(len(lanes) - number, overloaded())
                    break
                except KafkaException as error:
                    append.missed(len(lanes) - number, _refused(error.args[0]))
                    break
        return append.future

    def look(self, seconds: float) -> None:
        """The topics have changed. Raises KafkaException."""
        self._producer.list_topics(timeout=seconds)

    def close(self) -> None:
        """Returns when all that was given is acknowledged, or has failed."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        self._thread.join()
        self._producer.flush()

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)
            if self._fatal.is_set():
                self._renew()

    def _made(self) -> tuple[Producer, threading.Event]:
        """A producer, and what is set when it cannot go on. What is not fatal passes by itself."""
        fatal = threading.Event()

        def failed(error: KafkaError) -> None:
            if error.fatal():
                fatal.set()

        return Producer({**self._settings, "error_cb": failed}), fatal

    def _renew(self) -> None:
        """A producer that cannot go on gives up what it holds, and another one takes its place."""
        logger.error("the producer failed, starting another")
        with self._lock:
            old = self._producer
            self._producer, self._fatal = self._made()
        old.purge()
        old.flush(GIVE_UP_SECONDS)


class _Append:
    """Records that go together, and how many of them are still on their way."""

    def __init__(self, lanes: list[TopicPartition]) -> None:
        self.future: Future[list[TopicPartition]] = Future()
        self.future.set_running_or_notify_cancel()
        self._lanes = lanes
        self._left = len(lanes)
        self._error: LogUnavailable | None = None
        self._lock = threading.Lock()
        self._began = time.perf_counter()

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        self.missed(1, _refused(error) if error is not None else None)

    def missed(self, count: int, error: LogUnavailable | None) -> None:
        """So many are done with; `error` says why they are not in the log."""
        with self._lock:
            self._error = self._error or error
            self._left -= count
            if self._left:
                return
        if self._error is None:
            metrics.RECORDS.inc(len(self._lanes))
            metrics.APPEND.observe(time.perf_counter() - self._began)
            self.future.set_result(self._lanes)
        else:
            metrics.FAILED.inc()
            self.future.set_exception(self._error)


def _refused(error: KafkaError) -> LogUnavailable:
    return LogUnavailable(f"Kafka did not take the records: {error.str()}.", hint="Send again in a while.")
