"""Copies: of all records of an event id the first in admission order counts, unless it is taken out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .controls import ADMISSION, TOUCHED, as_controlled, covering, keep_controls
from .decode import CONTROL
from .id_run import Hashes, Numbers
from .known_ids import HASH, KnownIds
from .script import Script

KEYS = 'event_id, received_at, occurred_at, body_hash, "partition", "offset"'

_CLASHING = "FROM incoming WHERE id_hash IN (SELECT id_hash FROM clashing)"

_RANKED = f"""
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT event_id, "partition", "offset", origin, false AS taken,
       row_number() OVER admitted = 1 AS counts,
       body_hash <> first_value(body_hash) OVER admitted AS differs FROM (
    SELECT {KEYS}, 'batch' AS origin {_CLASHING}
    {{more}}
) WINDOW admitted AS (PARTITION BY event_id ORDER BY {ADMISSION})
"""
RANKED = _RANKED.format(more="")
RANKED_WITH_EVENTS = _RANKED.format(
    more=f"""UNION ALL SELECT {KEYS}, 'events' FROM events
    WHERE "offset" IN (SELECT "offset" FROM places) AND event_id IN (SELECT event_id {_CLASHING})"""
)

# An event as it was decoded, its numbers resolved again.
AS_DECODED = """
SELECT e.* EXCLUDE (subject, company, entity),
       CASE WHEN p.subject IS NOT NULL THEN {{'kind': p.kind, 'value': p.value}} END AS person,
       p.subject_id AS person_id, c.value AS company_ref, c.subject_id AS company_id,
       CASE WHEN n.entity IS NOT NULL THEN {{'kind': n.kind, 'namespace': n.namespace, 'id': n.id}} END
       AS entity_ref, n.entity_id
FROM {source} e LEFT JOIN identifiers p ON p.subject = e.subject
LEFT JOIN identifiers c ON c.subject = e.company LEFT JOIN entities n ON n.entity = e.entity
"""

SET_ASIDE = """
INSERT INTO copies BY NAME
SELECT i.* EXCLUDE ("row", id_hash, bad, raw, replaces_body), r.taken
FROM incoming i JOIN ranked r USING ("partition", "offset") WHERE r.origin = 'batch' AND NOT r.counts
"""
_OF_BATCH = 'SELECT ("partition", "offset") FROM ranked WHERE origin = \'batch\' AND NOT counts'
DROP = f'DELETE FROM incoming WHERE ("partition", "offset") IN ({_OF_BATCH})'
COUNT = """
SELECT count(CASE WHEN origin = 'events' AND NOT counts THEN 1 END),
       count(CASE WHEN origin = 'copies' AND counts THEN 1 END),
       count(CASE WHEN origin <> 'copies' AND NOT counts AND NOT taken AND NOT differs THEN 1 END),
       count(CASE WHEN origin <> 'copies' AND NOT counts AND NOT taken AND differs THEN 1 END)
FROM ranked
"""
_LEAVES = "FROM ranked WHERE origin = 'events' AND NOT counts"
# The offset alone, too: it tells DuckDB which parts of the table to leave unread.
_LEAVING = f"""e."offset" IN (SELECT "offset" {_LEAVES})
AND (e."partition", e."offset") IN (SELECT ("partition", "offset") {_LEAVES})"""
DISPLACED = f"CREATE OR REPLACE TEMP TABLE displaced AS SELECT e.* FROM events e WHERE {_LEAVING}"
DISPLACE = f"""
INSERT INTO copies BY NAME
SELECT d.*, r.taken FROM ({AS_DECODED.format(source="displaced")}) d
JOIN ranked r USING ("partition", "offset")
"""
FORGET = f"DELETE FROM events e WHERE {_LEAVING}"
_COMING = """("partition", "offset") IN
(SELECT ("partition", "offset") FROM ranked WHERE origin = 'copies' AND counts)"""
RESTORE = f"""
INSERT INTO incoming BY NAME
SELECT c.* EXCLUDE (taken), {HASH.format(id="event_id")} AS id_hash,
       ((SELECT coalesce(max("row"), 0) FROM incoming) + row_number() OVER ())::INTEGER AS "row"
FROM copies c WHERE {_COMING}
"""
TAKE_BACK = f"DELETE FROM copies WHERE {_COMING}"
MARK = """
UPDATE copies SET taken = r.taken FROM ranked r
WHERE r.origin = 'copies' AND copies."partition" = r."partition" AND copies."offset" = r."offset"
AND copies.taken <> r.taken
"""

# Ids of which some copy may have come, gone, or be covered: of what the changed controls take out, and in the
# batch of what any control does.
IDS_OF_CONTROLS = f"""
CREATE OR REPLACE TEMP TABLE ids AS
SELECT event_id, {HASH.format(id="event_id")} AS id_hash FROM (
    SELECT event_id {_CLASHING}
    UNION SELECT event_id FROM incoming WHERE {CONTROL}
    UNION {covering("p.event_id", as_controlled("incoming"), "k.effective")}
    {{moved}}
)
"""
NAMES = """({row}.entity_ref = {entity} OR ({entity}.kind = 'company' AND {row}.company_ref = {entity}.id)
    OR contains({row}.entities, to_json({entity})::VARCHAR))"""
# What corrections of a root, and of its corrections, name.
_CHAINS = """SELECT target_event FROM moved UNION SELECT root FROM moved UNION
    SELECT c.event_id FROM controls c JOIN moved USING (root)"""
_MOVED = f"""
    UNION SELECT target_event FROM moved WHERE target_event IS NOT NULL
    UNION SELECT replaced_event FROM moved WHERE replaced_event IS NOT NULL
    UNION SELECT event_id FROM events WHERE corrects IN ({_CHAINS})
    UNION SELECT event_id FROM copies WHERE corrects IN ({_CHAINS})
    UNION SELECT event_id FROM events WHERE import_id IN (SELECT target_import FROM moved)
    UNION SELECT event_id FROM copies WHERE import_id IN (SELECT target_import FROM moved)
    UNION SELECT c.event_id FROM copies c JOIN moved m ON m.target_entity IS NOT NULL
        AND {NAMES.format(row="c", entity="m.target_entity")}
    UNION SELECT e.event_id FROM events e WHERE e.entity IN (
        SELECT n.entity FROM entities n JOIN moved m
        ON m.target_entity = {{'kind': n.kind, 'namespace': n.namespace, 'id': n.id}})
    UNION SELECT e.event_id FROM events e WHERE e.company IN (
        SELECT i.subject FROM identifiers i JOIN moved m
        ON i.kind = 'company' AND m.target_entity.kind = 'company' AND i.value = m.target_entity.id)
    UNION SELECT e.event_id FROM events e JOIN moved m ON m.target_entity IS NOT NULL
        AND contains(e.entities, to_json(m.target_entity)::VARCHAR) WHERE e.entities IS NOT NULL
"""
_IN_QUESTION = (
    """WHERE "offset" IN (SELECT "offset" FROM places) AND event_id IN (SELECT event_id FROM ids)"""
)
_EVENTS_IN_QUESTION = AS_DECODED.format(source=f"(FROM events {_IN_QUESTION})")
_MORE = "import_id, corrects, replaces, entity_ref, company_ref, entities, type, test"
# All copies of the ids in question. `origin` says where each stands: in the batch, in `events`, in `copies`.
_POOL = f"""
SELECT {KEYS}, {_MORE}, 'batch' AS origin FROM incoming WHERE event_id IN (SELECT event_id FROM ids)
UNION ALL SELECT {KEYS}, {_MORE}, 'events' FROM ({_EVENTS_IN_QUESTION})
UNION ALL SELECT {KEYS}, {_MORE}, 'copies' FROM copies {_IN_QUESTION}
"""
POOL = f"CREATE OR REPLACE TEMP TABLE pool AS FROM {as_controlled(f'({_POOL})')}"
TAKEN = f"""
CREATE OR REPLACE TEMP TABLE taken AS {covering('p."partition", p."offset"', "pool", "k.effective")}
"""
# Of the controls of one id only the one that acts can count.
RANKED_BY_CONTROLS = f"""
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT event_id, "partition", "offset", origin, taken,
       NOT out AND row_number() OVER admitted = 1 AS counts,
       body_hash <> first_value(body_hash) OVER admitted AS differs
FROM (
    SELECT p.*, t."offset" IS NOT NULL AS taken, taken OR (p.control AND k."offset" IS NULL) AS out
    FROM pool p LEFT JOIN taken t USING ("partition", "offset")
    LEFT JOIN controls k USING ("partition", "offset")
) WINDOW admitted AS (PARTITION BY event_id ORDER BY out, {ADMISSION})
"""


class Chosen(NamedTuple):
    """`hashes` and `offsets` are of the ids that came. `displaced`: events that counted so far do not any
    more; they stand in the table of that name, and are gone from `events`. `restored`: copies count again."""

    hashes: Hashes
    offsets: Numbers
    displaced: bool = False
    restored: bool = False


def choose(script: Script, known: KnownIds, *, controls: bool) -> Chosen:
    """Leave in `incoming` what counts from now on, copies that count again among it; every other copy goes to
    `copies`. `controls`: the batch holds some."""
    rows = script.execute('SELECT id_hash, "offset" FROM incoming ORDER BY id_hash').fetchnumpy()
    hashes, offsets = np.asarray(rows["id_hash"]), np.asarray(rows["offset"])
    found, places = known.find(hashes)
    repeated = hashes[1:][hashes[1:] == hashes[:-1]]
    clashing = np.unique(np.concatenate([found, repeated]))
    controlled = controls
    if not controls and script.first("SELECT 1 FROM controls LIMIT 1") is not None:
        controls, controlled = script.one(TOUCHED)
    if not len(clashing) and not controlled:
        return Chosen(hashes, offsets)
    with script.table("clashing", pa.table({"id_hash": clashing})):
        if controlled:
            if controls:
                with script.table("places", pa.table({"offset": places})):
                    keep_controls(script)
            script.execute(IDS_OF_CONTROLS.format(moved=_MOVED if controls else ""))
            ids = script.execute("SELECT id_hash FROM ids ORDER BY id_hash").fetchnumpy()["id_hash"]
            if not len(ids):
                return Chosen(hashes, offsets)
            _, places = known.find(np.asarray(ids))
        with script.table("places", pa.table({"offset": places})):
            if controlled:
                script.execute(POOL)
                script.execute(TAKEN)
                script.execute(RANKED_BY_CONTROLS)
            else:
                script.execute(RANKED_WITH_EVENTS if len(places) else RANKED)
    displaced, restored, duplicates, conflicts = script.one(COUNT)
    script.found["duplicates"] += duplicates
    script.found["conflicts"] += conflicts
    script.execute(SET_ASIDE)
    script.execute(DROP)
    if controlled:
        script.execute(MARK)
    if displaced:
        script.execute(DISPLACED)
        script.execute(DISPLACE)
        script.execute(FORGET)
    if restored:
        script.execute(RESTORE)
        script.execute(TAKE_BACK)
    return Chosen(hashes, offsets, displaced > 0, restored > 0)
