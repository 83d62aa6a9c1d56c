"""T against a model of it in plain words, over clocks that step back, uneven backlogs and restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.processors.projector import Projector
from kizuna.processors.reader import Stand
from kizuna.processors.rebuild import rebuild
from kizuna.projections.store import BEGINNING, Store, cut
from kizuna.schemas import times
from tests.examples import examples
from tests.folding import KEY, LOG, NOW, shipped_definitions
from tests.properties.test_interleavings import key_of, touchpoint

PARTITIONS = 3
LANES = [
    *(TopicPartition(topics.TOUCHPOINTS, number) for number in range(PARTITIONS)),
    TopicPartition(topics.DEFINITIONS, 0),
    TopicPartition(topics.FAILED_EVENTS, 0),
]
KEYS = [key_of(number, PARTITIONS) for number in range(PARTITIONS)]
VIEWS = [
    touchpoint("page.viewed", f"m{n}", ids={"user_id": "u1"}, properties={"path": "/"}).value
    for n in range(500)
]


class Wall:
    """The clock of the machine that folds; the log's own is `ahead` of it by so many seconds."""

    def __init__(self) -> None:
        self.now = NOW
        self.ahead = 0

    def read(self) -> datetime:
        return self.now

    def of_log(self) -> int:
        return times.to_micros(self.now + timedelta(seconds=self.ahead))

    def move(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


class Log(MemoryLog):
    """`meanwhile` happens once, just after the ends were fetched."""

    def __init__(self, wall: Wall) -> None:
        super().__init__({topics.TOUCHPOINTS: PARTITIONS}, clock=wall.of_log, identity=LOG)
        self.meanwhile: Callable[[], None] | None = None
        self._views = iter(VIEWS)

    def bounds(self) -> dict[TopicPartition, Bounds]:
        found = super().bounds()
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return found

    def add(self, lane: TopicPartition, many: int) -> None:
        key = KEYS[lane.partition] if lane.topic == topics.TOUCHPOINTS else b""
        for _ in range(many):
            value = next(self._views) if lane.topic == topics.TOUCHPOINTS else b"{}"
            self.append(lane.topic, [NewRecord(key, value)])

    def reached(self, lane: TopicPartition, offset: int) -> datetime:
        """When the last record below the offset was recorded."""
        if not offset:
            return BEGINNING
        return times.from_micros(self.read(lane.topic, lane.partition, offset - 1, 1)[0].recorded_at)


class Node:
    """A store and its projector, and beside them the T that they should have."""

    def __init__(self, folder: Path) -> None:
        self.wall = Wall()
        self.log = Log(self.wall)
        self.log.append(topics.DEFINITIONS, shipped_definitions()[:1])
        self.t = BEGINNING
        self._folder = folder
        self.store = self.start(2)

    def start(self, limit: int) -> Store:
        path = self._folder / "store.duckdb"
        self.store = Store(path, log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
        self.projector = Projector(self.log, self.store, KEY, self.wall.read, limit)
        self.projector.adopt()
        return self.store

    def offsets(self) -> dict[TopicPartition, int]:
        stored = {
            TopicPartition(at.topic, at.partition): at.offset for at in cut(self.store.writer).positions
        }
        return {lane: stored.get(lane, 0) for lane in LANES}

    def behind(self) -> list[TopicPartition]:
        """In the order in which a batch reads."""
        stands, ends = self.offsets(), self.log.bounds()
        lanes = sorted(LANES, key=lambda lane: (topics.ALL.index(lane.topic), lane.partition))
        return [lane for lane in lanes if stands[lane] < ends[lane].end]

    def expect(self, ends: dict[TopicPartition, Bounds], now: datetime) -> None:
        """The rule: the larger of the wall clock read before the ends were fetched and the highest
        `recorded_at` read, once every partition of touchpoints and definitions has been read to those ends;
        while behind, the smallest `recorded_at` reached over the partitions that are behind. It never goes
        back."""
        stands = self.offsets()
        reached = {lane: self.log.reached(lane, stands[lane]) for lane in LANES}
        late = [
            reached[lane]
            for lane in LANES
            if lane.topic != topics.FAILED_EVENTS and stands[lane] < ends[lane].end
        ]
        self.t = max(self.t, min(late) if late else max(now, *reached.values()))
        assert cut(self.store.writer).t == self.t, (stands, ends, late)

    def batch(self, meanwhile: bool) -> None:
        """Fold one batch; where asked, more is recorded, later, before it has been read."""
        behind = self.behind()
        if not behind:
            return
        first = behind[0]
        target = {first: Stand(self.offsets()[first] + 1)}
        ends, now = self.log.bounds(), self.wall.now
        if meanwhile:
            self.log.meanwhile = self._record_everywhere
        self.projector.fold_until(target)
        self.expect(ends, now)

    def _record_everywhere(self) -> None:
        self.wall.move(7)
        for lane in LANES:
            self.log.add(lane, 1)

    def all(self) -> None:
        self.projector.fold_all()
        self.expect(self.log.bounds(), self.wall.now)

    def rebuild(self) -> None:
        """The store that is swapped in has the T of the live one, wherever that one stands."""
        behind = bool(self.behind())
        ends, now = self.log.bounds(), self.wall.now  # the fold may append what is in force from then on
        rebuild(self.log, self.store, self.projector, KEY, verify=False)
        if behind:
            self.expect(ends, now)
        assert cut(self.store.writer).t == self.t


SECONDS = st.integers(-20, 40)
ACTIONS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(LANES), st.integers(1, 4)),
    st.tuples(st.just("add"), st.sampled_from(LANES), st.integers(1, 4)),
    st.tuples(st.just("move"), SECONDS),
    st.tuples(st.just("move"), SECONDS),
    st.tuples(st.just("skew"), st.integers(-5, 30)),
    st.tuples(st.just("batch"), st.booleans()),
    st.tuples(st.just("batch"), st.booleans()),
    st.tuples(st.just("all")),
    st.tuples(st.just("restart"), st.integers(1, 5)),
    st.tuples(st.just("rebuild")),
)


# The highest time read before a restart, by a log whose clock was ahead then, still counts after it.
HIGH_BEFORE_A_RESTART = [
    ("skew", 30),
    ("add", LANES[0], 1),
    ("skew", 0),
    ("add", LANES[1], 3),
    ("batch", False),
    ("restart", 2),
    ("batch", False),
    ("batch", False),
]
# The ends are fetched, then more is recorded: now is the moment before.
MORE_IS_RECORDED = [("add", LANES[0], 1), ("batch", True), ("all",)]
# A rebuild of a store that stands in a backlog, and one when the clock was set back.
REBUILT = [("add", LANES[1], 3), ("batch", False), ("rebuild",), ("move", -20), ("rebuild",), ("all",)]
# Of two partitions that are behind one has been read, the other not begun.
ONE_IS_AHEAD = [("add", LANES[0], 3), ("add", LANES[1], 3), ("batch", False), ("batch", False), ("all",)]


# Nothing was folded yet: what puts the first definitions in force is appended after the ends were fetched.
REBUILT_FIRST = [("move", 1), ("rebuild",), ("all",)]


@example(REBUILT_FIRST)
@example(HIGH_BEFORE_A_RESTART)
@example(MORE_IS_RECORDED)
@example(REBUILT)
@example(ONE_IS_AHEAD)
@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(st.lists(ACTIONS, min_size=6, max_size=16))
def test_t_is_what_the_rule_says(actions: list[tuple[object, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr("kizuna.processors.projector.TICK_SECONDS", 0.0)
        node = Node(Path(folder))
        try:
            for action in actions:
                match action:
                    case ("add", TopicPartition() as lane, int(many)):
                        node.log.add(lane, many)
                    case ("move", int(seconds)):
                        node.wall.move(seconds)
                    case ("skew", int(seconds)):
                        node.wall.ahead = seconds
                    case ("batch", bool(meanwhile)):
                        node.batch(meanwhile)
                    case ("all",):
                        node.all()
                    case ("restart", int(limit)):
                        node.store.close()
                        node.start(limit)
                    case ("rebuild",):
                        node.rebuild()
                    case _:
                        raise AssertionError(action)
        finally:
            node.store.close()
