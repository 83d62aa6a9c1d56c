"""One profile: who it is, why, and what is known of it. Times are naive and in UTC, as the store has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import duckdb
import orjson

from kizuna.schemas.identifiers import COMPANY, strength

from . import trait_states
from .lookups import fetch, rows_of
from .traits import Of, Plan


class IdentifierPair(TypedDict):
    kind: str
    value: str


class LinkOfTwo(TypedDict):
    """Why two identifiers are one person, or are not. `forced` came by an alias with a secret key."""

    identifiers: list[IdentifierPair]
    accepted: bool
    reason: str
    forced: bool
    event_id: UUID
    received_at: datetime


class Summary(TypedDict):
    """A profile as lists show it. `first_seen` and `last_seen` are times of its events."""

    id: str
    of: Of
    identifiers: list[IdentifierPair]
    fields: dict[str, object]
    traits: dict[str, object]
    segments: list[str]
    first_seen: datetime | None
    last_seen: datetime | None


class Profile(Summary):
    """A profile with its explanation: links, and the ids it had before."""

    links: list[LinkOfTwo]
    former_ids: list[str]


class Subject(NamedTuple):
    """An identifier of a profile. `profile` is the number of the profile's strongest one."""

    number: int
    subject_id: UUID
    kind: str
    value: str
    profile: int

    @property
    def of(self) -> Of:
        return "company" if self.kind == COMPANY else "person"

    @property
    def pair(self) -> IdentifierPair:
        return {"kind": self.kind, "value": self.value}

    @property
    def rank(self) -> tuple[bool, int, str, str]:
        """The profile's own identifier first, then the strongest."""
        return self.number != self.profile, strength(self.kind), self.kind, self.value


SUBJECT = "SELECT subject, subject_id, kind, value, profile FROM identifiers"
FIELD = "SELECT subject, field, value FROM fields"
FIELD_SAID = "SELECT subject, field, value, said.occurred_at, said.received_at, said.event_id FROM fields"
LINK = (
    "SELECT a, b, accepted, reason, forced, event_id, received_at, occurred_at FROM links "
    "WHERE list_contains($1::BIGINT[], a) OR list_contains($1::BIGINT[], b)"
)
PUBLIC_ID = "SELECT i.subject, p.subject_id FROM identifiers i JOIN identifiers p ON p.subject = i.profile"


def resolve(snapshot: duckdb.DuckDBPyConnection, subject_id: UUID) -> list[Subject]:
    """All subjects of the profile that this id, present or former, belongs to; empty when it is nobody's."""
    # Two plain scans cost half of one with a subquery.
    found = fetch(snapshot, "SELECT profile FROM identifiers WHERE subject_id = $1", subject_id)
    return members(snapshot, found[0])[found[0][0]] if found else []


def members(snapshot: duckdb.DuckDBPyConnection, profiles: Collection[int]) -> dict[int, list[Subject]]:
    """All subjects of each profile, strongest first."""
    rows = rows_of(snapshot, SUBJECT, "profile", profiles)
    found: dict[int, list[Subject]] = {}
    for subject in sorted((Subject(*row) for row in rows), key=lambda one: one.rank):
        found.setdefault(subject.profile, []).append(subject)
    return found


def read_profile(snapshot: duckdb.DuckDBPyConnection, plan: Plan, subject_id: UUID) -> Profile | None:
    """The profile of an id, present or former."""
    subjects = resolve(snapshot, subject_id)
    if not subjects:
        return None
    of = subjects[0].of
    traits = trait_states.of_one(snapshot, plan, of, [one.number for one in subjects])
    told = fields_of(snapshot, subjects)
    summary = summarise(plan, subjects, told.get(subjects[0].profile, {}), traits)
    return {
        **summary,
        "links": _links(snapshot, subjects),
        "former_ids": [one.subject_id.hex for one in subjects[1:]],
    }


def summarise(
    plan: Plan, subjects: Sequence[Subject], fields: dict[str, object], traits: dict[str, object]
) -> Summary:
    of = subjects[0].of
    return {
        "id": subjects[0].subject_id.hex,
        "of": of,
        "identifiers": [one.pair for one in subjects],
        "fields": fields,
        "traits": traits,
        "segments": [],
        "first_seen": _seen(plan, of, traits, "first_seen"),
        "last_seen": _seen(plan, of, traits, "last_seen"),
    }


def seen_trait(plan: Plan, of: Of, which: str) -> str | None:
    """The trait that tells when the first, or the last, event of a profile happened, if one is defined."""
    aggregate = "min" if which == "first_seen" else "max"
    for trait in plan.traits:
        if trait.of == of and not trait.where and trait.aggregate() == (aggregate, "event.occurred_at"):
            return trait.name
    return None


def _seen(plan: Plan, of: Of, traits: Mapping[str, object], which: str) -> datetime | None:
    name = seen_trait(plan, of, which)
    value = traits.get(name) if name else None
    return value if isinstance(value, datetime) else None


def fields_of(
    snapshot: duckdb.DuckDBPyConnection, subjects: Iterable[Subject]
) -> dict[int, dict[str, object]]:
    """Fields by profile: of what was said of its subjects, the last by history order."""
    profiles = {one.number: one.profile for one in subjects}
    rows = rows_of(snapshot, FIELD, "subject", profiles)
    if len({(profiles[subject], field) for subject, field, _ in rows}) < len(rows):
        # When it was said is dear to read and seldom needed.
        told = rows_of(snapshot, FIELD_SAID, "subject", profiles)
        rows = [row[:3] for row in sorted(told, key=lambda row: row[3:])]
    found: dict[int, dict[str, object]] = {}
    for subject, field, value in sorted(rows, key=lambda row: row[1]):
        found.setdefault(profiles[subject], {})[field] = orjson.loads(value)
    return found


def _links(snapshot: duckdb.DuckDBPyConnection, subjects: Sequence[Subject]) -> list[LinkOfTwo]:
    """In the order in which they were taken."""
    rows = fetch(snapshot, LINK, [one.number for one in subjects])
    held = {one.number: one for one in subjects}
    strangers = {subject for row in rows for subject in row[:2]} - held.keys()
    if strangers:
        others = rows_of(snapshot, SUBJECT, "subject", strangers)
        held |= {row[0]: Subject(*row) for row in others}

    def taken(row: Sequence[Any]) -> tuple[Any, ...]:
        a, b, _, _, forced, event_id, received_at, occurred_at = row
        ends = sorted((strength(held[one].kind), held[one].subject_id) for one in (a, b))
        return received_at, occurred_at, event_id, not forced, ends

    return [
        {
            "identifiers": [held[a].pair, held[b].pair],
            "accepted": accepted,
            "reason": reason,
            "forced": forced,
            "event_id": event_id,
            "received_at": received_at,
        }
        for a, b, accepted, reason, forced, event_id, received_at, _ in sorted(rows, key=taken)
    ]


def public_ids(snapshot: duckdb.DuckDBPyConnection, subjects: Iterable[int | None]) -> dict[int | None, str]:
    """The id of the profile that each subject belongs to."""
    wanted = {one for one in subjects if one is not None}
    if not wanted:
        return {}
    rows = rows_of(snapshot, PUBLIC_ID, "i.subject", wanted)
    return {subject: subject_id.hex for subject, subject_id in rows}
