"""Corrections: an administrator takes an event, an entity's events or an import out, corrects an event, or
undoes that. Each is an event of its own, which passes the door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import duckdb

from kizuna.eventlog.port import EventLog
from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.projections import imports, standing
from kizuna.projections.standing import Target
from kizuna.schemas import codec
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.correcting import correcting, retracting
from kizuna.schemas.errors import ConfigurationError, LogGap
from kizuna.schemas.refusal import Refusal

from .turns import Turns, sized

SOURCE = "kizuna"
"""The source of retractions: they come from no system of the company's."""

SEEN_SECONDS = 60.0
"""How long one waits to see what it took out: an import may be large."""

TICK = timedelta(microseconds=1)


class Act(NamedTuple):
    """Who does it, why, and whether it is only tried."""

    actor: Mapping[str, object]
    reason: str | None = None
    dry_run: bool = False


class Outcome(NamedTuple):
    """The `events` that were appended, the first one being what undoes it when it is retracted. `taken_out`:
    how many events do not count any more, `restored`: how many count again, `replaced`: how many of an import
    count by a copy from elsewhere now; where they are not known, before it is folded, they are None."""

    events: tuple[Accepted, ...]
    taken_out: int | None
    restored: int | None
    replaced: int | None
    folded: bool


class Corrections:
    """Any thread may call. Every method gives None when there is no such thing, raises ConfigurationError
    when it cannot be done as things are, ValueError when the door refuses what was asked for, and
    LogUnavailable when the fold is behind or the log takes nothing."""

    def __init__(
        self,
        turns: Turns,
        log: EventLog,
        workspace_key: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._turns = turns
        self._log = log
        self._workspace_key = workspace_key
        self._clock = clock
        self._new_id = new_id

    def retract_event(self, event_id: UUID, act: Act) -> Outcome | None:
        """Take out an event; of a retraction or correction, undo it."""
        target = Target(event_id=event_id)
        with self._turns.take() as snapshot:
            if not self._stands(snapshot, event_id):
                return None
            return self._retract(snapshot, [target], act)

    def retract_entity(self, kind: str, namespace: str, id_: str, act: Act) -> Outcome | None:
        """Take out all events that name an entity, by its names as they are kept."""
        target = Target(entity=(kind, namespace, id_))
        with self._turns.take() as snapshot:
            found = standing.covered(snapshot, target)
            if not found.events and not found.copies:
                return None
            if not found.events:
                raise ConfigurationError(
                    f"All events of this {kind} are taken out already.",
                    hint="Retract the retraction to have them back.",
                )
            return self._retract(snapshot, [target], act)

    def undo_import(self, import_id: str, act: Act) -> Outcome | None:
        """Take out all that an import brought."""
        with self._turns.take() as snapshot:
            found = imports.read_import(snapshot, import_id)
            if found is None:
                return None
            if found["undone_by"] is not None:
                raise ConfigurationError(
                    f"The import was undone by event {found['undone_by']}.",
                    hint=f"`kizuna imports redo {import_id}` puts it back.",
                )
            return self._retract(snapshot, [Target(import_id=import_id)], act)

    def redo_import(self, import_id: str, act: Act) -> Outcome | None:
        """Retract what keeps an import out."""
        with self._turns.take() as snapshot:
            if imports.read_import(snapshot, import_id) is None:
                return None
            undone_by = imports.undone_by(snapshot, import_id)
            if not undone_by:
                raise ConfigurationError(
                    "The import is not undone.", hint=f"`kizuna imports undo {import_id}` takes it out."
                )
            return self._retract(snapshot, [Target(event_id=one) for one in undone_by], act)

    def correct_event(self, event_id: UUID, patch: Mapping[str, object], act: Act) -> Outcome | None:
        """Take out an event, and let stand in its place what a JSON Merge Patch makes of it."""
        target = Target(event_id=event_id)
        with self._turns.take() as snapshot:
            if not self._stands(snapshot, event_id):
                return None
            _refuse(codec.check(dict(patch)))
            envelope = self._envelope(snapshot, event_id)
            if envelope["type"] == "event.retracted":
                raise ConfigurationError(
                    "A retraction is not corrected.", hint="Retract it, and make another."
                )
            at = self._moment(snapshot, [target])
            origin = Origin(str(envelope["source"]), "secret", at, envelope.get("import_id"))
            item = correcting(envelope, patch, act.reason, act.actor)
            return self._done(snapshot, [target], [self._admitted(item, origin)], act)

    def _stands(self, snapshot: duckdb.DuckDBPyConnection, event_id: UUID) -> bool:
        """False when there is no such event. Raises ConfigurationError when it does not count."""
        found = standing.read_event(snapshot, event_id)
        if found is not None and found["standing"] != "counts":
            by = found["taken_out_by"]
            raise ConfigurationError(
                f"The event was taken out already, by event {by}.", hint=f"Retract {by} to have it back."
            )
        return found is not None

    def _envelope(self, snapshot: duckdb.DuckDBPyConnection, event_id: UUID) -> dict[str, Any]:
        place = standing.read_place(snapshot, event_id)
        assert place is not None
        try:
            (record,) = self._log.read(TOUCHPOINTS, *place, 1)
        except LogGap:
            raise ConfigurationError(
                "The log no longer has the event.", hint="Retract it, and send another."
            ) from None
        envelope = codec.loads(record.value)
        assert isinstance(envelope, dict)
        return envelope

    def _retract(self, snapshot: duckdb.DuckDBPyConnection, targets: list[Target], act: Act) -> Outcome:
        origin = Origin(SOURCE, "secret", self._moment(snapshot, targets))
        events = [self._admitted(retracting(_named(one), act.reason, act.actor), origin) for one in targets]
        return self._done(snapshot, targets, events, act)

    def _moment(self, snapshot: duckdb.DuckDBPyConnection, targets: list[Target]) -> datetime:
        """Now; or just after the last of what it takes out, which another clock may have dated later. Only
        what comes before it is taken out."""
        now = self._clock()
        came = [standing.covered(snapshot, one).last_received_at for one in targets]
        return max([now, *(one.replace(tzinfo=UTC) + TICK for one in came if one is not None)])

    def _admitted(self, item: Mapping[str, object], origin: Origin) -> Accepted:
        outcome = sized(admit(item, origin, self._workspace_key, self._new_id))
        if isinstance(outcome, Refusal):
            _refuse(outcome)
        assert isinstance(outcome, Accepted)
        return outcome

    def _done(
        self,
        snapshot: duckdb.DuckDBPyConnection,
        targets: list[Target],
        events: list[Accepted],
        act: Act,
    ) -> Outcome:
        touched = list(dict.fromkeys(one for target in targets for one in standing.chain(snapshot, target)))
        before = [standing.covered(snapshot, one).events for one in touched]
        others = _elsewhere(snapshot, targets)
        if act.dry_run:
            own = sum(standing.covered(snapshot, one).events for one in targets)
            return Outcome(tuple(events), own, None, None, False)
        self._turns.append(events)
        if not self._turns.seen(SEEN_SECONDS):
            return Outcome(tuple(events), None, None, None, False)
        with self._turns.look() as later:
            after = [standing.covered(later, one).events for one in touched]
            replaced = _elsewhere(later, targets) - others
        moved = [was - now for was, now in zip(before, after, strict=True)]
        return Outcome(
            tuple(events),
            sum(one for one in moved if one > 0),
            -sum(one for one in moved if one < 0),
            replaced,
            True,
        )


def _elsewhere(snapshot: duckdb.DuckDBPyConnection, targets: list[Target]) -> int:
    return sum(imports.elsewhere(snapshot, one.import_id) for one in targets if one.import_id)


def _named(target: Target) -> dict[str, object]:
    """As a retraction names it."""
    if target.event_id is not None:
        return {"event_id": str(target.event_id)}
    if target.entity is not None:
        kind, namespace, id_ = target.entity
        return {"entity": {"kind": kind, "id": id_, **({"namespace": namespace} if namespace else {})}}
    return {"import_id": target.import_id}


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise ValueError(f"{refusal.path}: {refusal.reason}" if refusal.path else refusal.reason)
