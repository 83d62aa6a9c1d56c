"""Controls: retractions, corrections and repaired conflicts. They take copies of events out of every state,
unless others take them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from .decode import CONTROL
from .script import Script

ADMISSION = 'received_at, occurred_at, event_id, body_hash, "partition", "offset"'
"""Admission order; between copies of one id the body hash, then the position decides."""

_ENTITY = '{"kind": "VARCHAR", "namespace": "VARCHAR", "id": "VARCHAR"}'
_TARGETS = f'{{"event_id": "UUID", "entity": {_ENTITY}, "import_id": "VARCHAR"}}'
# As the door writes it: of the source unless it says otherwise, a company of none.
_WHOLE = """CASE WHEN target.entity.id IS NOT NULL THEN {'kind': target.entity.kind, 'namespace':
    CASE target.entity.kind WHEN 'company' THEN '' ELSE coalesce(target.entity.namespace, source) END,
    'id': target.entity.id} END"""
_PLACED = 'event_id, received_at, occurred_at, recorded_at, body_hash, "partition", "offset"'
_CAME = f"""
SELECT {_PLACED}, coalesce(corrects, target.event_id) AS target_event, {_WHOLE} AS target_entity,
       target.import_id AS target_import, replaces AS replaced_event, replaces_body AS replaced_body,
       corrects IS NOT NULL AS correction, corrects AS root, entity_ref, company_ref, entities, import_id,
       NULL::BOOLEAN AS effective
FROM (SELECT *, CASE WHEN type = 'event.retracted' AND NOT test AND corrects IS NULL
                     THEN from_json(properties, '{_TARGETS}') END AS target
      FROM incoming WHERE event_id IN (FROM named))
"""
ACTS = "coalesce(target_event::VARCHAR, target_entity.id, target_import, replaced_event::VARCHAR) IS NOT NULL"
"""Whether a row of `controls` is one: the first copy of its id may be an ordinary event."""

_EARLIER = "(p.received_at, p.occurred_at, p.event_id) < (k.received_at, k.occurred_at, k.event_id)"
_COVERS = (
    f"k.target_event = p.event_id AND {_EARLIER}",
    f"k.target_import = p.import_id AND (NOT p.control OR {_EARLIER})",
    f"k.target_entity = p.entity_ref AND {_EARLIER}",
    f"k.target_entity.kind = 'company' AND k.target_entity.id = p.company_ref AND {_EARLIER}",
    f"p.entities IS NOT NULL AND contains(p.entities, to_json(k.target_entity)::VARCHAR) AND {_EARLIER}",
    # Of several corrections of one event, and of its corrections, the last one stands.
    f"k.correction AND p.control AND k.target_event = p.corrects AND {_EARLIER}",
    f"k.correction AND p.control AND k.root = p.root AND {_EARLIER}",
    # A conflict that was repaired counts by its repair: never by itself as well, whoever holds the id.
    f"k.replaced_event = p.event_id AND k.replaced_body = p.body_hash AND k.event_id <> p.event_id "
    f"AND (NOT p.control OR {_EARLIER})",
)


def as_controlled(rows: str) -> str:
    """Decoded rows as `covering` takes them: with whether each is a control itself, and with its `root`."""
    return f"""(
SELECT r.*, {CONTROL} AS control, coalesce(c.root, r.corrects) AS root
FROM {rows} r LEFT JOIN controls c ON c.event_id = r.corrects AND c.correction
AND (c.received_at, c.occurred_at, c.event_id) < (r.received_at, r.occurred_at, r.event_id))"""


def covering(columns: str, rows: str, condition: str) -> str:
    """The SQL of every pair of a row `p` and a control `k` that takes it out when it acts."""
    # One look-up by equal values each: all in one condition would compare every row with every control.
    return " UNION ".join(
        f"SELECT {columns} FROM {rows} p JOIN controls k ON {covers} WHERE {condition}" for covers in _COVERS
    )


def _keys(*pairs: tuple[str, str]) -> str:
    """Hashes of values, of each its kind, where there is one."""
    return ", ".join(
        f"CASE WHEN {value} IS NOT NULL THEN hash('{kind}', {value}) END" for kind, value in pairs
    )


# Whether some row of the batch may be taken out by a control, or have the id of one: most batches go on
# without a look at anything else. Names of several entities stand in one text, which is not looked into here.
TOUCHED = f"""
WITH named AS (
    SELECT unnest([{
    _keys(
        ("event", "event_id"),
        ("import", "import_id"),
        ("entity", "entity_ref"),
        ("company", "company_ref"),
        ("event", "corrects"),
    )
}]) AS key FROM incoming
), keys AS (
    SELECT hash('event', event_id) AS key, true AS its_id FROM controls
    UNION ALL
    SELECT unnest([{
    _keys(
        ("event", "target_event"),
        ("import", "target_import"),
        ("entity", "target_entity"),
        ("event", "replaced_event"),
        ("event", "root"),
    )
},
    CASE WHEN target_entity.kind = 'company' THEN hash('company', target_entity.id) END]), false FROM controls
)
SELECT coalesce(bool_or(its_id), false), count(*) > 0
    OR ((SELECT count(*) FROM incoming WHERE entities IS NOT NULL) > 0
        AND (SELECT count(*) FROM controls WHERE target_entity IS NOT NULL) > 0)
FROM named JOIN keys USING (key)
"""

# The id of a control is occupied for ever: of all its copies the first acts, if it is a control, or none.
# Could a later one act when the first is taken out, two controls that name each other's ids could both hold
# and not hold.
NAMED = f"""
CREATE OR REPLACE TEMP TABLE named AS
SELECT event_id FROM incoming WHERE {CONTROL}
UNION SELECT event_id FROM controls WHERE event_id IN (SELECT event_id FROM incoming)
"""
_HELD = f"""
SELECT {_PLACED} FROM {{table}} WHERE "offset" IN (SELECT "offset" FROM places) AND event_id IN (FROM named)
AND event_id NOT IN (SELECT event_id FROM controls)
"""
FIRST = f"""
CREATE OR REPLACE TEMP TABLE first_controls AS
SELECT * EXCLUDE (place) FROM (
    SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY {ADMISSION}) AS place FROM (
        SELECT * FROM ({_CAME})
        UNION ALL BY NAME SELECT * FROM controls WHERE event_id IN (FROM named)
        UNION ALL BY NAME {_HELD.format(table="events")}
        UNION ALL BY NAME {_HELD.format(table="copies")}
    )
) WHERE place = 1
"""
# A control overrules another one that it covers. Of one that a correction corrects the event goes, but what
# it took out stays out: the new one stands for both.
_CONTROLS = f"""(
SELECT *, true AS control, CASE WHEN correction THEN target_event END AS corrects
FROM controls WHERE {ACTS})"""
_OVERRULES = "NOT (k.correction AND p.correction)"
_NEW = "SELECT event_id FROM first_controls WHERE effective IS NULL"
_OVERRULED = covering("p.event_id", _CONTROLS, f"{_OVERRULES} AND k.event_id IN ({{these}})")
# Whose effect is to be judged: new ones, and whatever those overrule, overruled before, or set free.
JUDGED = f"""
CREATE OR REPLACE TEMP TABLE judged AS {_OVERRULED.format(these=_NEW)} UNION {_NEW}
"""
GROW = f"""
INSERT INTO judged SELECT event_id FROM ({_OVERRULED.format(these="FROM judged")})
WHERE event_id NOT IN (FROM judged)
"""
NEWEST_FIRST = f"""
SELECT event_id, effective FROM controls WHERE event_id IN (FROM judged) AND {ACTS}
ORDER BY received_at DESC, occurred_at DESC, event_id DESC
"""
OVERRULING = covering(
    "p.event_id AS overruled, k.event_id AS by, k.effective",
    _CONTROLS,
    f"{_OVERRULES} AND p.event_id IN (FROM judged)",
)
# What controls whose effect changed take out now, or took out before.
_MOVES = "target_event, target_entity, target_import, replaced_event, root"
MOVED = f"""
CREATE OR REPLACE TEMP TABLE moved AS SELECT {_MOVES} FROM controls WHERE event_id IN ({_NEW})
"""
REPLACE = "DELETE FROM controls WHERE event_id IN (SELECT event_id FROM first_controls)"
TURN = """
UPDATE controls SET effective = NOT coalesce(effective, false) WHERE event_id IN (SELECT unnest($ids::UUID[]))
"""
MOVED_NOW = f"""
INSERT INTO moved SELECT {_MOVES} FROM controls WHERE event_id IN (SELECT unnest($ids::UUID[]))
"""
SETTLE = "UPDATE controls SET effective = false WHERE effective IS NULL"

# The root of a correction is that of the correction which it corrects, if that is one, and earlier. With one
# of a chain, those that follow it go to another root.
UPROOTED = f"""
CREATE OR REPLACE TEMP TABLE uprooted AS
SELECT event_id FROM controls WHERE correction AND (event_id IN ({_NEW}) OR root IN ({_NEW})
    OR root IN (SELECT root FROM moved))
"""
ROOTS_MOVE = "INSERT INTO moved BY NAME SELECT root FROM controls WHERE event_id IN (FROM uprooted)"
CUT = "UPDATE controls SET root = target_event WHERE event_id IN (FROM uprooted)"
FOLLOW = """
UPDATE controls SET root = c.root FROM controls c
WHERE controls.event_id IN (FROM uprooted) AND c.event_id = controls.target_event AND c.correction
AND (c.received_at, c.occurred_at, c.event_id)
    < (controls.received_at, controls.occurred_at, controls.event_id)
AND c.root <> controls.root
"""


def judge(
    newest_first: Iterable[UUID], overruling: Mapping[UUID, Iterable[UUID]], held: set[UUID]
) -> set[UUID]:
    """Which of these controls are effective: those that no effective one overrules. Only what is later in
    admission order overrules; `held` are effective ones that are not judged here."""
    effective = set(held)
    for one in newest_first:
        if effective.isdisjoint(overruling.get(one, ())):
            effective.add(one)
    return effective - held


def keep_controls(script: Script) -> None:
    """Fold the controls of the batch into `controls`, and judge anew whom they concern. `places` holds where
    else there may be copies of ids that came. `moved` then holds what they, and those whose effect they
    changed, take out or took out before."""
    script.execute(NAMED)
    script.execute(FIRST)
    script.execute(MOVED)
    script.execute(JUDGED)  # of copies that give way to an earlier one, too: what they overruled
    script.execute(REPLACE)
    script.execute("INSERT INTO controls BY NAME FROM first_controls")
    _root(script)
    while (script.first(GROW) or (0,))[0]:
        pass
    judged = dict(script.execute(NEWEST_FIRST).fetchall())
    overruling: dict[UUID, list[UUID]] = {}
    held = set()
    for overruled, by, effective in script.execute(OVERRULING).fetchall():
        overruling.setdefault(overruled, []).append(by)
        if effective and by not in judged:
            held.add(by)
    now = judge(judged, overruling, held)
    turned = [str(one) for one, effective in judged.items() if (one in now) != bool(effective)]
    if turned:
        script.execute(TURN, {"ids": turned})
        script.execute(MOVED_NOW, {"ids": turned})
    script.execute(SETTLE)


def _root(script: Script) -> None:
    script.execute(UPROOTED)
    script.execute(ROOTS_MOVE)
    script.execute(CUT)
    while (script.first(FOLLOW) or (0,))[0]:
        pass
    script.execute(ROOTS_MOVE)
