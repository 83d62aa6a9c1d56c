"""Traits: what the batch brings and takes away, merged into the state of the subjects it touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .compiler import LEDGER, Component
from .entities import BY_KIND
from .script import Script
from .sources import ANY_EVENT
from .stories import Changes
from .traits import OFS, OWNER, SUBJECT, Of, Plan, merged_columns, said

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
EVERYBODY = (0, 2**62)
"""Subjects by number, from the first to before the second."""

Span = tuple[int, int]


def _history_of(of: Of, which: str, plan: Plan) -> str:
    """Of the subjects that `which` means: their own events, and those of nobody with an entity of theirs."""
    subject, owner = SUBJECT[of], OWNER[of]
    return f"""
    (SELECT 1 AS sign, e.{subject}, {_EVENT} FROM events e
     WHERE e.{subject} {which} AND NOT e.test{_typed(plan)}
     UNION ALL
     SELECT 1, n.{owner}, {_EVENT} FROM entities n JOIN events e USING (entity)
     WHERE n.{owner} {which} AND e.{subject} IS NULL AND NOT e.test{_typed(plan)})
    """


def accumulate(
    script: Script, plan: Plan, changes: Changes, *, displaced: bool, span: Span = EVERYBODY
) -> None:
    """Merge the batch into every trait table of the plan, as far as it is of these subjects."""
    script.execute(CONTRIBUTIONS + _typed(plan))
    losing = set(changes.known)
    if displaced:
        script.execute(DISPLACED + _typed(plan))
        losing.add(ANY_EVENT)
    if changes.known and script.first(ANY_MOVED) is not None:
        script.execute(MOVED + _typed(plan))
        losing.add(ANY_EVENT)
    named = ["SELECT subject, company FROM contributions"]
    named += [f"SELECT owner, company FROM changes_{kind}" for kind in sorted(changes.kinds)]
    script.execute(
        "CREATE OR REPLACE TEMP TABLE concerned AS SELECT DISTINCT subject AS person, company FROM "
        f"({' UNION ALL '.join(named)})"
    )
    relations = {kind: f"changes_{kind}" for kind in changes.kinds} | {ANY_EVENT: "contributions"}
    _Merge(script, plan, dict.fromkeys(OFS, relations), losing, span).run()


def recompute(script: Script, plan: Plan, span: Span) -> None:
    """Fill the plan's tables, which hold nothing of these subjects, from all of history."""
    first, end = span
    which = f"BETWEEN {first} AND {end - 1}"
    script.execute(
        "CREATE OR REPLACE TEMP TABLE concerned AS "
        f"SELECT subject AS person, subject AS company FROM identifiers WHERE subject {which}"
    )
    relations = {kind: f"(SELECT 1 AS sign, * FROM {model.table})" for kind, model in BY_KIND.items()}
    relations[LEDGER] = "(SELECT 1 AS sign, * FROM movements)"
    of_each = {of: {**relations, ANY_EVENT: _history_of(of, which, plan)} for of in OFS}
    _Merge(script, plan, of_each, set(), span).run()


def _typed(plan: Plan) -> str:
    if plan.event_types is None:
        return ""
    return f" AND e.type IN ({', '.join(repr(one) for one in sorted(plan.event_types)) or 'NULL'})"


class _Merge:
    """`relations` hold, by origin, the rows that came (`sign` 1) and that went (-1); the subjects that they
    are of stand in `concerned`. `losing`: origins of which rows may have gone. Subjects outside the span are
    passed over."""

    def __init__(
        self,
        script: Script,
        plan: Plan,
        relations: Mapping[Of, Mapping[str, str]],
        losing: set[str],
        span: Span,
    ) -> None:
        self.script = script
        self.plan = plan
        self.relations = relations
        self.losing = losing
        self.span = span

    def run(self) -> None:
        persons, companies = self.script.one("SELECT count(person), count(company) FROM concerned")
        for of, concerned in zip(OFS, (persons, companies), strict=True):
            if concerned and self.plan.components(of):
                self._totals(of)
        self._values()

    def _execute(self, sql: str) -> None:
        self.script.execute(sql, self.plan.used(sql))

    def _totals(self, of: Of) -> None:
        totals, components = self.plan.totals(of), self.plan.components(of)
        lost = [
            part
            for origin in sorted(self.losing & self.relations[of].keys())
            for part in self.plan.components(of, origin)
            if part.merge != "sum"
        ]
        columns = [merged_columns(components, lost)]
        if lost:
            columns.append(f"{' OR '.join(map(_lost, lost))} AS shaken")
        named = f"SELECT {of} FROM concerned"
        origins = [origin for origin in self.plan.origins(of) if origin in self.relations[of]]
        rows = [self._said(of, origin, bool(lost)) for origin in origins]
        sign = "0 AS sign, " if lost else ""
        state = f"SELECT {sign}* FROM {totals} WHERE subject IN ({named})"
        self._execute(
            f"CREATE OR REPLACE TEMP TABLE merged AS SELECT subject, {', '.join(columns)} "
            f"FROM ({' UNION ALL BY NAME '.join([*rows, state])}) GROUP BY subject"
        )
        if lost:
            self._find_anew(of)
        self._execute(f"DELETE FROM {totals} WHERE subject IN ({named})")
        names = ", ".join(f'"{part.column}"' for part in components)
        self._execute(
            f"INSERT INTO {totals} BY NAME SELECT subject, {names} FROM merged WHERE {said(components)}"
        )

    def _spans(self, key: str) -> str:
        """Whose rows are taken: a subject's within the span, nobody's not."""
        if self.span == EVERYBODY:
            return f"{key} IS NOT NULL"
        return f"{key} BETWEEN {self.span[0]} AND {self.span[1] - 1}"

    def _said(self, of: Of, origin: str, signed: bool) -> str:
        """What each row of one origin says."""
        parts, key = self.plan.components(of, origin), _key(of, origin)
        columns = ", ".join(f'{part.value} AS "{part.column}"' for part in parts)
        sign = "r.sign, " if signed else ""
        return (
            f"SELECT r.{key} AS subject, {sign}{columns} FROM {_drawn(self.relations[of][origin], parts)} r "
            f"WHERE {self._spans(f'r.{key}')}"
        )

    def _find_anew(self, of: Of) -> None:
        """Who lost a smallest or largest gets it from what is left."""
        self._execute("CREATE OR REPLACE TEMP TABLE shaken AS SELECT subject FROM merged WHERE shaken")
        if self.script.first("SELECT 1 FROM shaken LIMIT 1") is None:
            return
        for origin in sorted(self.losing):
            parts = [part for part in self.plan.components(of, origin) if part.merge != "sum"]
            if not parts:
                continue
            key = _key(of, origin)
            left = _drawn(
                _history_of(of, "IN (SELECT subject FROM shaken)", self.plan)
                if origin == ANY_EVENT
                else BY_KIND[origin].table,
                parts,
            )
            found = ", ".join(
                f'{part.merge}({part.value})::{part.sql_type} AS "{part.column}"' for part in parts
            )
            columns = ", ".join(f'"{part.column}" = a."{part.column}"' for part in parts)
            self._execute(
                f"UPDATE merged SET {columns} FROM (SELECT k.subject, {found} FROM shaken k "
                f"LEFT JOIN (SELECT * FROM {left} WHERE {key} IN (FROM shaken)) r ON r.{key} = k.subject "
                "GROUP BY k.subject) a WHERE merged.subject = a.subject"
            )

    def _values(self) -> None:
        """Count the values seen: for distinct, top and list."""
        branches = list(self._value_rows())
        if not branches:
            return
        self._execute(
            "CREATE OR REPLACE TEMP TABLE merged_values AS SELECT s.subject, s.trait, s.value, "
            "(s.n + coalesce(t.n, 0))::BIGINT AS n, t.n IS NOT NULL AS held FROM ("
            f"SELECT subject, trait, value, sum(n) AS n FROM ({' UNION ALL '.join(branches)}) "
            "WHERE value IS NOT NULL GROUP BY ALL) s "
            f"LEFT JOIN {self.plan.values} t USING (subject, trait, value)"
        )
        self._execute(
            f"DELETE FROM {self.plan.values} t USING merged_values s WHERE s.held "
            "AND t.subject = s.subject AND t.trait = s.trait AND t.value = s.value"
        )
        self._execute(
            f"INSERT INTO {self.plan.values} SELECT * EXCLUDE (held) FROM merged_values WHERE n <> 0"
        )

    def _value_rows(self) -> Iterator[str]:
        for of in OFS:
            for one in self.plan.select(of, "values"):
                relation, key = self.relations[of].get(one.origin), _key(of, one.origin)
                if relation is not None:
                    yield (
                        f"SELECT r.{key} AS subject, '{one.trait.name}' AS trait, "
                        f"({one.value})::VARCHAR AS value, r.sign AS n FROM {relation} r "
                        f"WHERE {self._spans(f'r.{key}')} AND {one.predicate}"
                    )


def _drawn(relation: str, parts: Sequence[Component]) -> str:
    drawn = [f'{part.drawn} AS "{part.column}__drawn"' for part in parts if part.drawn]
    return f"(SELECT *, {', '.join(drawn)} FROM {relation} r)" if drawn else relation


def _lost(part: Component) -> str:
    """Whether the smallest or largest went, and none that is equal came."""

    def end(rows: str) -> str:
        return f'{part.merge}(CASE WHEN {rows} THEN "{part.column}" END)'

    went = end("sign < 0")
    return f"coalesce({went} = {end('sign >= 0')} AND {went} IS DISTINCT FROM {end('sign > 0')}, false)"


def _key(of: Of, origin: str) -> str:
    """The column with the subject that a row of this origin counts for."""
    return SUBJECT[of] if origin == ANY_EVENT else OWNER[of]
