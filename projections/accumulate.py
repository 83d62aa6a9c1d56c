"""Traits: what the batch contributes, merged into the state of the subjects it touches."""

from __future__ import annotations

from collections.abc import Iterator

from .compiler import LEDGER
from .entities import BY_KIND
from .script import Script
from .sources import ANY_EVENT
from .stories import NO_CHANGES, Changes
from .traits import OFS, OWNER, SUBJECT, Of, Plan, merged_columns

_EVENT = "e.type, e.occurred_at, e.received_at, e.event_id, e.source, e.channel, e.store, e.properties"

# An event of nobody counts for the person, and the company, of its entity.
CONTRIBUTIONS = f"""
CREATE OR REPLACE TEMP TABLE contributions AS
SELECT coalesce(k.subject, o.owner) AS subject, coalesce(k.company, o.company) AS company, {_EVENT}
FROM incoming e JOIN keys k USING ("row") LEFT JOIN owners o ON o.entity = k.entity
WHERE NOT e.test
"""
# Earlier events of nobody, whose entity has found its person, or its company, by this batch.
JOINED_LATE = f"""
INSERT INTO contributions
SELECT CASE WHEN e.subject IS NULL AND t.owner IS NULL THEN o.owner END,
       CASE WHEN e.company IS NULL AND t.company IS NULL THEN o.company END, {_EVENT}
FROM events e JOIN touched t USING (entity) JOIN owners o USING (entity)
WHERE t.known AND NOT e.test AND e.event_id NOT IN (SELECT event_id FROM incoming)
  AND ((e.subject IS NULL AND t.owner IS NULL AND o.owner IS NOT NULL)
    OR (e.company IS NULL AND t.company IS NULL AND o.company IS NOT NULL))
"""
ANY_JOINED_LATE = """
SELECT 1 FROM touched t JOIN owners o USING (entity)
WHERE t.known AND ((t.owner IS NULL AND o.owner IS NOT NULL) OR (t.company IS NULL AND o.company IS NOT NULL))
LIMIT 1
"""
HISTORY = f"""
SELECT coalesce(e.subject, n.owner) AS subject, coalesce(e.company, n.company) AS company, {_EVENT}
FROM events e LEFT JOIN entities n USING (entity) WHERE NOT e.test
"""


def contribute(script: Script, plan: Plan, *, joined: bool) -> None:
    """Fill `contributions`: the events of the batch, and those that it gave a person, each with whom it
    counts for. `joined`: the batch touches entities that were there before."""
    script.execute(CONTRIBUTIONS + _typed(plan))
    if joined and script.first(ANY_JOINED_LATE) is not None:
        script.execute(JOINED_LATE + _typed(plan))


def nothing(script: Script) -> None:
    """An empty `contributions`, for folding history alone."""
    script.execute(f"CREATE OR REPLACE TEMP TABLE contributions AS {HISTORY} AND false")


def accumulate(script: Script, plan: Plan, changes: Changes = NO_CHANGES, *, refold: bool) -> None:
    """Merge the batch into every trait table. With `refold`, the subjects in `refold` start from nothing and
    take all of their history."""
    batch = _Batch(script, plan, changes, refold)
    concerned = batch.concern()
    for of in OFS:
        if refold or concerned[of]:
            batch.totals(of)
    batch.values()


def _typed(plan: Plan) -> str:
    if plan.event_types is None:
        return ""
    return f" AND e.type IN ({', '.join(repr(one) for one in sorted(plan.event_types)) or 'NULL'})"


class _Batch:
    def __init__(self, script: Script, plan: Plan, changes: Changes, refold: bool) -> None:
        self.script = script
        self.plan = plan
        self.changes = changes
        self.refold = refold

    def execute(self, sql: str) -> None:
        self.script.execute(sql, self.plan.used(sql))

    def concern(self) -> dict[Of, int]:
        """Fill `concerned`, with whom the batch says something of, and count them."""
        named = ["SELECT subject, company FROM contributions"]
        named += [f"SELECT owner, company FROM changes_{kind}" for kind in sorted(self.changes.kinds)]
        self.execute(
            "CREATE OR REPLACE TEMP TABLE concerned AS SELECT DISTINCT subject AS person, company FROM "
            f"({' UNION ALL '.join(named)})"
        )
        persons, companies = self.script.one("SELECT count(person), count(company) FROM concerned")
        return {"person": persons, "company": companies}

    def totals(self, of: Of) -> None:
        components = self.plan.components(of)
        if not components:
            return
        table = f"{of}_totals"
        branches = [*self._rows(of), *self._extremes_left(of), self._state(of)]
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE merged AS SELECT subject, {merged_columns(components)} "
            f"FROM ({' UNION ALL BY NAME '.join(branches)}) GROUP BY subject"
        )
        gone = " OR subject IN (SELECT subject FROM refold)" if self.refold else ""
        self.execute(f"DELETE FROM {table} WHERE subject IN (SELECT subject FROM merged){gone}")
        # A row that says nothing is no row: what came and went leaves the state as if it had never come.
        said = " OR ".join(
            f'"{part.column}" <> 0' if part.merge == "sum" else f'"{part.column}" IS NOT NULL'
            for part in components
        )
        self.execute(f"INSERT INTO {table} BY NAME SELECT * FROM merged WHERE {said}")

    def _rows(self, of: Of) -> Iterator[str]:
        """What each row of the batch says, for every origin that some trait reads."""
        for origin in self.plan.origins(of):
            relation = self._relation(of, origin)
            if relation is not None:
                columns = (f'{part.value} AS "{part.column}"' for part in self.plan.components(of, origin))
                yield f"SELECT r.{_key(of, origin)} AS subject, {', '.join(columns)} FROM {relation} r"

    def _extremes_left(self, of: Of) -> Iterator[str]:
        """A smallest or largest cannot be taken out of a state: who lost a row gets it from all rows left."""
        for kind in sorted(self.changes.known):
            parts = [part for part in self.plan.components(of, kind) if part.merge != "sum"]
            if parts:
                columns = ", ".join(f'{part.value} AS "{part.column}"' for part in parts)
                yield (
                    f"SELECT r.{OWNER[of]} AS subject, {columns} FROM (SELECT 1 AS sign, * FROM "
                    f"{BY_KIND[kind].table} WHERE {OWNER[of]} IN ({self._losing(of, kind)})) r"
                )

    def _losing(self, of: Of, kind: str) -> str:
        return f"SELECT {OWNER[of]} FROM changes_{kind} WHERE sign = -1"

    def _state(self, of: Of) -> str:
        """The state so far of all concerned, without the extremes that have to be found anew."""
        anew = ", ".join(
            f'CASE WHEN subject IN ({self._losing(of, kind)}) THEN NULL ELSE "{part.column}" END AS '
            f'"{part.column}"'
            for kind in sorted(self.changes.known)
            for part in self.plan.components(of, kind)
            if part.merge != "sum"
        )
        columns = f"* REPLACE ({anew})" if anew else "*"
        kept = " AND subject NOT IN (SELECT subject FROM refold)" if self.refold else ""
        return f"SELECT {columns} FROM {of}_totals WHERE subject IN (SELECT {of} FROM concerned){kept}"

    def _relation(self, of: Of, origin: str) -> str | None:
        """The rows `r` that a trait of this origin adds; of entities with `sign`, 1 or -1."""
        key = _key(of, origin)
        if origin == ANY_EVENT:
            changes, whole, select = "contributions", f"({HISTORY}{_typed(self.plan)})", "*"
        else:
            changes = f"changes_{origin}" if origin in self.changes.kinds else ""
            whole = "movements" if origin == LEDGER else BY_KIND[origin].table
            select = "1 AS sign, *"
        parts = []
        if changes:
            kept = f" AND {key} NOT IN (SELECT subject FROM refold)" if self.refold else ""
            parts.append(f"SELECT * FROM {changes} WHERE {key} IS NOT NULL{kept}")
        if self.refold:
            parts.append(f"SELECT {select} FROM {whole} WHERE {key} IN (SELECT subject FROM refold)")
        return f"({' UNION ALL BY NAME '.join(parts)})" if parts else None

    def values(self) -> None:
        """Count the values seen: for distinct, top and list."""
        branches = list(self._value_rows())
        if not branches:
            return
        if self.refold:
            self.execute("DELETE FROM trait_values WHERE subject IN (SELECT subject FROM refold)")
        self.execute(
            "CREATE OR REPLACE TEMP TABLE merged_values AS SELECT s.subject, s.trait, s.value, "
            "(s.n + coalesce(t.n, 0))::BIGINT AS n, t.n IS NOT NULL AS held FROM ("
            f"SELECT subject, trait, value, sum(n) AS n FROM ({' UNION ALL '.join(branches)}) "
            "WHERE value IS NOT NULL GROUP BY ALL) s LEFT JOIN trait_values t USING (subject, trait, value)"
        )
        self.execute(
            "DELETE FROM trait_values t USING merged_values s WHERE s.held "
            "AND t.subject = s.subject AND t.trait = s.trait AND t.value = s.value"
        )
        self.execute("INSERT INTO trait_values SELECT * EXCLUDE (held) FROM merged_values WHERE n <> 0")

    def _value_rows(self) -> Iterator[str]:
        for of in OFS:
            for one in self.plan.select(of, "values"):
                relation = self._relation(of, one.origin)
                if relation is not None:
                    n = "1" if one.origin == ANY_EVENT else "r.sign"
                    yield (
                        f"SELECT r.{_key(of, one.origin)} AS subject, '{one.trait.name}' AS trait, "
                        f"({one.value})::VARCHAR AS value, {n} AS n FROM {relation} r WHERE {one.predicate}"
                    )


def _key(of: Of, origin: str) -> str:
    """The column with the subject that a row of this origin counts for."""
    return SUBJECT[of] if origin == ANY_EVENT else OWNER[of]
