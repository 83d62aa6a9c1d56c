"""The plan: all trait definitions compiled together, the tables of their state, and how profiles are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from kizuna.schemas.definitions import Trait, Workspace

from .compiler import LEDGER, Compiled, Component, Parameters, Place, compile_trait
from .sources import ANY_EVENT
from .tables import Table

Of = Literal["person", "company"]
OFS: tuple[Of, Of] = ("person", "company")
OWNER = {"person": "owner", "company": "company"}
SUBJECT = {"person": "subject", "company": "company"}


@dataclass(frozen=True)
class Plan:
    """What the fold computes for every person and every company."""

    traits: tuple[Trait, ...]
    workspace: Workspace
    compiled: tuple[Compiled, ...]
    parameters: dict[str, object]

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
        """The state tables that the plan needs: totals of persons and of companies."""
        return tuple(self.table(of) for of in OFS)

    def table(self, of: Of) -> Table:
        columns = [(part.column, part.sql_type) for part in self.components(of)]
        return Table(
            f"{of}_totals",
            "folded",
            (("subject", "BIGINT"), *columns),
            subject_keys=("subject",),
            state_key=("subject",),
        )

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


def merged_columns(components: Sequence[Component]) -> str:
    """The merge of every component, as a select list. A sum of nothing is 0, so that equal sets of events
    give equal rows."""
    return ", ".join(f'{_merged(part)}::{part.sql_type} AS "{part.column}"' for part in components)


def _merged(part: Component) -> str:
    merged = f'{part.merge}("{part.column}")'
    return f"coalesce({merged}, 0)" if part.merge == "sum" else merged


def plan(traits: Sequence[Trait], workspace: Workspace) -> Plan:
    """Compile all traits, in the order of their names. Raises ConfigurationError."""
    parameters = Parameters()
    ordered = tuple(sorted(traits, key=lambda trait: trait.name))
    compiled = tuple(compile_trait(trait, workspace.currency, parameters) for trait in ordered)
    return Plan(ordered, workspace, compiled, parameters.values)


__all__ = ["LEDGER", "Of", "Plan", "merged_columns", "plan"]
