"""A worker: a node that takes in no events, looked after by a process that does nothing else."""

from __future__ import annotations

import signal

from .directory import DataDirectory
from .exit_codes import STUCK
from .processes import Beat, Processes
from .settings import Settings
from .watchdog import STUCK_SECONDS

AGAIN = (STUCK, -signal.SIGKILL)
"""How one ends that another may do better than: its fold hung, or it was ended because it did not move."""


def run(directory: DataDirectory, settings: Settings) -> int:
    """Work until told to stop; the exit code. Raises ConfigurationError when the log is not in Kafka."""
    directory.require_kafka(settings.log, "A worker")

    def work(beat: Beat) -> None:
        # Loaded where it is needed: who looks after it does not need it.
        from . import node

        node.run(directory, settings, worker=True, beat=beat)

    return Processes(work, 1, again=AGAIN.__contains__, patience=STUCK_SECONDS).run()
