"""The reference: the state of a set of records, computed from all of them, each time anew.

Written from the rules of the documentation and not from the code: it shares nothing with it, knows no
batch, no order of reading and no state, and is as slow as that is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference import definitions, failures
from tests.reference.copies import Judged, judge
from tests.reference.entities import company, owner, state, stories
from tests.reference.events import Entity, Event, Identifier, Record, read
from tests.reference.failures import Failed
from tests.reference.identity import Identity, identify
from tests.reference.ledger import Movement, account, of_nobody
from tests.reference.traits import counted, evaluate

FIELDS = {"customer.identified": "person", "company.updated": "company"}
"""Types whose properties become fields of a profile."""


@dataclass(frozen=True)
class Held:
    """An entity, and whose it is. One that only test events name has no state."""

    owner: Identifier | None
    company: Identifier | None
    state: Mapping[str, Any] | None


@dataclass(frozen=True)
class Moved:
    """A movement, and whose it is. `entity` is None for a refund of no known order."""

    movement: Movement
    entity: Entity | None
    owner: Identifier | None
    company: Identifier | None


@dataclass(frozen=True)
class State:
    judged: Judged
    identity: Identity
    entities: Mapping[Entity, Held]
    movements: tuple[Moved, ...]
    failed: tuple[Failed, ...]
    definitions: Mapping[tuple[str, str], Mapping[str, Any]]

    @property
    def events(self) -> list[Event]:
        """Those that count for more than a name."""
        return [one for one in self.judged.events if not one.test]

    @property
    def workspace(self) -> Mapping[str, Any]:
        body = self.definitions.get(("workspace", "workspace"), {})
        return {"time_zone": "UTC", "currency": "EUR", **body}

    def whose(self, event: Event, of: str) -> Identifier | None:
        """An event belongs to whom it names, else to whom its entity belongs to."""
        named = event.person if of == "person" else event.company
        held = self.entities.get(event.entity) if event.entity else None
        if named or held is None:
            return named
        return held.owner if of == "person" else held.company

    def fields(self) -> dict[Identifier, dict[str, Any]]:
        """By profile: what was said of it, field by field the last in history order."""
        found: dict[Identifier, dict[str, Any]] = defaultdict(dict)
        for event in self.events:
            whom = {"person": event.person, "company": event.company, None: None}[FIELDS.get(event.type)]
            if whom and event.properties:
                found[self.identity.profile[whom]].update(event.properties)
        return dict(found)

    def traits(self, of: str) -> dict[Identifier, dict[str, Any]]:
        """By profile: every trait that is defined for persons, or companies."""
        defined = [body for (kind, _), body in self.definitions.items() if kind == "trait"]
        defined = [body for body in defined if body.get("of", "person") == of]
        profile, currency = self.identity.profile, self.workspace["currency"]
        found = {}
        for one in set(profile.values()):
            if (one.kind == "company") != (of == "company"):
                continue
            its = self.identity.members(one)
            events = [event for event in self.events if self.whose(event, of) in its]
            held: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
            for entity, what in self.entities.items():
                if what.state and (what.owner if of == "person" else what.company) in its:
                    held[entity.kind].append(what.state)
            money: dict[str | None, Decimal] = defaultdict(Decimal)
            for moved in self.movements:
                if (moved.owner if of == "person" else moved.company) in its:
                    money[moved.movement.currency] += moved.movement.amount
            found[one] = {body["name"]: evaluate(body, events, held, money, currency) for body in defined}
        return found

    def revenue(self) -> dict[tuple[str, str], Decimal]:
        """Net order money by day of the workspace's zone, and by currency."""
        zone = ZoneInfo(self.workspace["time_zone"])
        net: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for one in self.movements:
            if one.movement.currency is not None:
                day = one.movement.event.occurred_at.astimezone(zone).date().isoformat()
                net[day, one.movement.currency] += one.movement.amount
        return {slot: amount for slot, amount in net.items() if amount}

    def orders_completed(self) -> dict[str, int]:
        """By currency."""
        found: dict[str, int] = defaultdict(int)
        for entity, held in self.entities.items():
            if entity.kind == "order" and held.state and counted(held.state):
                found[held.state["currency"]] += 1
        return dict(found)


def fold(records: Iterable[Record], key: str) -> State:
    """`key` is the workspace's."""
    records = list(records)
    touchpoints = [(one, read(one)) for one in records if one.topic == "touchpoints"]
    judged = judge(event for _, event in touchpoints if event)
    refused, no_items = failures.refused(one for one in records if one.topic == "failed-events")
    defined, activated, no_definitions = definitions.split(
        one for one in records if one.topic == "definitions"
    )
    no_events = [record for record, event in touchpoints if event is None]
    its = stories(one for one in judged.events if not one.test)
    held = {
        entity: Held(owner(story), company(story), state(entity.kind, story)) for entity, story in its.items()
    }
    held |= {entity: Held(None, None, None) for entity in stories(judged.events) if entity not in held}
    moved = [
        Moved(one, entity, held[entity].owner, held[entity].company)
        for entity, story in its.items()
        if entity.kind == "order"
        for one in account(story).movements
    ]
    unknown = of_nobody(one for one in judged.events if not one.test)
    return State(
        judged=judged,
        identity=identify(judged.events, key),
        entities=held,
        movements=(*moved, *(Moved(one, None, one.event.person, one.event.company) for one in unknown)),
        failed=(*refused, *failures.unreadable([*no_events, *no_items, *no_definitions])),
        definitions=definitions.in_force(defined, activated),
    )
