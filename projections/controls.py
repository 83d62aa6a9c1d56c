"""Controls: retractions and corrections. They take copies of events out of every state, unless others take
them out."""

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
_CAME = f"""
SELECT event_id, received_at, occurred_at, recorded_at, body_hash, "partition", "offset",
       coalesce(corrects, target.event_id) AS target_event, {_WHOLE} AS target_entity,
       target.import_id AS target_import, corrects IS NOT NULL AS correction, entity_ref, company_ref,
       entities, import_id, NULL::BOOLEAN AS effective
FROM (SELECT *, CASE WHEN corrects IS NULL THEN from_json(properties, '{_TARGETS}') END AS target
      FROM incoming WHERE {CONTROL} AND NOT test)
"""

_EARLIER = "(p.received_at, p.occurred_at, p.event_id) < (k.received_at, k.occurred_at, k.event_id)"
_COVERS = (
    f"k.target_event = p.event_id AND {_EARLIER}",
    f"k.target_import = p.import_id AND (NOT p.control OR {_EARLIER})",
    f"k.target_entity = p.entity_ref AND {_EARLIER}",
    f"k.target_entity.kind = 'company' AND k.target_entity.id = p.company_ref AND {_EARLIER}",
    f"p.entities IS NOT NULL AND contains(p.entities, to_json(k.target_entity)::VARCHAR) AND {_EARLIER}",
    # Of several corrections of one event the last one stands.
    f"k.correction AND p.control AND k.target_event = p.corrects AND {_EARLIER}",
)


def as_controlled(rows: str) -> str:
    """Decoded rows as `covering` takes them: with whether each is a control itself."""
    return f"(SELECT *, {CONTROL} AND NOT test AS control FROM {rows})"


def covering(columns: str, rows: str, condition: str) -> str:
    """The SQL of every pair of a row `p` and a control `k` that takes it out when it acts."""
    # One look-up by equal values each: all in one condition would compare every row with every control.
    return " UNION ".join(
        f"SELECT {columns} FROM {rows} p JOIN controls k ON {covers} WHERE {condition}" for covers in _COVERS
    )


# The id of a control is occupied for ever: of all its copies the first one acts. Could a later one act when
# the first is taken out, two controls that name each other's ids could both hold and not hold.
FIRST = f"""
CREATE OR REPLACE TEMP TABLE first_controls AS
SELECT * EXCLUDE (place) FROM (
    SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY {ADMISSION}) AS place FROM (
        SELECT * FROM ({_CAME}) UNION ALL
        SELECT * FROM controls WHERE event_id IN (SELECT event_id FROM incoming WHERE {CONTROL})
    )
) WHERE place = 1
"""
# A control overrules another one that it covers. Of one that a correction corrects the event goes, but what
# it took out stays out: the new one stands for both.
_CONTROLS = (
    "(SELECT *, true AS control, CASE WHEN correction THEN target_event END AS corrects FROM controls)"
)
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
NEWEST_FIRST = """
SELECT event_id, effective FROM controls WHERE event_id IN (FROM judged)
ORDER BY received_at DESC, occurred_at DESC, event_id DESC
"""
OVERRULING = covering(
    "p.event_id AS overruled, k.event_id AS by, k.effective",
    _CONTROLS,
    f"{_OVERRULES} AND p.event_id IN (FROM judged)",
)
# What controls whose effect changed take out now, or took out before.
MOVED = f"""
CREATE OR REPLACE TEMP TABLE moved AS
SELECT target_event, target_entity, target_import FROM controls WHERE event_id IN ({_NEW})
"""
REPLACE = "DELETE FROM controls WHERE event_id IN (SELECT event_id FROM first_controls)"
TURN = """
UPDATE controls SET effective = NOT coalesce(effective, false) WHERE event_id IN (SELECT unnest($ids::UUID[]))
"""
MOVED_NOW = """
INSERT INTO moved SELECT target_event, target_entity, target_import FROM controls
WHERE event_id IN (SELECT unnest($ids::UUID[]))
"""
SETTLE = "UPDATE controls SET effective = false WHERE effective IS NULL"


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
    """Fold the controls of the batch into `controls`, and judge anew whom they concern. `moved` then holds
    what they, and those whose effect they changed, take out or took out before."""
    script.execute(FIRST)
    script.execute(MOVED)
    script.execute(JUDGED)  # of copies that give way to an earlier one, too: what they overruled
    script.execute(REPLACE)
    script.execute("INSERT INTO controls FROM first_controls")
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
