"""The watchdog: who hangs is ended, who has nothing to do or waits for the log is not."""

from __future__ import annotations

import threading
import time
from typing import cast

import pytest

from kizuna.processors.projector import Projector
from kizuna.runtime.exit_codes import STUCK
from kizuna.runtime.watchdog import Watchdog
from kizuna.schemas.errors import LogUnavailable
from tests.folding import folded, memory_log


class Standing:
    """What the watchdog asks of a projector."""

    def __init__(self, seconds: float, lag: int | None, *, works: bool = False) -> None:
        self._seconds = seconds
        self._lag = lag
        self._works = works

    def standing_for(self) -> float:
        return self._seconds

    def worked(self) -> float:
        return time.monotonic() if self._works else 0.0

    def lag(self) -> int:
        if self._lag is None:
            raise LogUnavailable("away")
        return self._lag


def watched(seconds: float, lag: int | None, *, works: bool = False) -> tuple[list[int], int]:
    """The exit codes it ended with, and how often it told that all is well, in a while."""
    ended, beats = list[int](), threading.Semaphore(0)
    projector = cast(Projector, Standing(seconds, lag, works=works))
    dog = Watchdog(projector, beats.release, patience=0.05, end=ended.append)
    dog.start()
    time.sleep(0.2)
    dog.stop()
    return ended, sum(beats.acquire(blocking=False) for _ in range(100))


def test_a_fold_that_hangs_over_records_is_ended() -> None:
    ended, beats = watched(1.0, 7)
    assert ended == [STUCK]
    assert beats < 10


@pytest.mark.parametrize(("seconds", "lag"), [(0.0, 7), (1.0, 0), (1.0, None)])
def test_one_that_moves_or_has_nothing_or_no_log_is_not(seconds: float, lag: int | None) -> None:
    ended, beats = watched(seconds, lag)
    assert ended == []
    assert beats > 3


def test_one_that_works_on_a_long_step_is_not() -> None:
    ended, beats = watched(1.0, 7, works=True)
    assert ended == []
    assert beats > 3


def test_a_projector_tells_what_its_thread_worked() -> None:
    with folded(memory_log()) as (_, projector):
        projector.start()
        before = projector.worked()
        projector.call(lambda: sum(range(5_000_000)))
        between = projector.worked()
        time.sleep(0.5)
        assert between - before > 5 * (projector.worked() - between)
        projector.stop()


def test_a_projector_stands_while_it_is_in_a_step_and_not_while_it_does_as_asked() -> None:
    with folded(memory_log()) as (_, projector):
        projector.start()
        time.sleep(0.5)
        assert projector.standing_for() < 0.4, "it comes round though there is nothing to fold"
        during: list[float] = []

        def asked() -> None:
            time.sleep(0.3)
            during.append(projector.standing_for())

        projector.call(asked)
        assert during == [0.0]
        projector.stop()
