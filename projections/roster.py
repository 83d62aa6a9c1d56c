"""Lists of profiles: by filters and order, and by free text over identifiers and names."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import duckdb

from kizuna.schemas.identifiers import COMPANY, is_person_kind

from . import profiles, trait_states
from .profiles import Summary, fields_of, members, summarise
from .selection import Column, Filter, Key, Order, Values, named_rows, narrow, page
from .traits import Of, Plan

TRAIT = "trait."
SEEN = ("first_seen", "last_seen")
NAMES = ("name", "family_name", "given_name", "family_name_kana", "given_name_kana")
MAX_TERMS = 5

TIE = Column("i.subject_id", "UUID")
SORTABLE = ("BIGINT", "DECIMAL", "TIMESTAMP", "DATE")
"""Types to sort by. Text is none of them: a value of the last row goes into the cursor, so into addresses."""


class Roster(NamedTuple):
    """A page of a list, and the key of its last profile where more follow."""

    items: list[Summary]
    after: Key | None


@dataclass(frozen=True, slots=True)
class Question:
    """Which profiles to list: those with an identifier of each kind in `has`, that pass every filter, ordered
    by `sort`: `first_seen`, `last_seen` or `trait.<name>`."""

    of: Of = "person"
    has: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    sort: str = "last_seen"
    descending: bool = True


def list_profiles(
    snapshot: duckdb.DuckDBPyConnection, plan: Plan, question: Question, after: Key | None, limit: int
) -> Roster:
    """Raises ValueError for a filter or order by what does not exist, or a key of another list."""
    of = question.of
    named = (question.sort, *(one.name for one in question.filters))
    narrowed = _only(plan, of, {_trait(plan, of, name) for name in named})
    relation = narrowed.profiles_sql(of)
    columns = _columns(snapshot, narrowed, of, relation)
    values = Values()
    sort = _sorted_by(columns, question.sort)
    order = Order(sort, TIE, question.descending)
    conditions = narrow(question.filters, columns, values)
    for kind in question.has:
        if not is_person_kind(kind) and kind != COMPANY:
            raise ValueError("there is no such kind of identifier")
        conditions.append(f"r.profile IN (SELECT profile FROM identifiers WHERE kind = {values.bind(kind)})")
    if after is not None:
        conditions.append(order.beyond(after, values))
    rows = named_rows(
        snapshot,
        f"SELECT r.profile, {order.keys} FROM ({relation}) r JOIN identifiers i ON i.subject = r.profile "
        f"WHERE {' AND '.join(conditions) or 'true'} ORDER BY {order.by} LIMIT {limit + 1}",
        {**plan.used(relation), **values.bound},
    )
    return _page(snapshot, plan, of, rows, limit)


def _trait(plan: Plan, of: Of, name: str) -> str | None:
    """The trait behind a column's name."""
    return profiles.seen_trait(plan, of, name) if name in SEEN else name.removeprefix(TRAIT)


def _only(plan: Plan, of: Of, names: Collection[str | None]) -> Plan:
    """The plan with these traits alone: what is not asked for costs nothing."""
    compiled = tuple(one for one in plan.compiled if one.trait.of == of and one.trait.name in names)
    return replace(plan, traits=tuple(one.trait for one in compiled), compiled=compiled)


def _columns(snapshot: duckdb.DuckDBPyConnection, plan: Plan, of: Of, relation: str) -> dict[str, Column]:
    """What the list can be filtered and sorted by, of what the question names."""
    cursor = snapshot.execute(f"SELECT * FROM ({relation}) LIMIT 0", plan.used(relation))
    types = {column[0]: str(column[1]) for column in cursor.description or ()}
    cursor.fetchall()
    columns = {f"{TRAIT}{one.name}": Column(f'r."{one.name}"', _bare(types[one.name])) for one in plan.traits}
    for which in SEEN:
        name = profiles.seen_trait(plan, of, which)
        if name is not None:
            columns[which] = columns[f"{TRAIT}{name}"]
    return columns


def _bare(sql_type: str) -> str:
    return "BIGINT" if sql_type == "HUGEINT" else sql_type


def _sorted_by(columns: dict[str, Column], name: str) -> Column:
    if name in SEEN and name not in columns:
        return Column("NULL::TIMESTAMP", "TIMESTAMP")  # no trait tells it: every profile is without
    if name not in columns:
        raise ValueError(f"there is no {name} to sort by: use first_seen, last_seen or trait.<name>")
    if not columns[name].sql_type.startswith(SORTABLE):
        raise ValueError(f"{name} is no number and no time: a list cannot be sorted by it")
    return columns[name]


def search_profiles(
    snapshot: duckdb.DuckDBPyConnection, plan: Plan, of: Of, query: str, after: Key | None, limit: int
) -> Roster:
    """Profiles for which each word of `query` is in an identifier or a name, whatever its case. Those with an
    identifier that is the query come first, then those with one that begins with it. Raises ValueError when
    there is no word, or more than MAX_TERMS."""
    terms = unicodedata.normalize("NFKC", query).lower().split()
    if not terms or len(terms) > MAX_TERMS:
        raise ValueError(f"give 1 to {MAX_TERMS} words")
    values = Values()
    kind = "=" if of == COMPANY else "<>"
    found = " INTERSECT ".join(_holding(values.bind(term), kind) for term in terms)
    whole = values.bind(" ".join(terms))
    rank = (
        f"CASE WHEN bool_or(lower(v.value) = {whole}) THEN 0 "
        f"WHEN bool_or(starts_with(lower(v.value), {whole})) THEN 1 ELSE 2 END"
    )
    ranked = (
        f"SELECT v.profile, {rank} AS rank FROM identifiers v WHERE v.profile IN ({found}) GROUP BY v.profile"
    )
    order = Order(Column("r.rank", "BIGINT"), TIE, descending=False)
    beyond = order.beyond(after, values) if after is not None else "true"
    rows = named_rows(
        snapshot,
        f"SELECT r.profile, {order.keys} FROM ({ranked}) r JOIN identifiers i ON i.subject = r.profile "
        f"WHERE {beyond} ORDER BY {order.by} LIMIT {limit + 1}",
        values.bound,
    )
    return _page(snapshot, plan, of, rows, limit)


def _holding(term: str, kind: str) -> str:
    """Profiles with an identifier or a name that holds the term."""
    names = ", ".join(f"'{name}'" for name in NAMES)
    return (
        f"(SELECT profile FROM identifiers WHERE kind {kind} '{COMPANY}' AND contains(lower(value), {term}) "
        "UNION "
        "SELECT i.profile FROM fields f JOIN identifiers i USING (subject) "
        f"WHERE i.kind {kind} '{COMPANY}' AND f.field IN ({names}) "
        f"AND contains(lower(json_extract_string(f.value, '$')), {term}))"
    )


def _page(
    snapshot: duckdb.DuckDBPyConnection,
    plan: Plan,
    of: Of,
    rows: Sequence[dict[str, object]],
    limit: int,
) -> Roster:
    shown, after = page(rows, limit)
    return Roster(summaries(snapshot, plan, of, [cast(int, row["profile"]) for row in shown]), after)


def summaries(
    snapshot: duckdb.DuckDBPyConnection, plan: Plan, of: Of, wanted: Sequence[int]
) -> list[Summary]:
    """Profiles by number, in that order."""
    if not wanted:
        return []
    held = members(snapshot, wanted)
    subjects = [one for its in held.values() for one in its]
    traits = trait_states.of_many(snapshot, plan, of, [one.number for one in subjects])
    fields = fields_of(snapshot, subjects)
    return [
        summarise(plan, held[profile], fields.get(profile, {}), traits.get(profile, {})) for profile in wanted
    ]
