"""The plan: all trait definitions compiled together, the tables of their state, and how profiles are read."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from kizuna.schemas.definitions import Trait, Workspace

from .compiler import LEDGER, Compiled, Component, Parameters, Place, compile_trait
from .sources import ANY_EVENT
from .tables import TRAIT_VALUES, Table

Of = Literal["person", "company"]
OFS: tuple[Of, Of] = ("person", "company")
OWNER = {"person": "owner", "company": "company"}
SUBJECT = {"person": "subject", "company": "company"}
NEXT = "next_"
"""Before the names of tables of traits that are computed, but not in force yet."""

State = tuple[object, ...]


@dataclass(frozen=True)
class Plan:
    """What the fold computes for every person and every company. `prefix` is that of its tables."""

    traits: tuple[Trait, ...]
    workspace: Workspace
    compiled: tuple[Compiled, ...]
    parameters: dict[str, object]
    prefix: str = ""

    @cached_property
    def states(self) -> dict[str, State]:
        """What is kept of each trait, by name: equal where one plan's state will do for another's. A label,
        or how the state is read, makes no difference."""
        return {trait.name: _state(trait, self.workspace) for trait in self.traits}

    def beyond(self, held: Plan) -> Plan:
        """The part that is to be computed where `held` is: in tables of its own."""
        wanted = [trait for trait in self.traits if held.states.get(trait.name) != self.states[trait.name]]
        return plan(wanted, self.workspace, NEXT)

    def select(self, of: Of, place: Place, origin: str | None = None) -> list[Compiled]:
        return [
            one
            for one in self.compiled
            if one.trait.of == of and one.place == place and origin in (None, one.origin)
        ]

    def components(self, of: Of, origin: str | None = None) -> list[Component]:
        """The columns of the table of totals, or those of them that rows of one origin fill."""
        return [part for one in self.select(of, "totals", origin) for part in one.components]

    def origins(self, of: Of) -> list[str]:
        return sorted({one.origin for one in self.select(of, "totals")})

    @cached_property
    def event_types(self) -> frozenset[str] | None:
        """Types that some trait over events reads; None when one reads them all."""
        types = {one.event_type for one in self.compiled if one.origin == ANY_EVENT}
        return None if ANY_EVENT in types else frozenset(one for one in types if one is not None)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The state tables whose columns follow from the plan: totals of persons and of companies; of traits
        not in force yet, all."""
        totals = tuple(self.table(of) for of in OFS)
        if not self.prefix:
            return totals
        its = (*totals, replace(TRAIT_VALUES, name=self.values))
        return tuple(replace(one, role="local", reason="computed, but not in force yet") for one in its)

    def table(self, of: Of) -> Table:
        columns = [(part.column, part.sql_type) for part in self.components(of)]
        return Table(
            self.totals(of),
            "folded",
            (("subject", "BIGINT"), *columns),
            subject_keys=("subject",),
            state_key=("subject",),
        )

    def totals(self, of: Of) -> str:
        """The name of the table of totals."""
        return f"{self.prefix}{of}_totals"

    @property
    def values(self) -> str:
        """The name of the table of values seen."""
        return f"{self.prefix}{TRAIT_VALUES.name}"

    def used(self, sql: str) -> dict[str, object]:
        """The parameters that a statement names."""
        return {name: self.parameters[name] for name in set(re.findall(r"\$(p\d+)\b", sql))}

    def profiles_sql(self, of: Of, subjects: str | None = None) -> str:
        """One row a profile: `profile` and one column a trait, named after it. `subjects`, an SQL query of
        subject numbers, limits what is read; it must hold all subjects of each profile wanted."""
        kind = "i.kind = 'company'" if of == "company" else "i.kind <> 'company'"
        limit = f" AND i.subject IN ({subjects})" if subjects else ""
        parts = [f"WITH scope AS (SELECT i.subject, i.profile FROM identifiers i WHERE {kind}{limit})"]
        joins = ["(SELECT DISTINCT profile FROM scope) s"]
        merged = merged_columns(self.components(of))
        if merged:
            parts.append(
                f"totals AS (SELECT profile, {merged} FROM scope JOIN {of}_totals USING (subject) "
                "GROUP BY profile)"
            )
            joins.append("LEFT JOIN totals USING (profile)")
        seen = self.select(of, "values")
        if seen:
            names = ", ".join(f"'{one.trait.name}'" for one in seen)
            reads = ", ".join(f'{one.read} AS "{one.trait.name}"' for one in seen)
            parts.append(
                "seen AS (SELECT profile, trait, value, sum(n)::BIGINT AS n FROM scope "
                f"JOIN trait_values USING (subject) WHERE trait IN ({names}) "
                "GROUP BY ALL HAVING sum(n) > 0), "
                f"vals AS (SELECT profile, {reads} FROM seen GROUP BY profile)"
            )
            joins.append("LEFT JOIN vals USING (profile)")
        columns = [f'{_read(one)} AS "{one.trait.name}"' for one in self.compiled if one.trait.of == of]
        selected = ", ".join(["s.profile AS profile", *columns])
        return f"{', '.join(parts)} SELECT {selected} FROM {' '.join(joins)}"


def _read(one: Compiled) -> str:
    if one.place != "values":
        return one.read
    name = one.trait.name
    empty = {"distinct": "0", "list": "[]"}.get(one.trait.aggregate()[0])
    return f'coalesce(vals."{name}", {empty})' if empty else f'vals."{name}"'


def merged_columns(components: Sequence[Component], losing: Container[Component] = ()) -> str:
    """The merge of every component, as a select list. A sum of nothing is 0, so that equal sets of events
    give equal rows. Of those `losing` rows that go (`sign` below 0) say nothing."""
    return ", ".join(
        f'{_merged(part, losing=part in losing)}::{part.sql_type} AS "{part.column}"' for part in components
    )


def _merged(part: Component, *, losing: bool) -> str:
    column = f'CASE WHEN sign >= 0 THEN "{part.column}" END' if losing else f'"{part.column}"'
    merged = f"{part.merge}({column})"
    return f"coalesce({merged}, 0)" if part.merge == "sum" else merged


def said(components: Sequence[Component]) -> str:
    """Whether a row of totals says anything, as SQL. One that does not is no row: what came and went leaves
    the state as if it had never come."""
    return " OR ".join(
        f'"{part.column}" <> 0' if part.merge == "sum" else f'"{part.column}" IS NOT NULL'
        for part in components
    )


def _state(trait: Trait, workspace: Workspace) -> State:
    parameters = Parameters()
    one = compile_trait(trait, workspace.currency, parameters)
    kept = (trait.of, one.origin, one.event_type, one.place, one.components, one.value, one.predicate)
    return (*kept, *parameters.values.items())


def plan(traits: Sequence[Trait], workspace: Workspace, prefix: str = "") -> Plan:
    """Compile all traits, in the order of their names. Raises ConfigurationError."""
    parameters = Parameters()
    ordered = tuple(sorted(traits, key=lambda trait: trait.name))
    compiled = tuple(compile_trait(trait, workspace.currency, parameters) for trait in ordered)
    return Plan(ordered, workspace, compiled, parameters.values, prefix)


__all__ = ["LEDGER", "Of", "Plan", "merged_columns", "plan", "said"]
