"""Traits: what the batch brings and takes away, merged into the state of the subjects it touches."""

from __future__ import annotations

from collections.abc import Iterator

from .compiler import LEDGER, Component
from .entities import BY_KIND
from .script import Script
from .sources import ANY_EVENT
from .stories import Changes
from .traits import OFS, OWNER, SUBJECT, Of, Plan, merged_columns

_EVENT = "e.type, e.occurred_at, e.received_at, e.event_id, e.source, e.channel, e.store, e.properties"

# An event of nobody counts for the person, and the company, of its entity.
CONTRIBUTIONS = f"""
CREATE OR REPLACE TEMP TABLE contributions AS
SELECT 1 AS sign, coalesce(k.subject, o.owner) AS subject, coalesce(k.company, o.company) AS company, {_EVENT}
FROM incoming e JOIN keys k USING ("row") LEFT JOIN owners o ON o.entity = k.entity
WHERE NOT e.test
"""
DISPLACED = f"""
INSERT INTO contributions
SELECT -1, coalesce(e.subject, t.owner), coalesce(e.company, t.company), {_EVENT}
FROM displaced e LEFT JOIN touched t USING (entity) WHERE NOT e.test
"""
# Earlier events of nobody, whose entity went from one person, or company, to another: away there, and here.
MOVED = f"""
INSERT INTO contributions
SELECT s.sign,
       CASE WHEN e.subject IS NULL AND t.owner IS DISTINCT FROM o.owner
            THEN CASE s.sign WHEN 1 THEN o.owner ELSE t.owner END END AS person,
       CASE WHEN e.company IS NULL AND t.company IS DISTINCT FROM o.company
            THEN CASE s.sign WHEN 1 THEN o.company ELSE t.company END END AS firm, {_EVENT}
FROM events e JOIN touched t USING (entity) JOIN owners o USING (entity) CROSS JOIN (VALUES (1), (-1)) s(sign)
WHERE t.known AND NOT e.test AND e.event_id NOT IN (SELECT event_id FROM incoming)
  AND (person IS NOT NULL OR firm IS NOT NULL)
"""
ANY_MOVED = """
SELECT 1 FROM touched t JOIN owners o USING (entity)
WHERE t.known AND (t.owner IS DISTINCT FROM o.owner OR t.company IS DISTINCT FROM o.company) LIMIT 1
"""
HISTORY = f"""
SELECT 1 AS sign, coalesce(e.subject, n.owner) AS subject, coalesce(e.company, n.company) AS company, {_EVENT}
FROM events e LEFT JOIN entities n USING (entity) WHERE NOT e.test
"""


def _history_of(of: Of) -> str:
    """Of the subjects in `shaken`: their own events, and those of nobody with an entity of theirs."""
    subject, owner = SUBJECT[of], OWNER[of]
    return f"""
    SELECT e.{subject}, {_EVENT} FROM events e
    WHERE e.{subject} IN (SELECT subject FROM shaken) AND NOT e.test
    UNION ALL
    SELECT n.{owner}, {_EVENT} FROM entities n JOIN events e USING (entity)
    WHERE n.{owner} IN (SELECT subject FROM shaken) AND e.{subject} IS NULL AND NOT e.test
    """


def accumulate(script: Script, plan: Plan, changes: Changes, *, displaced: bool) -> None:
    """Merge the batch into every trait table."""
    script.execute(CONTRIBUTIONS + _typed(plan))
    losing = set(changes.known)
    if displaced:
        script.execute(DISPLACED + _typed(plan))
        losing.add(ANY_EVENT)
    if changes.known and script.first(ANY_MOVED) is not None:
        script.execute(MOVED + _typed(plan))
        losing.add(ANY_EVENT)
    batch = _Batch(script, plan, changes, losing)
    concerned = batch.concern()
    for of in OFS:
        if concerned[of]:
            batch.totals(of)
    batch.values()


def recompute(script: Script, plan: Plan) -> None:
    """Fill the trait tables, which are empty, from all of history."""
    history = _History(script, plan)
    for of in OFS:
        history.totals(of)
    history.values()


def _typed(plan: Plan) -> str:
    if plan.event_types is None:
        return ""
    return f" AND e.type IN ({', '.join(repr(one) for one in sorted(plan.event_types)) or 'NULL'})"


class _History:
    """Rows from all of history; no state was there before."""

    def __init__(self, script: Script, plan: Plan) -> None:
        self.script = script
        self.plan = plan

    def execute(self, sql: str) -> None:
        self.script.execute(sql, self.plan.used(sql))

    def relation(self, of: Of, origin: str) -> str | None:
        """The rows `r` that a trait of this origin takes in, with their `sign`."""
        if origin == ANY_EVENT:
            return f"(SELECT * FROM ({HISTORY}{_typed(self.plan)}) WHERE {SUBJECT[of]} IS NOT NULL)"
        whole = "movements" if origin == LEDGER else BY_KIND[origin].table
        return f"(SELECT 1 AS sign, * FROM {whole} WHERE {OWNER[of]} IS NOT NULL)"

    def totals(self, of: Of) -> None:
        components = self.plan.components(of)
        if components:
            self._merge(of, merged_columns(components), self._rows(of))
            self._write(of)

    def values(self) -> None:
        """Count the values seen: for distinct, top and list."""
        branches = list(self._value_rows())
        if not branches:
            return
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

    def _merge(self, of: Of, columns: str, branches: Iterator[str]) -> None:
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE merged AS SELECT subject, {columns} "
            f"FROM ({' UNION ALL BY NAME '.join(branches)}) GROUP BY subject"
        )

    def _write(self, of: Of) -> None:
        # A row that says nothing is no row: what came and went leaves the state as if it had never come.
        components = self.plan.components(of)
        said = " OR ".join(
            f'"{part.column}" <> 0' if part.merge == "sum" else f'"{part.column}" IS NOT NULL'
            for part in components
        )
        columns = ", ".join(f'"{part.column}"' for part in components)
        self.execute(f"INSERT INTO {of}_totals BY NAME SELECT subject, {columns} FROM merged WHERE {said}")

    def _rows(self, of: Of) -> Iterator[str]:
        """What each row says, for every origin that some trait reads."""
        for origin in self.plan.origins(of):
            relation = self.relation(of, origin)
            if relation is not None:
                yield _said(of, origin, relation, self.plan.components(of, origin))

    def _value_rows(self) -> Iterator[str]:
        for of in OFS:
            for one in self.plan.select(of, "values"):
                relation = self.relation(of, one.origin)
                if relation is not None:
                    yield (
                        f"SELECT r.{_key(of, one.origin)} AS subject, '{one.trait.name}' AS trait, "
                        f"({one.value})::VARCHAR AS value, r.sign AS n FROM {relation} r "
                        f"WHERE {one.predicate}"
                    )


class _Batch(_History):
    """Rows that came with the batch, and that went; merged with the state of those they concern. `losing`:
    origins of which rows may have gone."""

    def __init__(self, script: Script, plan: Plan, changes: Changes, losing: set[str]) -> None:
        super().__init__(script, plan)
        self.changes = changes
        self.losing = losing

    def relation(self, of: Of, origin: str) -> str | None:
        if origin == ANY_EVENT:
            return f"(SELECT * FROM contributions WHERE {SUBJECT[of]} IS NOT NULL)"
        if origin in self.changes.kinds:
            return f"(SELECT * FROM changes_{origin} WHERE {OWNER[of]} IS NOT NULL)"
        return None

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
        losing = {
            part.column
            for origin in self.losing
            for part in self.plan.components(of, origin)
            if part.merge != "sum"
        }
        state = f"SELECT 0 AS sign, * FROM {of}_totals WHERE subject IN (SELECT {of} FROM concerned)"
        columns = merged_columns(components, losing)
        if losing:
            columns += (
                f", {' OR '.join(_lost(part) for part in components if part.column in losing)} AS shaken"
            )
        self._merge(of, columns, iter([*self._rows(of), state]))
        if losing:
            self._find_anew(of)
        self.execute(f"DELETE FROM {of}_totals WHERE subject IN (SELECT subject FROM merged)")
        self._write(of)

    def _find_anew(self, of: Of) -> None:
        """Who lost a smallest or largest gets it from what is left."""
        self.execute("CREATE OR REPLACE TEMP TABLE shaken AS SELECT subject FROM merged WHERE shaken")
        if self.script.first("SELECT 1 FROM shaken LIMIT 1") is None:
            return
        branches, found = ["SELECT subject FROM shaken"], []
        for origin in sorted(self.losing):
            parts = [part for part in self.plan.components(of, origin) if part.merge != "sum"]
            if not parts:
                continue
            found += parts
            whole = f"({_history_of(of)})" if origin == ANY_EVENT else BY_KIND[origin].table
            kept = f"(SELECT * FROM {whole} WHERE {_key(of, origin)} IN (SELECT subject FROM shaken))"
            branches.append(_said(of, origin, kept, parts))
        columns = ", ".join(f'"{part.column}" = a."{part.column}"' for part in found)
        self.execute(
            f"UPDATE merged SET {columns} FROM ("
            f"SELECT subject, {merged_columns(found)} FROM ({' UNION ALL BY NAME '.join(branches)}) "
            "GROUP BY subject) a WHERE merged.subject = a.subject"
        )


def _said(of: Of, origin: str, relation: str, parts: list[Component]) -> str:
    sign = "" if all(part.merge != "sum" for part in parts) else "r.sign, "
    columns = ", ".join(f'{part.value} AS "{part.column}"' for part in parts)
    return f"SELECT r.{_key(of, origin)} AS subject, {sign}{columns} FROM {relation} r"


def _lost(part: Component) -> str:
    """Whether the smallest or largest went, and none that is equal came."""

    def end(rows: str) -> str:
        return f'{part.merge}(CASE WHEN {rows} THEN "{part.column}" END)'

    went = end("sign < 0")
    return (
        f"({went} IS NOT NULL AND {went} IS NOT DISTINCT FROM {end('sign >= 0')} "
        f"AND {went} IS DISTINCT FROM {end('sign > 0')})"
    )


def _key(of: Of, origin: str) -> str:
    """The column with the subject that a row of this origin counts for."""
    return SUBJECT[of] if origin == ANY_EVENT else OWNER[of]
