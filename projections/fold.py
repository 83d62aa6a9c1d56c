"""The fold: one batch, one transaction. `Fold.apply` reads as the list of its stages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from kizuna.schemas.errors import LogGap
from kizuna.schemas.position import Position

from . import accumulate, copies, decode, definitions, failures, fields, stories, subjects
from .batch import Batch, Rows
from .copies import Chosen
from .definitions import Held
from .failures import TOUCHPOINTS
from .known_entities import KnownEntities
from .known_ids import KnownIds
from .preparation import Preparation, discard
from .script import Script, transaction
from .store import AHEAD, Store
from .stories import Referred
from .traits import Plan

KEYS = """
CREATE OR REPLACE TEMP TABLE keys AS
SELECT n."row", p.subject AS subject, c.subject AS company, t.entity AS entity
FROM incoming n
LEFT JOIN seen p ON p.subject_id = n.person_id
LEFT JOIN seen c ON c.subject_id = n.company_id
LEFT JOIN touched t ON t.entity_id = n.entity_id
"""
STANDS = 'SELECT topic, generation, "partition", "offset" FROM positions'
KEEP = """
INSERT INTO events BY NAME
SELECT i.* EXCLUDE ("row", person, company_ref, entity_ref, person_id, company_id, entity_id, id_hash, bad,
       raw, replaces_body), k.subject, k.company, k.entity
FROM incoming i JOIN keys k USING ("row")
"""


class Stage(NamedTuple):
    """Begin and end of one stage of a batch, in seconds of `time.perf_counter`."""

    name: str
    began: float
    ended: float


class Fold:
    """Folds batches into the store's writing connection. `seconds` says where the time went, by stage;
    `stages` are those of the batch folded last, its decoding among them; `found` is what `Script` counts, of
    all that was committed."""

    def __init__(self, store: Store, workspace_key: str) -> None:
        self._script = Script(store.writer)
        self._known = KnownIds(store.writer, store.ids)
        self._entities = KnownEntities(store.writer)
        self._workspace_key = workspace_key
        self._plan: Plan | None = None
        self._pending: tuple[UUID, ...] = ()
        self._preparation: Preparation | None = None
        self._decoded = 0
        self._decoding: dict[str, list[Stage]] = {}
        self.seconds: Counter[str] = Counter()
        self.stages: list[Stage] = []
        self.found: Counter[str] = Counter()

    @property
    def plan(self) -> Plan:
        """The definitions in force, compiled."""
        return self._plan or self._load()

    @property
    def preparing(self) -> bool:
        """Whether definitions wait for their activation."""
        return bool(self._pending)

    def prepare(self) -> tuple[UUID, ...]:
        """Compute a piece of what definitions that wait for their activation need, in a transaction of its
        own. Gives those definitions when nothing is left to compute: their activation can be appended."""
        if self._plan is not None and self._preparation is None:
            return ()
        with self._timed("definitions"), self._whole():
            if self._plan is None:
                self._load()
            if self._preparation is not None and not self._preparation.whole:
                self._preparation.advance()
        done = self._preparation is not None and self._preparation.whole
        return self._pending if done else ()

    def decode(self, batch: Batch) -> str | None:
        """Parse a batch's touchpoints into a table of their own, for `apply`; None when there are none. It
        touches no state, so another thread may do it while the batch before is folded. At most one batch may
        wait decoded: its table is used again for the next but one."""
        if not batch.touchpoints:
            return None
        self._decoded = 1 - self._decoded
        table = f"{AHEAD}.decoded_{self._decoded}"
        stages: list[Stage] = []
        timer = _Timer(self.seconds, stages, "decode")
        with timer, self._script.connection.cursor() as cursor:
            decode.parse(cursor, batch.touchpoints, self._workspace_key, table)
        self._decoding[table] = stages
        return table

    def apply(self, batch: Batch, decoded: str | None = None) -> None:
        """Fold a batch, its positions and T in one transaction: all of it, or nothing. `decoded` is what
        `decode` gave for this batch."""
        self.stages = []
        self._script.found.clear()
        if batch.touchpoints:
            table = decoded or self.decode(batch)
            assert table is not None
            self.stages += self._decoding.pop(table, [])
            with self._timed("take"):
                decode.take(self._script, table)
        self._known.keep(self._script.connection)
        touched: tuple[Chosen, Referred] | None = None
        with self._whole():
            self._follow(batch.starts)
            self._define(batch.definitions)
            self._fail(batch.failed)
            if batch.touchpoints:
                touched = self._touch()
            self._stand(batch.positions, batch.t, batch.recorded_high)
        self.found.update(self._script.found)
        if touched is not None:
            chosen, referred = touched
            with self._timed("duplicates"):
                stands = {at.partition: at.offset for at in batch.positions if at.topic == TOUCHPOINTS}
                self._known.add(chosen.hashes, chosen.offsets, stands)
            with self._timed("entities"):
                self._entities.add(referred.hashes, referred.numbers)

    def _touch(self) -> tuple[Chosen, Referred]:
        script, plan = self._script, self.plan
        with self._timed("take"):
            contents = decode.settle(script)
        with self._timed("duplicates"):
            chosen = copies.choose(script, self._known, controls=contents.controls)
        displaced = chosen.displaced
        if chosen.restored:
            contents = decode.contents(script)
        with self._timed("subjects"):
            subjects.name_subjects(script, self._workspace_key, links=contents.links)
        with self._timed("entities"):
            referred = stories.refer(script, self._entities, displaced=displaced)
        with self._timed("keep"):
            script.execute(KEYS)
            script.execute(KEEP)
        with self._timed("links"):
            subjects.link_subjects(script, links=contents.links)
            if displaced:
                subjects.forget(script)
        with self._timed("stories"):
            changes = stories.retell(script, displaced=displaced)
        with self._timed("traits"):
            accumulate.accumulate(script, plan, changes, displaced=displaced)
            if self._preparation is not None:
                self._preparation.merge(changes, displaced=displaced)
        with self._timed("fields"):
            fields.write_fields(script, displaced=displaced, said=contents.fields)
        if displaced:
            script.execute("DROP TABLE displaced")  # it may hold a whole import
        return chosen, referred

    def _follow(self, starts: Sequence[Position]) -> None:
        """A batch follows the one before it. Raises LogGap when the store stands anywhere else: it would
        leave out records for ever, or count some twice."""
        stands = {
            (topic, generation, partition): offset
            for topic, generation, partition, offset in self._script.execute(STANDS).fetchall()
        }
        for at in starts:
            stand = stands.get((at.topic, at.generation, at.partition), 0)
            if at.offset != stand:
                raise LogGap(
                    f"A batch of {at.topic}/{at.partition} starts at {at.offset}, but the store stands at "
                    f"{stand}.",
                    hint="Start the node again: it goes on from where the store stands.",
                )

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A transaction. After one that failed what was held of the definitions is read again."""
        try:
            with transaction(self._script.connection, self._timed("commit")):
                yield
        except BaseException:
            self._plan, self._pending, self._preparation = None, (), None
            raise

    def _load(self) -> Plan:
        """Read the definitions that the store holds."""
        discard(self._script)
        held = definitions.read(self._script.connection)
        for table in held.plan.tables:
            self._script.execute(table.ddl)
        self._plan = held.plan
        self._await(held)
        return held.plan

    def _define(self, rows: Rows) -> None:
        if not rows:
            return
        with self._timed("definitions"):
            before = self.plan
            definitions.keep(self._script, rows)
            held = definitions.read(self._script.connection)
            if held.plan is not before:
                self._adopt(before, held.plan)
            self._await(held)

    def _adopt(self, before: Plan, after: Plan) -> None:
        """Other definitions are in force. What of them is not computed yet is computed now."""
        self._prepared(after.beyond(before)).put_in_force(before, after)
        self._plan, self._preparation = after, None

    def _await(self, held: Held) -> None:
        """Get ready for what is pending."""
        self._pending = tuple(sorted(one.definition_id for one in held.pending))
        if self._pending:
            self._preparation = self._prepared(held.next_plan.beyond(held.plan))
        elif self._preparation is not None:
            self._preparation = None
            discard(self._script)

    def _prepared(self, wanted: Plan) -> Preparation:
        """The preparation under way, if it is of this, or a new one."""
        held = self._preparation
        return held if held and held.plan.states == wanted.states else Preparation(self._script, wanted)

    def _fail(self, rows: Rows) -> None:
        if rows:
            with self._timed("failed"):
                failures.keep_failed(self._script, rows)

    def _stand(self, positions: Sequence[Position], t: datetime, recorded_high: datetime) -> None:
        self._script.execute(
            "UPDATE clock SET t = greatest(t, ?), recorded_high = greatest(recorded_high, ?)",
            [t.replace(tzinfo=None), recorded_high.replace(tzinfo=None)],
        )
        for at in positions:
            self._script.execute(
                'DELETE FROM positions WHERE topic = ? AND "partition" = ?', [at.topic, at.partition]
            )
            self._script.execute(
                "INSERT INTO positions VALUES (?, ?, ?, ?)",
                [at.topic, at.generation, at.partition, at.offset],
            )

    def _timed(self, stage: str) -> _Timer:
        return _Timer(self.seconds, self.stages, stage)


class _Timer:
    def __init__(self, seconds: Counter[str], stages: list[Stage], stage: str) -> None:
        self._seconds = seconds
        self._stages = stages
        self._stage = stage

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        ended = time.perf_counter()
        self._seconds[self._stage] += ended - self._started  # type: ignore[assignment]
        self._stages.append(Stage(self._stage, self._started, ended))
