"""Processes of one kind, looked after by the one that forked them."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from kizuna.schemas.errors import KizunaError

from .exit_codes import FAILED, code_of
from .terminal import print_error

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Before one that ended is started again."""

_LOOK_SECONDS = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Beat = Callable[[], None]


@dataclass(slots=True)
class _Child:
    pipe: int
    beat_at: float


class Processes:
    """Keeps `count` processes at `work` until told to stop; each is given what it tells with that it lives.
    One that does not for `patience` seconds is killed. One that ends is started again, where `again` says so
    of its exit code (-9 for SIGKILL); else the others are stopped too.

    Nothing that works with threads may be open yet: what is forked has none of them.
    """

    def __init__(
        self,
        work: Callable[[Beat], None],
        count: int,
        *,
        again: Callable[[int], bool],
        patience: float | None = None,
    ) -> None:
        self._work = work
        self._count = count
        self._again = again
        self._patience = patience
        self._children: dict[int, _Child] = {}
        self._stopping = False

    def run(self) -> int:
        """The exit code of the one with which it ended; 0 when told to stop and all did."""
        for one in _SIGNALS:
            signal.signal(one, lambda number, frame: self._stop())
        code = 0
        for _ in range(self._count):
            self._start()
        while self._children:
            self._listen()
            for pid, ended in self._ended():
                self._forget(pid)
                if not self._stopping and self._again(ended):
                    logger.error("process %d ended with %d: starting another", pid, ended)
                    time.sleep(AGAIN_SECONDS)
                    self._start()
                elif ended not in (0, *(-one for one in _SIGNALS)):
                    code = code or (ended if ended > 0 else 128 - ended)
                    self._stop()
        return code

    def _start(self) -> None:
        reading, writing = os.pipe()
        # A signal that comes between the fork and the note of it would find nobody to stop.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = 0 if self._stopping else os.fork()
        if pid == 0 and not self._stopping:
            os.close(reading)
            self._be_one(writing)
        os.close(writing)
        if pid:
            self._children[pid] = _Child(reading, time.monotonic())
        else:
            os.close(reading)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _be_one(self, pipe: int) -> None:
        code = FAILED
        try:
            for child in self._children.values():
                os.close(child.pipe)
            for one in _SIGNALS:
                signal.signal(one, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._work(lambda: _beat(pipe))
            code = 0
        except KizunaError as error:
            print_error(error)
            code = code_of(error)
        except BaseException:
            logger.exception("a process of %d failed", self._count)
        finally:
            os._exit(code)

    def _listen(self) -> None:
        """Hear who lives, and kill who does not."""
        heard, _, _ = select.select([child.pipe for child in self._children.values()], [], [], _LOOK_SECONDS)
        now = time.monotonic()
        for pid, child in self._children.items():
            if child.pipe in heard and os.read(child.pipe, 1_024):
                child.beat_at = now
            elif self._patience and not self._stopping and now - child.beat_at > self._patience:
                logger.critical("process %d has not moved for %.0f s: ending it", pid, self._patience)
                child.beat_at = now
                os.kill(pid, signal.SIGKILL)

    def _ended(self) -> list[tuple[int, int]]:
        found = []
        for pid in self._children:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                found.append((pid, os.waitstatus_to_exitcode(status)))
        return found

    def _forget(self, pid: int) -> None:
        os.close(self._children.pop(pid).pipe)

    def _stop(self) -> None:
        self._stopping = True
        for pid in list(self._children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _beat(pipe: int) -> None:
    try:
        os.write(pipe, b".")
    except BrokenPipeError:  # nobody looks after this one any more
        os.kill(os.getpid(), signal.SIGTERM)
