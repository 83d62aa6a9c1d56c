"""Subjects: every identifier gets its number, links are gathered, profiles resolved where links changed."""

from __future__ import annotations

from kizuna.schemas.identifiers import COMPANY, LINKED_KINDS

from .decode import LINKING, subject_id
from .identity import Link, Node, Order, Resolution, resolve
from .script import Script

_KINDS = ", ".join(f"'{kind}'" for kind in LINKED_KINDS)
ORDER = "{'received_at': received_at, 'occurred_at': occurred_at, 'event_id': event_id}"
_IDS = """unnest(from_json(ids, '[{"kind":"VARCHAR","value":"VARCHAR"}]'))"""

# The identifiers that an event joins to its strongest one.
LINKED = f"""
CREATE OR REPLACE TEMP TABLE linked AS
SELECT "row", seen, x.kind AS kind, x.value AS value, {subject_id("x.kind", "x.value")} AS subject_id
FROM (SELECT "row", {ORDER} AS seen, {_IDS} AS x
      FROM incoming WHERE type IN {LINKING} AND ids IS NOT NULL AND NOT test)
WHERE x.kind IN ({_KINDS})
"""
_NAMED = f"""
SELECT person_id AS subject_id, person.kind AS kind, person.value AS value, {ORDER} AS seen
FROM incoming WHERE person_id IS NOT NULL
UNION ALL
SELECT company_id, '{COMPANY}', company_ref, {ORDER} FROM incoming WHERE company_id IS NOT NULL
"""
# Who is named by the batch, each with its number: the one it has, or the next one.
SEEN = """
CREATE OR REPLACE TEMP TABLE seen AS
SELECT n.subject_id, n.kind, n.value, n.seen, i.first_seen, i.subject IS NOT NULL AS known,
       coalesce(i.subject, (SELECT coalesce(max(subject), 0) FROM identifiers)
                + row_number() OVER (PARTITION BY i.subject IS NULL ORDER BY n.seen, n.subject_id)) AS subject
FROM (SELECT subject_id, any_value(kind) AS kind, any_value(value) AS value, min(seen) AS seen
      FROM ({named}) GROUP BY subject_id) n
LEFT JOIN identifiers i USING (subject_id)
"""
NUMBER = """
INSERT INTO identifiers
SELECT subject, subject_id, kind, value, subject, seen FROM seen WHERE NOT known
"""
EARLIER = "SELECT subject FROM seen WHERE seen < first_seen LIMIT 1"
CHANGED = """
CREATE OR REPLACE TEMP TABLE members AS SELECT subject FROM seen WHERE seen < first_seen
"""
CHANGED_BY_LINKS = "UNION SELECT a FROM evidence UNION SELECT b FROM evidence"
MOVE_BACK = """
UPDATE identifiers SET first_seen = s.seen FROM seen s
WHERE identifiers.subject = s.subject AND s.seen < s.first_seen
"""
# An event links its strongest id with each other one.
EVIDENCE = """
SELECT k.subject AS a, s.subject AS b, f.received_at, f.occurred_at, f.event_id,
       f.type = 'customer.aliased' AND f.secret AS forced
FROM linked l JOIN keys k USING ("row") JOIN incoming f USING ("row") JOIN seen s USING (subject_id)
WHERE s.subject <> k.subject
"""


# After a displacement: who was first seen in the displaced events, and whom these linked.
AFFECTED = f"""
CREATE OR REPLACE TEMP TABLE members AS
SELECT i.subject FROM identifiers i
JOIN (SELECT subject, {ORDER} AS seen FROM displaced UNION SELECT company, {ORDER} FROM displaced) d
ON i.subject = d.subject AND i.first_seen = d.seen
UNION
SELECT subject FROM displaced WHERE type IN {LINKING} AND ids IS NOT NULL AND NOT test AND subject IS NOT NULL
UNION
SELECT i.subject FROM (SELECT {_IDS} AS x
                       FROM displaced WHERE type IN {LINKING} AND ids IS NOT NULL AND NOT test) d
JOIN identifiers i ON i.kind = d.x.kind AND i.value = d.x.value WHERE d.x.kind IN ({_KINDS})
"""
# Links stand between members only, so an event that links two of them is one of theirs.
_LINKED_IN_HISTORY = f"""
SELECT e.subject AS a, i.subject AS b, e.received_at, e.occurred_at, e.event_id,
       e.type = 'customer.aliased' AND e.secret AS forced
FROM (SELECT *, {_IDS} AS x FROM events
      WHERE subject IN (SELECT subject FROM members) AND type IN {LINKING} AND ids IS NOT NULL AND NOT test) e
JOIN identifiers i ON i.kind = e.x.kind AND i.value = e.x.value
WHERE e.x.kind IN ({_KINDS}) AND a <> b
"""
FIRST_SEEN = f"""
CREATE OR REPLACE TEMP TABLE remembered AS
SELECT subject, min(seen) AS seen FROM (
    SELECT subject, {ORDER} AS seen FROM events WHERE subject IN (SELECT subject FROM members) UNION ALL
    SELECT company, {ORDER} FROM events WHERE company IN (SELECT subject FROM members) UNION ALL
    SELECT b, {ORDER} FROM ({_LINKED_IN_HISTORY})
) GROUP BY subject
"""
GROW = """
INSERT INTO members
SELECT DISTINCT subject FROM (
    SELECT b AS subject FROM links WHERE a IN (SELECT subject FROM members) UNION ALL
    SELECT a FROM links WHERE b IN (SELECT subject FROM members)
) WHERE subject NOT IN (SELECT subject FROM members)
"""
MEMBER_LINKS = """
SELECT a, b, received_at, occurred_at, event_id, forced, accepted, reason FROM links
WHERE a IN (SELECT subject FROM members)
"""
LINKED_MEMBERS = """
SELECT subject, kind, subject_id, first_seen.received_at, first_seen.occurred_at, first_seen.event_id, profile
FROM identifiers WHERE subject IN (SELECT subject FROM members)
AND subject IN (SELECT a FROM links UNION SELECT b FROM links)
"""


def name_subjects(script: Script, workspace_key: str, *, links: bool) -> None:
    """Give every identifier of the batch its number: `seen` then has them all. `links`: the batch may hold
    events that join identifiers; `linked` then tells which."""
    named = _NAMED
    if links:
        script.execute(LINKED, {"key": workspace_key})
        named += "UNION ALL SELECT subject_id, kind, value, seen FROM linked"
    script.execute(SEEN.format(named=named))
    script.execute(NUMBER)


def link_subjects(script: Script, *, links: bool) -> None:
    """Keep the links of the batch, and resolve the profiles that they, or an earlier first sight, change."""
    changed = script.first(EARLIER) is not None
    if changed:
        script.execute(MOVE_BACK)
    if links:
        script.execute(f"CREATE OR REPLACE TEMP TABLE evidence AS {EVIDENCE}")
        changed = _keep_evidence(script) > 0 or changed
    if changed:
        script.execute(CHANGED + (CHANGED_BY_LINKS if links else ""))
        _resolve(script)


def forget(script: Script) -> None:
    """Events of the batch displaced others: tell anew when those subjects were first seen, and their
    links; a subject that no event names any more is gone."""
    if not _counted(script.first(AFFECTED)):
        return
    _grow(script)
    script.execute(f"CREATE OR REPLACE TEMP TABLE evidence AS {_LINKED_IN_HISTORY}")
    script.execute("DELETE FROM links WHERE a IN (SELECT subject FROM members)")
    _keep_evidence(script)
    script.execute(FIRST_SEEN)
    script.execute(
        "UPDATE identifiers SET first_seen = r.seen FROM remembered r WHERE identifiers.subject = r.subject"
    )
    script.execute(
        "DELETE FROM identifiers WHERE subject IN (SELECT subject FROM members) "
        "AND subject NOT IN (SELECT subject FROM remembered)"
    )
    script.execute("UPDATE identifiers SET profile = subject WHERE subject IN (SELECT subject FROM members)")
    _resolve(script)


def _keep_evidence(script: Script) -> int:
    """Of equal links the earliest event counts. Returns how many pairs the evidence names."""
    merged = _counted(
        script.first(
            "CREATE OR REPLACE TEMP TABLE merged_links AS "
            "SELECT a, b, forced, unnest(min({'received_at': received_at, 'occurred_at': occurred_at, "
            "'event_id': event_id})) FROM ("
            " SELECT a, b, forced, received_at, occurred_at, event_id FROM evidence UNION ALL "
            " SELECT l.a, l.b, l.forced, l.received_at, l.occurred_at, l.event_id FROM links l "
            " SEMI JOIN evidence e ON l.a = e.a AND l.b = e.b AND l.forced = e.forced) GROUP BY a, b, forced"
        )
    )
    script.execute("DELETE FROM links WHERE (a, b, forced) IN (SELECT (a, b, forced) FROM merged_links)")
    script.execute(
        "INSERT INTO links "
        "SELECT a, b, received_at, occurred_at, event_id, forced, true, '' FROM merged_links"
    )
    return merged


def _resolve(script: Script) -> None:
    """Decide anew over every component that holds one of `members`."""
    _grow(script)
    links = {
        Link(row[0], row[1], Order(*row[2:5]), row[5]): (row[6], row[7])
        for row in script.execute(MEMBER_LINKS).fetchall()
    }
    if not links:
        return
    held = script.execute(LINKED_MEMBERS).fetchall()
    nodes = {row[0]: Node(row[1], row[2], Order(*row[3:6])) for row in held}
    _write(script, {row[0]: row[6] for row in held}, links, resolve(nodes, list(links)))


def _grow(script: Script) -> None:
    """Add to `members` whoever is linked with them, until nobody is missing."""
    while _counted(script.first(GROW)):
        pass


def _counted(row: tuple[int, ...] | None) -> int:
    """Rows that a statement made."""
    return row[0] if row else 0


def _write(
    script: Script,
    profiles: dict[int, int],
    links: dict[Link, tuple[bool, str]],
    resolution: Resolution,
) -> None:
    """Only what changed."""
    for link, (accepted, reason) in links.items():
        now = resolution.refused.get(link, "")
        if (accepted, reason) != (not now, now):
            script.execute(
                "UPDATE links SET accepted = ?, reason = ? WHERE a = ? AND b = ? AND forced = ?",
                [not now, now, link.a, link.b, link.forced],
            )
    moved = [
        [subject, profile] for subject, profile in resolution.profile.items() if profiles[subject] != profile
    ]
    if moved:
        script.execute(
            "UPDATE identifiers SET profile = m.pair[2] FROM (SELECT unnest($moved::BIGINT[][]) AS pair) m "
            "WHERE identifiers.subject = m.pair[1]",
            {"moved": moved},
        )
