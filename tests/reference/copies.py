"""Which copy of each event id counts, and which stand aside since when.

Of the copies of an id the first in admission order counts, then by body hash, then by position. Controls
(retractions, and the taking-out that is in a correction) take copies out; one taken out holds no id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.reference.events import Entity, Event

RETRACTED = "event.retracted"


@dataclass(frozen=True)
class Aside:
    """A copy that does not count. `fate` is `duplicate`, `conflict` or `retracted`; `since` is when that was
    first known. Of one that counted until then, being displaced, it is later than its own `recorded_at`."""

    copy: Event
    fate: str
    since: datetime

    @property
    def displaced(self) -> bool:
        return self.fate != "retracted" and self.since > self.copy.recorded_at


@dataclass(frozen=True)
class Judged:
    events: tuple[Event, ...]
    """The copies that count, in history order."""
    aside: tuple[Aside, ...]


def judge(copies: Iterable[Event]) -> Judged:
    copies = sorted(copies, key=order)
    acting = _acting(copies)
    effective = _effective(acting)
    out = {
        id(copy): min(of)
        for copy in copies
        if (of := [c.recorded_at for c in effective if _takes(c, copy, acting)])
    }
    events, aside = [], []
    for event_id in dict.fromkeys(copy.event_id for copy in copies):
        its = [copy for copy in copies if copy.event_id == event_id]
        holds = next((copy for copy in _candidates(its) if id(copy) not in out), None)
        if holds is not None:
            events.append(holds)
        for copy in its:
            cause = holds or its[0]
            if id(copy) in out:
                aside.append(Aside(copy, "retracted", max(copy.recorded_at, out[id(copy)])))
            elif copy is not holds:
                fate = "conflict" if holds is not None and copy.body_hash != holds.body_hash else "duplicate"
                aside.append(Aside(copy, fate, max(copy.recorded_at, cause.recorded_at)))
    return Judged(tuple(sorted(events, key=lambda one: one.history)), tuple(aside))


def order(copy: Event) -> tuple[Any, ...]:
    return *copy.admission, copy.body_hash, copy.place


def _is_control(copy: Event) -> bool:
    return (
        (copy.type == RETRACTED and not copy.test)
        or (copy.corrects is not None and not copy.test_act)
        or copy.replaces is not None
    )


def _acting(copies: Sequence[Event]) -> list[Event]:
    """The first of all copies of each id, in admission order, where it is a control."""
    first: dict[Any, Event] = {}
    for copy in copies:
        first.setdefault(copy.event_id, copy)
    return [copy for copy in first.values() if _is_control(copy)]


def _root(copy: Event, acting: Sequence[Event]) -> Any:
    """What a chain of corrections began with: of each, one that is earlier."""
    for control in acting:
        if (
            control.event_id == copy.corrects
            and _corrected(control) is not None
            and control.admission < copy.admission
        ):
            return _root(control, acting)
    return copy.corrects


def _corrected(copy: Event) -> Any:
    """The id that it corrects, when it does."""
    return None if copy.test_act else copy.corrects


def _effective(acting: Sequence[Event]) -> list[Event]:
    """Judged from the latest to the earliest: one is effective unless one that is takes it out. A correction
    that is corrected goes on acting: its event stays out."""
    effective: list[Event] = []
    for control in sorted(acting, key=order, reverse=True):
        if not any(
            _takes(later, control, acting) and not (_corrected(later) and _corrected(control))
            for later in effective
        ):
            effective.append(control)
    return effective


def _takes(control: Event, copy: Event, acting: Sequence[Event]) -> bool:
    """Whether the control, if it is effective, takes out the copy; never its own."""
    if copy is control:
        return False
    earlier = copy.admission < control.admission
    if (
        control.replaces == (copy.event_id, copy.body_hash)
        and control.event_id != copy.event_id
        and (earlier or not _is_control(copy))
    ):
        return True
    target = _corrected(control)
    if target is not None and earlier:
        if copy.event_id == target:
            return True
        if _is_control(copy) and copy.corrects is not None:  # the last correction stands
            return bool(copy.corrects == target or _root(copy, acting) == _root(control, acting))
    if control.type != RETRACTED or control.test or target is not None:
        return False
    says: Mapping[str, Any] = control.properties
    if "import_id" in says:
        return copy.import_id == says["import_id"] and (earlier or not _is_control(copy))
    if "entity" in says:
        kind, id_ = says["entity"]["kind"], says["entity"]["id"]
        space = "" if kind == "company" else says["entity"].get("namespace", control.source)
        return earlier and Entity(kind, space, id_) in copy.entities
    return earlier and copy.event_id == UUID(says["event_id"])


def _candidates(its: Sequence[Event]) -> list[Event]:
    """Copies of an id that may count, in admission order: a control only where it is the first of all."""
    return [copy for copy in its if copy is its[0] or not _is_control(copy)]
