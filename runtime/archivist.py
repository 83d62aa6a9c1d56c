"""The archivist: a thread of the node that archives closed months of the log, once a day."""

from __future__ import annotations

import logging
import threading

from kizuna.eventlog.archiving import archive, plan
from kizuna.eventlog.months import Month
from kizuna.schemas.errors import KizunaError

from .directory import DataDirectory
from .settings import Settings
from .wiring import micros, opened_log

logger = logging.getLogger(__name__)

FIRST_SECONDS = 60.0
"""After the start: a node that comes up has other things to do first."""

DAY_SECONDS = 86_400.0


class Archivist:
    """Does nothing where the setting `archive_after_months` is 0. Trouble is logged, and tried again the next
    day: the node goes on."""

    def __init__(self, directory: DataDirectory, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._settings.archive_after_months and not self._directory.kafka.exists():
            self._thread = threading.Thread(target=self._run, name="archivist", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End at the next step, and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        wait = FIRST_SECONDS
        while not self._stopping.wait(wait):
            wait = DAY_SECONDS
            try:
                self._archive()
            except (KizunaError, OSError) as error:
                logger.warning("cannot archive now, trying again tomorrow: %s", error)
            except Exception:
                logger.exception("cannot archive")

    def _archive(self) -> None:
        before = Month.of(micros()).plus(-self._settings.archive_after_months)
        with opened_log(self._directory, self._settings) as log:
            spans = plan(log, self._directory.log, before)
            done = archive(log, self._directory.log, spans, stopped=self._stopping.is_set)
        if done.files:
            records = sum(file.end - file.first for file in done.files)
            logger.info("archived", extra={"files": len(done.files), "records": records})
