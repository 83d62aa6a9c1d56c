"""What the front page shows, asked of the store now and then however many look. It names nobody: identifiers
are masked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kizuna.processors.services import Services
from kizuna.projections import failed_events, newest, statistics
from kizuna.projections.statistics import Counts
from kizuna.projections.store import BEGINNING, Cut

from .snapshots import Snapshot, Snapshots
from .status import lag

FRESH_SECONDS = 1.0
SHARE = 20
"""Looking takes at most this part of the time: a glance at a large store lasts longer, and stays longer."""

ROWS = 12
MINUTES = 60
CAP = 3


@dataclass(frozen=True, slots=True)
class Customer:
    """`shown` are masked identifiers with their kinds."""

    id: str
    shown: list[tuple[str, str]]
    since: datetime


@dataclass(frozen=True, slots=True)
class Live:
    """`t` is None before anything was folded. `minutes` are events recorded in each of the last MINUTES,
    oldest first. Times are in the workspace's zone."""

    counts: Counts
    lag: int
    t: datetime | None
    zone: str
    failure: str
    caught_up: bool
    minutes: list[int]
    by_type: list[dict[str, object]]
    events: list[dict[str, object]]
    customers: list[Customer]
    failed: list[dict[str, object]]
    cut: Cut

    @property
    def state(self) -> str:
        if self.failure:
            return "stopped"
        return "live" if self.caught_up else "catching up"


class Lookout:
    """Looks at the store when what it saw last is old."""

    def __init__(self, services: Services, snapshots: Snapshots) -> None:
        self._services = services
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._seen: Live | None = None
        self._fresh_until = 0.0

    def fresh(self) -> Live | None:
        """What was seen last, while it is not old."""
        return self._seen if time.monotonic() < self._fresh_until else None

    def look(self) -> Live:
        """What was seen last, or sees anew, which asks the store."""
        with self._lock:
            started = time.monotonic()
            if self._seen is None or started >= self._fresh_until:
                bounds = self._services.log.bounds()
                with self._snapshots.open() as snapshot:
                    self._seen = self._live(snapshot, lag(snapshot.cut, bounds))
                done = time.monotonic()
                self._fresh_until = done + max(FRESH_SECONDS, SHARE * (done - started))
            return self._seen

    def _live(self, snapshot: Snapshot, behind: int) -> Live:
        zone = ZoneInfo(snapshot.plan.workspace.time_zone)
        cursor, t = snapshot.cursor, snapshot.cut.t
        projector = self._services.projector
        return Live(
            counts=statistics.counts(cursor),
            lag=behind,
            t=None if t == BEGINNING else t.astimezone(zone),
            zone=zone.key,
            failure="" if projector.failure is None else type(projector.failure).__name__,
            caught_up=projector.caught_up.is_set(),
            minutes=_minutes(snapshot, t),
            by_type=statistics.by_type(cursor)[:ROWS],
            events=[
                {**one, "occurred_at": _local(one["occurred_at"], zone)}
                for one in newest.newest_events(cursor, ROWS)
            ],
            customers=[
                Customer(
                    subjects[0].subject_id.hex,
                    [(one.kind, mask(one.value)) for one in subjects[:3]],
                    since.replace(tzinfo=UTC).astimezone(zone),
                )
                for subjects, since in newest.newest_profiles(cursor, ROWS)
            ],
            failed=failed_events.group_failed(cursor, (), ROWS),
            cut=snapshot.cut,
        )


def _local(moment: object, zone: ZoneInfo) -> datetime:
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=UTC).astimezone(zone)


def _minutes(snapshot: Snapshot, t: datetime) -> list[int]:
    last = t.astimezone(UTC).replace(second=0, microsecond=0, tzinfo=None)
    first = last - timedelta(minutes=MINUTES - 1)
    counted = dict(statistics.by_minute(snapshot.cursor, first))
    return [counted.get(first + timedelta(minutes=n), 0) for n in range(MINUTES)]


def mask(value: str) -> str:
    """The first and last character of a long value, nothing of a short one."""
    return f"{value[0]}•••{value[-1]}" if len(value) >= 6 else "•••"


class Bar(NamedTuple):
    """A bar of a chart; `capped` says that it ends at the chart's top and its number does not."""

    place: int
    top: int
    height: int
    number: int
    capped: bool


def bars(numbers: Sequence[int], height: int) -> list[Bar]:
    """The bars of a chart, so that the highest fills it. One that is more than CAP times a usual one is cut
    off there: after a burst, such as an import, the others could not be told apart."""
    usual = median_low([number for number in numbers if number] or [0])
    full = min(max(numbers, default=0), CAP * usual)
    drawn = []
    for place, number in enumerate(numbers):
        tall = min(round(number * height / full) or 1, height) if number else 0
        drawn.append(Bar(place, height - tall, tall, number, number > full))
    return drawn
