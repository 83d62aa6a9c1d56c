"""Traits: what the batch contributes, merged into the state of the subjects it touches."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .compiler import LEDGER, Place
from .entities import BY_KIND
from .script import Script
from .sources import ANY_EVENT
from .traits import OWNER, SUBJECT, Of, Plan, merged_columns

OFS: tuple[Of, Of] = ("person", "company")
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


def contribute(script: Script, plan: Plan) -> None:
    """Fill `contributions`: the events of the batch, and those that it gave a person, each with whom it
    counts for."""
    script.execute(CONTRIBUTIONS + _typed(plan))
    if script.first(ANY_JOINED_LATE) is not None:
        script.execute(JOINED_LATE + _typed(plan))


def nothing(script: Script) -> None:
    """An empty `contributions`, for folding history alone."""
    script.execute(f"CREATE OR REPLACE TEMP TABLE contributions AS {HISTORY} AND false")


def accumulate(script: Script, plan: Plan, kinds: Collection[str], *, refold: bool) -> None:
    """Merge the batch into every trait table. With `refold`, the subjects in `refold` start from nothing and
    take all of their history; `kinds` are the entity kinds that have changes."""
    batch = _Batch(script, plan, kinds, refold)
    for of in OFS:
        if refold or batch.concerns(of):
            batch.totals(of)
            batch.picks(of)
    batch.values()


def _typed(plan: Plan) -> str:
    if plan.event_types is None:
        return ""
    return f" AND e.type IN ({', '.join(repr(one) for one in sorted(plan.event_types)) or 'NULL'})"


class _Batch:
    def __init__(self, script: Script, plan: Plan, kinds: Collection[str], refold: bool) -> None:
        self.script = script
        self.plan = plan
        self.kinds = kinds
        self.refold = refold

    def execute(self, sql: str) -> None:
        self.script.execute(sql, self.plan.used(sql))

    def concerns(self, of: Of) -> bool:
        """Whether anything in the batch belongs to a person, or to a company."""
        named = [f"SELECT {OWNER[of]} AS subject FROM changes_{kind}" for kind in sorted(self.kinds)]
        named.append(f"SELECT {SUBJECT[of]} AS subject FROM contributions")
        return (
            self.script.first(
                f"SELECT 1 FROM ({' UNION ALL '.join(named)}) WHERE subject IS NOT NULL LIMIT 1"
            )
            is not None
        )

    def relation(self, of: Of, origin: str) -> str | None:
        """The rows `r` that a trait of this origin adds, with the subject as `subject`."""
        if origin == ANY_EVENT:
            key, changes, whole = SUBJECT[of], "contributions", f"({HISTORY}{_typed(self.plan)})"
            select = "*"
        else:
            key, select = OWNER[of], "1 AS sign, *"
            changes = f"changes_{origin}" if origin in self.kinds else ""
            whole = "movements" if origin == LEDGER else BY_KIND[origin].table
        parts = []
        if changes:
            kept = f" AND {key} NOT IN (SELECT subject FROM refold)" if self.refold else ""
            parts.append(f"SELECT * FROM {changes} WHERE {key} IS NOT NULL{kept}")
        if self.refold:
            parts.append(f"SELECT {select} FROM {whole} WHERE {key} IN (SELECT subject FROM refold)")
        return f"({' UNION ALL BY NAME '.join(parts)})" if parts else None

    def branches(self, of: Of, place: Place) -> Iterator[str]:
        key = {ANY_EVENT: SUBJECT[of]}
        for origin in self.plan.origins(of, place):
            relation = self.relation(of, origin)
            if relation is not None:
                subject = key.get(origin, OWNER[of])
                columns = ", ".join(
                    f'{part.delta} AS "{part.column}"' for part in self.plan.components(of, place, origin)
                )
                yield f"SELECT r.{subject} AS subject, {columns} FROM {relation} r GROUP BY r.{subject}"

    def totals(self, of: Of) -> None:
        branches = list(self.branches(of, "totals"))
        if not branches:
            return
        table = f"{of}_totals"
        components = self.plan.components(of, "totals")
        old = " AND subject NOT IN (SELECT subject FROM refold)" if self.refold else ""
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE merged AS "
            f"WITH came AS MATERIALIZED ({' UNION ALL BY NAME '.join(branches)}) "
            f"SELECT subject, {merged_columns(components)} FROM (FROM came UNION ALL BY NAME "
            f"SELECT * FROM {table} WHERE subject IN (SELECT subject FROM came){old}) GROUP BY subject"
        )
        gone = " OR subject IN (SELECT subject FROM refold)" if self.refold else ""
        self.execute(f"DELETE FROM {table} WHERE subject IN (SELECT subject FROM merged){gone}")
        # A row that says nothing is no row: what came and went leaves the state as if it had never come.
        kept = " OR ".join(
            f'"{part.column}" <> 0' if part.merge == "sum" else f'"{part.column}" IS NOT NULL'
            for part in components
        )
        self.execute(f"INSERT INTO {table} BY NAME SELECT * FROM merged WHERE {kept}")

    def picks(self, of: Of) -> None:
        """A smallest or largest of entities is computed anew for each owner concerned."""
        origins = self.plan.origins(of, "picks")
        owner = OWNER[of]
        concerned = [
            f"SELECT {owner} AS subject FROM changes_{origin}" for origin in origins if origin in self.kinds
        ]
        if self.refold:
            concerned.append("SELECT subject FROM refold")
        if not concerned or not origins:
            return
        table = f"{of}_picks"
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE concerned AS SELECT DISTINCT subject FROM "
            f"({' UNION ALL '.join(concerned)}) WHERE subject IS NOT NULL"
        )
        branches = [
            f"SELECT {owner} AS subject, "
            + ", ".join(
                f'{part.delta} AS "{part.column}"' for part in self.plan.components(of, "picks", origin)
            )
            + f" FROM {BY_KIND[origin].table} r WHERE {owner} IN (SELECT subject FROM concerned) "
            + f"GROUP BY {owner}"
            for origin in origins
        ]
        components = self.plan.components(of, "picks")
        self.execute(f"DELETE FROM {table} WHERE subject IN (SELECT subject FROM concerned)")
        kept = " OR ".join(f'"{part.column}" IS NOT NULL' for part in components)
        self.execute(
            f"INSERT INTO {table} BY NAME SELECT * FROM (SELECT subject, {merged_columns(components)} "
            f"FROM ({' UNION ALL BY NAME '.join(branches)}) GROUP BY subject) WHERE {kept}"
        )

    def values(self) -> None:
        """Count the values seen: for distinct, top and list."""
        branches = list(self._value_branches())
        if not branches:
            return
        same = "t.subject = s.subject AND t.trait = s.trait AND t.value = s.value"
        self.execute(
            "CREATE OR REPLACE TEMP TABLE seen_values AS SELECT subject, trait, value, sum(n)::BIGINT AS n "
            f"FROM ({' UNION ALL '.join(branches)}) WHERE value IS NOT NULL GROUP BY ALL"
        )
        if self.refold:
            self.execute("DELETE FROM trait_values WHERE subject IN (SELECT subject FROM refold)")
        self.execute(
            "CREATE OR REPLACE TEMP TABLE merged_values AS "
            "SELECT subject, trait, value, sum(n)::BIGINT AS n FROM (FROM seen_values UNION ALL "
            f"SELECT t.* FROM trait_values t SEMI JOIN seen_values s ON {same}) GROUP BY ALL"
        )
        self.execute(f"DELETE FROM trait_values t USING merged_values s WHERE {same}")
        self.execute("INSERT INTO trait_values SELECT * FROM merged_values WHERE n <> 0")

    def _value_branches(self) -> Iterator[str]:
        for of in OFS:
            for one in self.plan.select(of, "values"):
                relation = self.relation(of, one.origin)
                if relation is not None:
                    subject = SUBJECT[of] if one.origin == ANY_EVENT else OWNER[of]
                    n = "1" if one.origin == ANY_EVENT else "r.sign"
                    yield (
                        f"SELECT r.{subject} AS subject, '{one.trait.name}' AS trait, "
                        f"({one.value})::VARCHAR AS value, {n} AS n FROM {relation} r WHERE {one.predicate}"
                    )
