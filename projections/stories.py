"""Stories: the events of every entity that the batch touches, in history order, and the state they give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from . import ledger
from .compiler import LEDGER
from .entities import MODELS, ORDERS, EntityModel
from .id_run import Hashes, Numbers
from .known_entities import HASH, KnownEntities
from .script import Script


class Changes(NamedTuple):
    """Entity kinds, and the ledger, that a batch changed; `known` are those of which it changed rows that
    stood there before. Per kind `changes_<kind>` holds the rows that came (`sign` 1) and that went (-1)."""

    kinds: frozenset[str]
    known: frozenset[str]


_HASH = HASH.format(id="entity_id")
HASHES = f"SELECT DISTINCT {_HASH} AS hash FROM incoming WHERE entity_id IS NOT NULL ORDER BY hash"
NEW = f"SELECT {_HASH} AS hash, entity FROM touched WHERE NOT known"
TOUCHED = """
CREATE OR REPLACE TEMP TABLE touched AS
SELECT coalesce(n.entity, ? + row_number() OVER (PARTITION BY n.entity IS NULL ORDER BY entity_id)) AS entity,
       r.entity_id, r.kind, r.namespace, r.id, n.entity IS NOT NULL AS known, n.owner AS owner,
       n.company AS company
FROM (SELECT DISTINCT entity_id, entity_ref.kind AS kind, entity_ref.namespace AS namespace,
             entity_ref.id AS id FROM incoming WHERE entity_id IS NOT NULL) r
LEFT JOIN (FROM entities WHERE entity IN (SELECT entity FROM numbered)) n USING (entity_id)
"""
TOUCHED_BY_DISPLACED = """
INSERT INTO touched
SELECT entity, entity_id, kind, namespace, id, true, owner, company FROM entities
WHERE entity IN (SELECT entity FROM displaced) AND entity NOT IN (SELECT entity FROM touched)
"""

# Of an entity seen for the first time all events stand in the batch.
STORY = """
CREATE OR REPLACE TEMP TABLE story AS
SELECT entity, kind, event_id, type, split_part(type, '.', 2) AS verb, occurred_at, source, store, register,
       subject, company, test, row_number() OVER (PARTITION BY entity ORDER BY occurred_at, received_at,
       event_id) AS n, properties, starts_with(type, kind || '.') AS own
FROM ({told})
"""
_TOLD = """t.entity, t.kind, event_id, type, occurred_at, received_at, source, store, register, subject,
    {company}, test, properties"""
TOLD_NOW = f"""
SELECT {_TOLD.format(company="k.company")}
FROM incoming JOIN keys k USING ("row") JOIN touched t USING (entity) WHERE NOT t.known
"""
TOLD_BEFORE = f"""
SELECT {_TOLD.format(company="e.company")} FROM events e JOIN touched t USING (entity) WHERE t.known
"""
# The person of an entity is the one it was last attributed to, else the first that its history names.
OWNERS = """
CREATE OR REPLACE TEMP TABLE owners AS
SELECT entity,
    coalesce(arg_max(CASE WHEN attributes THEN subject END, n), arg_min(subject, n)) AS owner,
    coalesce(arg_max(CASE WHEN attributes THEN company END, n), arg_min(company, n)) AS company
FROM (SELECT entity, n, type = 'entity.attributed' AS attributes, CASE WHEN NOT test THEN subject END AS
             subject, CASE WHEN NOT test THEN company END AS company FROM story) GROUP BY entity
"""
WRITE_ENTITIES = """
INSERT INTO entities
SELECT t.entity, t.entity_id, t.kind, t.namespace, t.id, o.owner, o.company
FROM touched t JOIN owners o USING (entity)
"""


# A refund touches the ledger, also when it names no order.
TOUCHED_KINDS = """
SELECT kind, known FROM touched UNION
SELECT 'order', false FROM incoming WHERE type = 'order.refunded'
"""
TOUCHED_KINDS_BY_DISPLACED = """
UNION SELECT 'order', true FROM displaced WHERE type = 'order.refunded'
"""


class Referred(NamedTuple):
    """Entities that got a number in this batch."""

    hashes: Hashes
    numbers: Numbers


def refer(script: Script, known: KnownEntities, *, displaced: bool) -> Referred:
    """Give every entity of the batch its number: `touched` then has them all."""
    hashes = np.asarray(script.execute(HASHES).fetchnumpy()["hash"])
    with script.table("numbered", pa.table({"entity": known.find(hashes)})):
        script.execute(TOUCHED, [known.highest])
    new = script.execute(NEW).fetchnumpy()
    if displaced:
        script.execute(TOUCHED_BY_DISPLACED)
    return Referred(np.asarray(new["hash"]), np.asarray(new["entity"]))


def retell(script: Script, *, displaced: bool) -> Changes:
    """Compute the touched entities anew."""
    touched = TOUCHED_KINDS + (TOUCHED_KINDS_BY_DISPLACED if displaced else "")
    rows = script.execute(touched).fetchall()
    kinds = {kind for kind, _ in rows}
    known = {kind for kind, its in rows if its}
    script.execute(STORY.format(told=f"{TOLD_NOW} UNION ALL {TOLD_BEFORE}" if known else TOLD_NOW))
    script.execute(OWNERS)
    if known:
        script.execute("DELETE FROM entities WHERE entity IN (SELECT entity FROM touched WHERE known)")
    if kinds:
        script.execute(WRITE_ENTITIES)
    if ORDERS.kind in kinds:
        script.execute(ledger.STORY)
        kinds.add(LEDGER)
        ledger.write_movements(script, known=ORDERS.kind in known, displaced=displaced)
    for model in MODELS:
        if model.kind in kinds:
            _write(script, model, known=model.kind in known)
    return Changes(frozenset(kinds), frozenset(known))


def _write(script: Script, model: EntityModel, *, known: bool) -> None:
    """`known`: some of them stood in the table before the batch."""
    columns = ", ".join(f'({field.expression})::{field.sql_type} AS "{field.name}"' for field in model.fields)
    ledger_of_orders = "JOIN order_story USING (entity, n)" if model is ORDERS else ""
    came = (
        f"WITH told AS (SELECT *, from_json(properties, '{model.structure}') AS p FROM story "
        f"WHERE kind = '{model.kind}' AND NOT test) "
        "SELECT 1 AS sign, entity, any_value(o.owner) AS owner, any_value(o.company) AS company, "
        f"arg_min(source, n) AS source, {columns} "
        f"FROM told {ledger_of_orders} JOIN owners o USING (entity) GROUP BY entity"
    )
    script.execute(f"CREATE OR REPLACE TEMP TABLE changes_{model.kind} AS {came}")
    insert = f"INSERT INTO {model.table} SELECT * EXCLUDE (sign) FROM changes_{model.kind}"
    if known:
        gone = f"entity IN (SELECT entity FROM touched WHERE known AND kind = '{model.kind}')"
        script.execute(f"INSERT INTO changes_{model.kind} SELECT -1, * FROM {model.table} WHERE {gone}")
        script.execute(f"DELETE FROM {model.table} WHERE {gone}")
        insert += " WHERE sign = 1"
    script.execute(insert)
