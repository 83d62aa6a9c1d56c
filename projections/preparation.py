"""Preparing a plan: what it adds to the one in force is computed beside it, piece by piece."""

from __future__ import annotations

from . import accumulate
from .script import Script
from .stories import Changes
from .traits import NEXT, OFS, Of, Plan, said

PIECE = 500_000
"""Events whose subjects make up a piece, about: the fold stands still that long, not longer."""

SIZE = """
SELECT (SELECT count(*) FROM events), (SELECT coalesce(max(subject), 0) FROM identifiers)
"""
LEFT_OVER = f"""
SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '{NEXT}')
AND database_name = current_database()
"""
_END = accumulate.EVERYBODY[1]


def discard(script: Script) -> None:
    """Drop what a preparation that came to no end has left."""
    for (name,) in script.execute(LEFT_OVER).fetchall():
        script.execute(f"DROP TABLE {name}")


class Preparation:
    """`plan` is the part of a plan that is not computed yet (`Plan.beyond`), and has tables of its own.

    Subjects are computed in the order of their numbers. Of those below `_below` the tables hold what there
    is, and every batch is merged into them; those above wait for their piece of history.
    """

    def __init__(self, script: Script, plan: Plan) -> None:
        discard(script)
        self.plan = plan
        self._script = script
        self._below = 0 if plan.traits else _END
        for table in plan.tables:
            script.execute(table.ddl)

    @property
    def whole(self) -> bool:
        """Whether everybody is computed."""
        return self._below == _END

    def advance(self) -> None:
        """Compute a piece."""
        events, last = self._script.one(SIZE)
        end = self._below - (-(last + 1) // max(1, events // PIECE))
        self._compute(end if end <= last else _END)

    def merge(self, changes: Changes, *, displaced: bool) -> None:
        """Merge a batch, of those that are computed."""
        if self._below and self.plan.traits:
            span = (0, self._below)
            accumulate.accumulate(self._script, self.plan, changes, displaced=displaced, span=span)

    def put_in_force(self, before: Plan, after: Plan) -> None:
        """Finish, and make the tables of `before` those of `after`, which is what both plans have together
        or less."""
        if not self.whole:
            self._compute(_END)
        for of in OFS:
            self._join(of, before, after)
        changed = {one.trait.name for one in before.compiled if one.place == "values"}
        changed -= {name for name in after.states if before.states.get(name) == after.states[name]}
        for name in sorted(changed):
            self._script.execute("DELETE FROM trait_values WHERE trait = ?", [name])
        self._script.execute(f"INSERT INTO trait_values FROM {self.plan.values}")
        discard(self._script)

    def _compute(self, end: int) -> None:
        accumulate.recompute(self._script, self.plan, (self._below, end))
        self._below = end

    def _join(self, of: Of, before: Plan, after: Plan) -> None:
        """The columns that stay, those that are new, and none of those that go."""
        new = {part.column for part in self.plan.components(of)}
        components = after.components(of)
        if not new and after.table(of).columns == before.table(of).columns:
            return
        columns = [
            f'coalesce({side}."{part.column}", 0)::{part.sql_type} AS "{part.column}"'
            if part.merge == "sum"
            else f'{side}."{part.column}"'
            for part in components
            for side in ("n" if part.column in new else "s",)
        ]
        self._script.execute(
            f"CREATE OR REPLACE TEMP TABLE joined AS SELECT {', '.join(['subject', *columns])} "
            f"FROM {before.totals(of)} s FULL JOIN {self.plan.totals(of)} n USING (subject)"
        )
        self._script.execute(f"DROP TABLE {before.totals(of)}")
        self._script.execute(after.table(of).ddl)
        if components:
            self._script.execute(
                f"INSERT INTO {after.totals(of)} BY NAME FROM joined WHERE {said(components)}"
            )
