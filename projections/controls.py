"""Controls: retractions and corrections. They take copies of events out of every state, unless others take
them out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
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
       entities, import_id,
       NULL::BOOLEAN AS effective
FROM (SELECT *, CASE WHEN corrects IS NULL THEN from_json(properties, '{_TARGETS}') END AS target
      FROM incoming WHERE {CONTROL} AND NOT test)
"""
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
HELD = f"""
SELECT event_id, received_at, occurred_at, target_event, target_entity, target_import, correction,
       entity_ref, company_ref, from_json(entities, '[{_ENTITY}]'), import_id, effective
FROM controls
"""
# What a control that changed took out before, or takes out now.
MOVED = """
CREATE OR REPLACE TEMP TABLE moved AS
SELECT target_event, target_entity, target_import FROM controls
WHERE event_id IN (SELECT event_id FROM first_controls WHERE effective IS NULL)
"""
REPLACE = """
DELETE FROM controls WHERE event_id IN (SELECT event_id FROM first_controls)
"""
TURN = """
UPDATE controls SET effective = NOT coalesce(effective, false) WHERE event_id IN (SELECT unnest($ids::UUID[]))
"""
MOVED_NOW = """
INSERT INTO moved SELECT target_event, target_entity, target_import FROM controls
WHERE event_id IN (SELECT unnest($ids::UUID[]))
"""
SETTLE = "UPDATE controls SET effective = false WHERE effective IS NULL"

Name = tuple[str, str, str]


class Control(NamedTuple):
    """What it takes out (one of the three targets), and by what it can be taken out itself."""

    event_id: UUID
    received_at: datetime
    occurred_at: datetime
    target_event: UUID | None
    target_entity: Name | None
    target_import: str | None
    correction: bool
    names: frozenset[Name]
    import_id: str | None
    effective: bool | None

    @property
    def order(self) -> tuple[datetime, datetime, UUID]:
        """Admission order."""
        return self.received_at, self.occurred_at, self.event_id


def judge(controls: Iterable[Control]) -> set[UUID]:
    """Which controls are effective: those that no effective one, later in admission order, takes out. What a
    correction took out stays out when it is itself corrected: the new one stands for both."""
    events: set[UUID] = set()
    corrected: set[UUID] = set()
    entities: set[Name] = set()
    imports: set[str] = set()
    effective: set[UUID] = set()
    for one in sorted(controls, key=lambda one: one.order, reverse=True):
        if one.event_id in events or one.import_id in imports or not entities.isdisjoint(one.names):
            continue
        if one.event_id in corrected and not one.correction:
            continue
        effective.add(one.event_id)
        if one.target_event is not None:
            (corrected if one.correction else events).add(one.target_event)
        if one.target_entity is not None:
            entities.add(one.target_entity)
        if one.target_import is not None:
            imports.add(one.target_import)
    return effective


def keep_controls(script: Script) -> None:
    """Fold the controls of the batch into `controls`, and judge all anew. `moved` then holds what they, and
    those whose effect they changed, take out or took out before."""
    script.execute(FIRST)
    script.execute(MOVED)
    script.execute(REPLACE)
    script.execute("INSERT INTO controls FROM first_controls")
    controls = [_control(row) for row in script.execute(HELD).fetchall()]
    effective = judge(controls)
    turned = [str(one.event_id) for one in controls if (one.event_id in effective) != bool(one.effective)]
    if turned:
        script.execute(TURN, {"ids": turned})
        script.execute(MOVED_NOW, {"ids": turned})
    script.execute(SETTLE)


def _control(row: tuple[Any, ...]) -> Control:
    (event_id, received_at, occurred_at, event, entity, import_, correction,
     own, company, others, import_id, acts) = row  # fmt: skip
    names = [own, *(others or ())]
    if company is not None:
        names.append({"kind": "company", "namespace": "", "id": company})
    return Control(
        event_id,
        received_at,
        occurred_at,
        event,
        _name(entity),
        import_,
        correction,
        frozenset(name for one in names if (name := _name(one)) is not None),
        import_id,
        acts,
    )


def _name(entity: dict[str, str] | None) -> Name | None:
    return None if entity is None else (entity["kind"], entity["namespace"], entity["id"])
