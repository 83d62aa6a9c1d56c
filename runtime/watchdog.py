"""Ends a process whose fold hangs: another one starts from where the store stands."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from kizuna.processors.projector import Projector

from .exit_codes import STUCK

logger = logging.getLogger(__name__)

STUCK_SECONDS = 60.0
LOOK_SECONDS = 2.0
WORK_SECONDS = 0.01
"""What a thread uses that only waits is less."""


class Watchdog:
    """Looks at the projector, and tells by `beat` that all is well. A fold whose step neither ends nor uses a
    processor for so many seconds though records wait ends the process. One that takes out a large import
    works for minutes on a step; a log that does not answer is no reason."""

    def __init__(
        self,
        projector: Projector,
        beat: Callable[[], None],
        *,
        patience: float = STUCK_SECONDS,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._projector = projector
        self._beat = beat
        self._patience = patience
        self._end = end
        self._worked = 0.0
        self._worked_at = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(min(LOOK_SECONDS, self._patience / 5)):
            if self._is_stuck():
                logger.critical(
                    "the fold has not moved for %.0f s, though records wait: ending", self._patience
                )
                self._end(STUCK)
                return
            self._beat()

    def _is_stuck(self) -> bool:
        worked, now = self._projector.worked(), time.monotonic()
        if worked - self._worked > WORK_SECONDS:
            self._worked, self._worked_at = worked, now
        if now - self._worked_at < self._patience or self._projector.standing_for() < self._patience:
            return False
        try:
            return self._projector.lag() > 0
        except Exception:  # the log is away, or closed: whatever it is, the fold does not hang
            return False
