"""The consumer group of a store, in a thread of its own: it brings the projector what Kafka has."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from kizuna.eventlog.kafka_place import KafkaPlace
from kizuna.eventlog.port import TopicPartition

from .faust_app import app_of
from .fetched import Fetched
from .projector import Projector

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
STOP_SECONDS = 20.0


class Group:
    """Its id follows from the store's, so that two stores never share the partitions. Whoever starts it holds
    the store: a store has one member. When Faust gives up it is started again; meanwhile the projector reads
    the log itself."""

    def __init__(
        self, place: KafkaPlace, store_id: UUID, folder: Path, fetched: Fetched, projector: Projector
    ) -> None:
        self._folder = folder
        self.name = f"{place.topic('kizuna')}-{store_id}"
        self._place = place
        self._fetched = fetched
        self._projector = projector
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._stop = asyncio.Event()

    def start(self) -> None:
        """The projector was started before: records are brought from where it stands."""
        self._thread = threading.Thread(target=self._run, name="faust", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the group."""
        self._stopping.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._rounds())
        except BaseException as error:
            logger.error("the consumer group ended, and is not joined again: %s", type(error).__name__)

    async def _rounds(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                await self._round()
            except (Exception, asyncio.CancelledError) as error:
                logger.warning("the consumer group failed, joining it again: %s", type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), AGAIN_SECONDS)

    async def _round(self) -> None:
        self._fetched.expect(self._folded())
        app = app_of(self._place, self.name, self._folder, self._fetched, self._folded)
        try:
            await app.start()
            ended = asyncio.ensure_future(app.wait_until_stopped())
            asked = asyncio.ensure_future(self._stop.wait())
            await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
        finally:
            self._fetched.expect({})
            await app.stop()
        if not self._stopping.is_set():
            raise RuntimeError("Faust ended by itself")

    def _folded(self) -> dict[TopicPartition, int]:
        return {lane: stand.offset for lane, stand in self._projector.stands.items()}
