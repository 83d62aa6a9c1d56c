"""Repairs: failed events pass the door again, and what it lets through is appended. Each is once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, cast
from uuid import UUID

import duckdb
import orjson

from kizuna.eventlog.port import EventLog
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.projections import failed_events
from kizuna.projections.failed_events import Found
from kizuna.projections.selection import Filter
from kizuna.schemas.admission import Accepted
from kizuna.schemas.envelope import Rights
from kizuna.schemas.errors import ConfigurationError, LogGap
from kizuna.schemas.readmission import Kept, Repair, conflicting, readmit
from kizuna.schemas.refusal import Code, Refusal

from .turns import Turns, sized

PAGE = 500
SHOWN = 100

LOST = Refusal("invalid", "", "the log no longer has the record")
DEFINITION = Refusal("not_allowed", "", "the record is of the topic definitions: define it again instead")


class Decision(NamedTuple):
    """What became of one failed event."""

    failed_id: UUID
    outcome: Accepted | Refusal


class Report(NamedTuple):
    """How many were `accepted`, the `refused` by reason, and the first decisions. `folded` says whether the
    store shows it already."""

    accepted: int
    refused: Counter[Refusal]
    decisions: list[Decision]
    folded: bool


class Repairs:
    """Any thread may call. Each repair takes its turn, so that the store knows what is repaired. Both methods
    raise LogUnavailable when the fold is behind, or the log takes nothing: what was appended by then is
    repaired, and the same call goes on with the rest."""

    def __init__(self, turns: Turns, log: EventLog, workspace_key: str) -> None:
        self._turns = turns
        self._log = log
        self._workspace_key = workspace_key

    def repair_one(self, failed_id: str, repair: Repair, *, dry_run: bool) -> Report | None:
        """None when there is no such failed event. Raises ConfigurationError when it is repaired already."""
        with self._turns.take() as snapshot:
            found = failed_events.read_failed(snapshot, failed_id)
            if found is None:
                return None
            by = found.shown["repaired_by"]
            if by is not None:
                raise ConfigurationError(
                    f"The failed event was repaired by event {by}.",
                    hint="Each is re-admitted once: what is still wrong is wrong with that event.",
                )
            return self._report([self._decide(snapshot, [found], repair, {})], dry_run=dry_run)

    def repair_all(self, filters: Sequence[Filter], repair: Repair, *, dry_run: bool) -> Report:
        """All that pass the filters and are not repaired, newest first. Raises ValueError for a filter by
        what does not exist, or for repaired ones."""
        if any(one.name == "repaired" for one in filters):
            raise ValueError("only what is not repaired can be repaired: leave repaired out")
        with self._turns.take() as snapshot:
            return self._report(self._pages(snapshot, filters, repair), dry_run=dry_run)

    def _pages(
        self, snapshot: duckdb.DuckDBPyConnection, filters: Sequence[Filter], repair: Repair
    ) -> Iterator[list[Decision]]:
        taken: dict[UUID, str] = {}
        after = None
        while True:
            found, after = failed_events.read_many(snapshot, filters, after, PAGE)
            yield self._decide(snapshot, found, repair, taken)
            if after is None:
                return

    def _decide(
        self,
        snapshot: duckdb.DuckDBPyConnection,
        found: Sequence[Found],
        repair: Repair,
        taken: dict[UUID, str],
    ) -> list[Decision]:
        """What would clash with an event is refused: it would be a conflict, so a failed event anew. `taken`
        are the ids, with body hashes, of what was let through before."""
        decided = [self._judge(one, repair) for one in found]
        ids = [one.outcome.event_id for one in decided if isinstance(one.outcome, Accepted)]
        held = failed_events.held_ids(snapshot, ids)
        decisions = []
        for failed_id, outcome in decided:
            if isinstance(outcome, Accepted):
                body = _body(outcome)
                holds = held.get(outcome.event_id) or taken.setdefault(outcome.event_id, body)
                if holds != body:
                    reason = f"the id is held by event {outcome.event_id} with another content: take a new id"
                    outcome = Refusal("conflict", "", reason)
            decisions.append(Decision(failed_id, outcome))
        return decisions

    def _judge(self, found: Found, repair: Repair) -> Decision:
        kept = self._kept(found)
        outcome = kept if isinstance(kept, Refusal) else readmit(kept, repair, self._workspace_key)
        return Decision(UUID(str(found.shown["id"])), sized(outcome))

    def _kept(self, found: Found) -> Kept | Refusal:
        one = found.shown
        if one["topic"] == DEFINITIONS:
            return DEFINITION
        if found.item is None:
            return _conflict(self._log, found) or LOST
        return Kept(
            UUID(str(one["id"])),
            cast("Code", one["code"]),
            cast('Literal["http", "import", "fold"]', one["via"]),
            found.item,
            str(one["source"]),
            cast("Rights", found.rights or "public"),
            _aware(one["received_at"]),
            cast("str | None", one["import_id"]),
        )

    def _report(self, pages: Iterable[list[Decision]], *, dry_run: bool) -> Report:
        accepted = 0
        refused: Counter[Refusal] = Counter()
        shown: list[Decision] = []
        for decisions in pages:
            events = []
            for one in decisions:
                if isinstance(one.outcome, Accepted):
                    events.append(one.outcome)
                else:
                    refused[one.outcome] += 1
            if events and not dry_run:
                self._turns.append(events)
            accepted += len(events)
            shown += decisions[: SHOWN - len(shown)]
        folded = not dry_run and self._turns.seen()
        return Report(accepted, refused, shown, folded)


def conflict_item(log: EventLog, found: Found) -> str | None:
    """The item of a conflict, which stands in the log; None when the log no longer has it."""
    kept = _conflict(log, found)
    return None if kept is None else kept.item


def _conflict(log: EventLog, found: Found) -> Kept | None:
    one = found.shown
    topic, partition, offset = one["topic"], one["partition"], one["offset"]
    assert isinstance(topic, str)
    assert isinstance(partition, int)
    assert isinstance(offset, int)
    try:
        records = log.read(topic, partition, offset, 1)
    except LogGap:
        return None
    if not records or records[0].offset != offset:
        return None
    received_at, holder = _aware(one["received_at"]), UUID(str(one["event_id"]))
    return conflicting(UUID(str(one["id"])), records[0].value, str(one["source"]), received_at, holder)


def _aware(moment: object) -> datetime:
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=UTC)


def _body(accepted: Accepted) -> str:
    """The first 128 bits of its body hash, in hex: what the store keeps."""
    body_hash: str = orjson.loads(accepted.value)["body_hash"]
    return body_hash[:32]
