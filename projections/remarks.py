"""Remarks: notes, tags, single fields and relations, each as the event that last told it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import duckdb

from .master import HISTORY
from .profiles import public_ids
from .selection import Column, Key, Order, Page, Values, named_rows, page
from .timeline import COLUMNS, shown


@dataclass(frozen=True, slots=True)
class RemarkKind:
    """Events of some types, of which only the last one of each `key` counts. The key is SQL over an event
    `e`, the profile `i` that it names and the person `o` that a relation leads to."""

    types: tuple[str, ...]
    key: tuple[str, ...]


def _said(name: str) -> str:
    return f"json_extract_string(e.properties, '$.{name}')"


# What an event is about: the thing that it names, else the person or company, else what it names in passing.
_ABOUT = (
    "e.entity",
    "CASE WHEN e.entity IS NULL THEN i.profile END",
    "CASE WHEN e.entity IS NULL AND i.profile IS NULL THEN e.entities END",
)

# A note without an id stands for itself.
NOTES = RemarkKind(("note.added",), ("e.source", f"coalesce({_said('note_id')}, e.event_id::VARCHAR)"))
TAGS = RemarkKind(("tag.added", "tag.removed"), (*_ABOUT, _said("tag")))
FIELDS = RemarkKind(("field.set", "field.unset"), (*_ABOUT, _said("field")))
RELATIONS = RemarkKind(
    ("relation.linked", "relation.unlinked"),
    (
        "i.profile",
        _said("kind"),
        f"coalesce(o.profile::VARCHAR, {_said('person.kind')} || chr(31) || {_said('person.value')})",
        "e.company",
        _said("household_id"),
    ),
)


def _last(kind: RemarkKind) -> str:
    types = ", ".join(f"'{one}'" for one in kind.types)
    return f"""
    SELECT arg_max(e.event_id, {HISTORY}) AS event_id, max(e.occurred_at) AS told_at
    FROM events e
    LEFT JOIN identifiers i ON i.subject = coalesce(e.subject, e.company)
    LEFT JOIN identifiers o ON o.kind = {_said("person.kind")} AND o.value = {_said("person.value")}
    WHERE e.type IN ({types}) AND NOT e.test GROUP BY {", ".join(kind.key)}
    """


def list_remarks(
    snapshot: duckdb.DuckDBPyConnection, kind: RemarkKind, after: Key | None, limit: int
) -> Page:
    """Newest first, each as the event that last told it, with the profiles it is about."""
    values = Values()
    order = Order(Column("told_at", "TIMESTAMP"), Column("event_id", "UUID"))
    beyond = order.beyond(after, values) if after is not None else "true"
    chosen, further = page(
        named_rows(
            snapshot,
            f"SELECT event_id, {order.keys} FROM ({_last(kind)}) WHERE {beyond} "
            f"ORDER BY {order.by} LIMIT {limit + 1}",
            values.bound,
        ),
        limit,
    )
    ids = [cast(UUID, row["event_id"]) for row in chosen]
    these = "event_id IN (SELECT unnest(?::UUID[]))"
    told = shown(snapshot, f"SELECT {COLUMNS} FROM events WHERE {these}", [ids])
    about = {
        event_id: pair
        for event_id, *pair in snapshot.execute(
            "SELECT e.event_id, coalesce(e.subject, n.owner), coalesce(e.company, n.company) "
            f"FROM events e LEFT JOIN entities n USING (entity) WHERE {these}",
            [ids],
        ).fetchall()
    }
    people = public_ids(snapshot, (one for pair in about.values() for one in pair))
    items = [
        {
            **told[id_],
            "profile_id": people.get(about[id_][0]),
            "company_profile_id": people.get(about[id_][1]),
        }
        for id_ in ids
    ]
    return Page(items, further)
