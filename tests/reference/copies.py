"""Which copy of each event id counts, and which stand aside since when.

Of the copies of an id the first in admission order counts, then by body hash, then by position. Controls
(retractions, and the taking-out that is in a correction) take copies out; one taken out holds no id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
        id(copy): min(of) for copy in copies if (of := [c.recorded_at for c in effective if _takes(c, copy)])
    }
    events, aside = [], []
    for event_id in dict.fromkeys(copy.event_id for copy in copies):
        its = [copy for copy in copies if copy.event_id == event_id]
        control = next((copy for copy in its if copy in acting), None)
        holds = next((copy for copy in _candidates(its, control) if id(copy) not in out), None)
        if holds is not None:
            events.append(holds)
        for copy in its:
            cause = holds or control
            if id(copy) in out:
                aside.append(Aside(copy, "retracted", max(copy.recorded_at, out[id(copy)])))
            elif copy is not holds:
                assert cause is not None
                fate = "conflict" if holds is not None and copy.body_hash != holds.body_hash else "duplicate"
                aside.append(Aside(copy, fate, max(copy.recorded_at, cause.recorded_at)))
    return Judged(tuple(sorted(events, key=lambda one: one.history)), tuple(aside))


def order(copy: Event) -> tuple[Any, ...]:
    return *copy.admission, copy.body_hash, copy.place


def _is_control(copy: Event) -> bool:
    return not copy.test and (copy.type == RETRACTED or copy.corrects is not None)


def _acting(copies: Sequence[Event]) -> list[Event]:
    """The first of the control copies of each id, in admission order."""
    first: dict[Any, Event] = {}
    for copy in copies:
        if _is_control(copy):
            first.setdefault(copy.event_id, copy)
    return list(first.values())


def _effective(acting: Sequence[Event]) -> list[Event]:
    """Judged from the latest to the earliest: one is effective unless one that is takes it out. A correction
    that is corrected goes on acting: its event stays out."""
    effective: list[Event] = []
    for control in sorted(acting, key=order, reverse=True):
        if not any(
            _takes(later, control) and not (later.corrects and control.corrects) for later in effective
        ):
            effective.append(control)
    return effective


def _takes(control: Event, copy: Event) -> bool:
    """Whether the control, if it is effective, takes out the copy; never its own."""
    if copy is control:
        return False
    says = control.properties if control.type == RETRACTED and control.corrects is None else {}
    earlier = copy.admission < control.admission
    if "import_id" in says:
        return copy.import_id == says["import_id"] and (earlier or not _is_control(copy))
    if "entity" in says:
        kind, id_ = says["entity"]["kind"], says["entity"]["id"]
        space = "" if kind == "company" else says["entity"].get("namespace", control.source)
        return earlier and Entity(kind, space, id_) in copy.entities
    if control.corrects is not None and _is_control(copy) and copy.corrects == control.corrects:
        return earlier  # of several corrections of one event the last one stands
    return earlier and str(copy.event_id) == str(control.corrects or says["event_id"])


def _candidates(its: Sequence[Event], control: Event | None) -> list[Event]:
    """Copies of an id that may count, in admission order: of its controls only the acting one does."""
    return [copy for copy in its if copy is control or not _is_control(copy)]
