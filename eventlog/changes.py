"""Who waits for the log to grow, and what wakes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.05
"""How soon the work of another process is noticed."""


class Changes:
    """Threads wait here until the log's state differs from what they saw when they waited last.

    `state` is a cheap number that changes whenever anyone, in this process or another, appends.
    """

    def __init__(self, state: Callable[[], int]) -> None:
        self._state = state
        self._condition = threading.Condition()
        self._closed = False
        self._seen = threading.local()

    def announce(self) -> None:
        """This process has appended: look now."""
        with self._condition:
            self._condition.notify_all()

    def wait(self, timeout: float) -> None:
        """Return at a change since this thread's last call, after `timeout` seconds, or when closed. The
        first call of a thread returns at once: it has seen nothing yet."""
        deadline = time.monotonic() + timeout
        with self._condition:
            while not self._closed:
                state = self._state()
                if state != getattr(self._seen, "state", None):
                    self._seen.state = state
                    return
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._condition.wait(min(POLL_SECONDS, left))

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
