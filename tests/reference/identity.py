"""Whom the events name, and which identifiers are one profile."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tests.reference.events import Event, Identifier

JOINING = ("customer.identified", "customer.aliased")
JOINED = ("user_id", "anonymous_id")
STRENGTH = ("user_id", "card", "email", "phone", "line_id", "device_id", "x_", "anonymous_id", "company")


@dataclass(frozen=True)
class Link:
    """The statement that two identifiers are one person, the strongest of its event first. One between
    profiles that both have a user id is refused, unless it is `forced`: by a secret alias."""

    pair: tuple[Identifier, Identifier]
    forced: bool
    event_id: UUID
    accepted: bool


@dataclass(frozen=True)
class Identity:
    """`profile` maps every identifier to that of its profile which gives the profile its id."""

    profile: dict[Identifier, Identifier]
    first_seen: dict[Identifier, tuple[datetime, datetime, UUID]]
    links: tuple[Link, ...]

    def members(self, profile: Identifier) -> set[Identifier]:
        return {one for one, its in self.profile.items() if its == profile}


def subject_id(key: str, kind: str, value: str) -> UUID:
    """128 bits of a keyed SHA-256 over kind and value."""
    return UUID(bytes=hashlib.sha256(f"{key}\x1f{kind}\x1f{value}".encode()).digest()[:16])


def identify(events: Sequence[Event], key: str) -> Identity:
    first_seen: dict[Identifier, tuple[datetime, datetime, UUID]] = {}
    together: dict[Identifier, set[Identifier]] = {}
    links: dict[tuple[tuple[Identifier, Identifier], bool], Link] = {}
    in_admission_order = sorted(events, key=lambda one: one.admission)
    for event in in_admission_order:
        for one in named(event):
            first_seen.setdefault(one, event.admission)
            together.setdefault(one, {one})
    for event in in_admission_order:
        for strongest, other in ((joined(event)[0], other) for other in joined(event)[1:]):
            forced = event.type == "customer.aliased" and event.secret
            a, b = together[strongest], together[other]
            accepted = forced or a is b or not (_has_user(a) and _has_user(b))
            pair = (strongest, other)
            links.setdefault((pair, forced), Link(pair, forced, event.event_id, accepted))
            if accepted:
                union = a | b
                together.update(dict.fromkeys(union, union))

    def rank(one: Identifier) -> tuple[object, ...]:
        return strength(one.kind), first_seen[one], subject_id(key, *one)

    profile = {one: min(its, key=rank) for one, its in together.items()}
    return Identity(profile, first_seen, tuple(links.values()))


def named(event: Event) -> list[Identifier]:
    """The identifiers that the event makes known: its strongest, those it joins, and its company."""
    return [
        *([event.person] if event.person else []),
        *joined(event),
        *([event.company] if event.company else []),
    ]


def joined(event: Event) -> list[Identifier]:
    """The identifiers that the event says are one person: its strongest, with which each user id and each
    anonymous id is joined. A test says it of nobody."""
    if event.type not in JOINING or event.test:
        return []
    return [*event.ids[:1], *(one for one in event.ids[1:] if one.kind in JOINED)]


def _has_user(profile: set[Identifier]) -> bool:
    return any(one.kind == "user_id" for one in profile)


def strength(kind: str) -> int:
    return STRENGTH.index("x_" if kind.startswith("x_") else kind)
