"""Ends a process whose fold hangs: another one starts from where the store stands."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from kizuna.processors.projector import Projector
from kizuna.schemas.errors import KizunaError

from .exit_codes import STUCK

logger = logging.getLogger(__name__)

STUCK_SECONDS = 60.0
LOOK_SECONDS = 2.0


class Watchdog:
    """Looks at the projector, and tells by `beat` that all is well. A fold whose step does not end for so
    many seconds though records wait ends the process; a log that does not answer is no reason."""

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
        if self._projector.standing_for() < self._patience:
            return False
        try:
            return self._projector.lag() > 0
        except KizunaError:
            return False
