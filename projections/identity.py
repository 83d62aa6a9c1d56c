"""Which subjects are one profile: the pure decision over one component of links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from kizuna.schemas.identifiers import strength

TWO_USERS = "would join two user ids"


class Order(NamedTuple):
    """Admission order."""

    received_at: datetime
    occurred_at: datetime
    event_id: UUID


class Node(NamedTuple):
    """A subject: its kind, its id, and when it was first seen."""

    kind: str
    subject_id: UUID
    first_seen: Order


class Link(NamedTuple):
    """Evidence that two subjects are one person. `forced` comes from a secret alias and overrides limits."""

    a: int
    b: int
    order: Order
    forced: bool


class Resolution(NamedTuple):
    """`refused` gives the reason per link taken out; `profile` maps every subject to its profile's."""

    refused: dict[Link, str]
    profile: dict[int, int]


def resolve(nodes: Mapping[int, Node], links: Sequence[Link]) -> Resolution:
    """Take the links in admission order; refuse each that would join two profiles that both carry a user id.
    A profile that got several by a forced link takes others as any profile does."""
    parent = {subject: subject for subject in nodes}
    users = {subject: node.kind == "user_id" for subject, node in nodes.items()}

    def root(subject: int) -> int:
        while parent[subject] != subject:
            parent[subject] = parent[parent[subject]]
            subject = parent[subject]
        return subject

    def rank(subject: int) -> tuple[int, Order, UUID]:
        node = nodes[subject]
        return strength(node.kind), node.first_seen, node.subject_id

    refused: dict[Link, str] = {}
    for link in sorted(links, key=lambda one: (one.order, not one.forced, _ends(one, nodes))):
        a, b = root(link.a), root(link.b)
        if a == b:
            continue
        if users[a] and users[b] and not link.forced:
            refused[link] = TWO_USERS
            continue
        parent[b] = a
        users[a] |= users[b]
    strongest: dict[int, int] = {}
    for subject in nodes:
        top = root(subject)
        if top not in strongest or rank(subject) < rank(strongest[top]):
            strongest[top] = subject
    return Resolution(refused, {subject: strongest[root(subject)] for subject in nodes})


def _ends(link: Link, nodes: Mapping[int, Node]) -> tuple[tuple[int, UUID], ...]:
    """Strongest identifier first, then by id: within one event the order of its links."""
    return tuple(
        sorted((strength(nodes[subject].kind), nodes[subject].subject_id) for subject in (link.a, link.b))
    )
