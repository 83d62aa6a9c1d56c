"""Every death of a short life: it is lived once to enumerate the calls by which it writes, then ended
before and after each of them, and lived on. Where nothing changed from one such moment to another, neither on
the disk nor in what was acknowledged, one death stands for both.

    python -m tests.recovery.deaths FOLDER                 prints what was found as JSON
    python -m tests.recovery.deaths FOLDER --once          one life to its end, telling what is acknowledged
    python -m tests.recovery.deaths FOLDER --archive       of the life of a log that is archived

FOLDER takes a data directory a life. All lives are forks of this process: none has to load anything.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kizuna.processors import projector
from kizuna.projections import id_run, known_ids
from tests.recovery import archive_life
from tests.recovery.archive_life import ArchiveLife
from tests.recovery.failpoints import Watch, When
from tests.recovery.short_life import Life, prepare

Lives = type[Life] | type[ArchiveLife]
JOBS = 2
WHEN: tuple[When, When] = ("before", "after")


@dataclass
class Trial:
    """A life that ended at a point, and what was found of the one that went on."""

    point: int
    when: When
    exit_code: int
    acknowledged: list[str]
    wrongs: list[str] = field(default_factory=list)


@dataclass
class Campaign:
    """The points of one life, the state before and after each, and the trials: one a state."""

    trace: list[Any]
    states: list[str]
    same: bool
    strays: list[str]
    trials: list[Trial]
    seconds: float


def _forked(work: Callable[[], None]) -> int:
    """Do it in a process of its own; its exit code. Only what this process has loaded is shared."""
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _watched(life: Lives, folder: Path, result: Path) -> tuple[list[Any], list[str], list[str]]:
    """The trace of a whole life, its states and its strays."""

    def work() -> None:
        watch = Watch(folder)
        watch.install()
        life(folder, set(), watch.note).live()
        result.write_text(json.dumps([watch.trace, watch.states, watch.strays]))

    assert _forked(work) == 0
    trace, states, strays = json.loads(result.read_text())
    return trace, states, strays


def _try(life: Lives, home: Path, point: int, when: When) -> Trial:
    folder, said, found = home / "data", home / "acknowledged", home / "found"

    def die() -> None:
        watch = Watch(folder, die_at=(point, when))
        watch.install()
        told = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        life(folder, set(), lambda name: _tell(told, name)).live()

    def go_on() -> None:
        second = life(folder, set(acknowledged), lambda name: None)
        second.live()
        found.write_text(json.dumps(list(second.wrongs())))

    exit_code = _forked(die)
    acknowledged = said.read_text().splitlines() if said.exists() else []
    trial = Trial(point, when, exit_code, acknowledged)
    if _forked(go_on):
        trial.wrongs = ["it did not go on"]
    else:
        trial.wrongs = json.loads(found.read_text())
    return trial


def _tell(told: int, name: str) -> None:
    os.write(told, f"{name}\n".encode())


def campaign(life: Lives, folder: Path) -> Campaign:
    began = time.monotonic()
    (trace, states, strays), (again, _, _) = (
        _watched(life, folder / f"life{n}", folder / f"seen{n}") for n in (1, 2)
    )
    moments = [(number // 2, WHEN[number % 2]) for number in map(states.index, dict.fromkeys(states))]
    running: dict[int, Path] = {}
    trials: list[Trial] = []

    def gather() -> None:
        pid, status = os.wait()
        home = running.pop(pid)
        assert status == 0, home
        trials.append(Trial(**json.loads((home / "trial").read_text())))
        shutil.rmtree(home)

    for point, when in moments:
        home = folder / f"{point}-{when}"
        home.mkdir()
        for given in folder.glob("sales.*"):
            os.link(given, home / given.name)
        if len(running) == JOBS:
            gather()
        if pid := os.fork():
            running[pid] = home
            continue
        try:
            (home / "trial").write_text(json.dumps(asdict(_try(life, home, point, when))))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    while running:
        gather()
    return Campaign(trace, states, _shape(trace) == _shape(again), strays, trials, time.monotonic() - began)


def _shape(trace: list[Any]) -> list[Any]:
    """Without what is another in each life: ids."""
    return [one.split()[0] if isinstance(one, str) else (one[0], one[2]) for one in trace]


def main(folder: Path, *, once: bool, archive: bool) -> None:
    if archive:
        archive_life.prepare()
        print(json.dumps(asdict(campaign(ArchiveLife, folder))))
        return
    known_ids.FILED = id_run.FAN = 2  # ids go to files, and files into larger ones, though there are few
    projector.TICK_SECONDS = 0.0  # T is written whenever nothing is left to fold, however fast the machine is
    prepare(folder)
    if once:
        Life(folder / "data", set(), lambda name: _tell(1, f"acknowledged {name}")).live()
        return
    assert threading.active_count() == 1, "a fork takes only the thread that calls it"
    print(json.dumps(asdict(campaign(Life, folder))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), once="--once" in sys.argv, archive="--archive" in sys.argv)
