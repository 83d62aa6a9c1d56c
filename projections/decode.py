"""Records of the log to rows: parsed in SQL, in one pass over the batch."""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import orjson

from kizuna.schemas import catalogue as _catalogue  # noqa: F401  (fills MODELS)
from kizuna.schemas.identifiers import COMPANY, EXTERNAL, KINDS
from kizuna.schemas.payload import MODELS, OWNED_KINDS
from kizuna.schemas.upcasting import upcast

from .batch import Rows, arrow
from .failures import TOUCHPOINTS, keep_unreadable
from .known_ids import HASH
from .script import Script


def subject_id(kind: str, value: str) -> str:
    """The SQL of `schemas.identifiers.subject_id`, with the workspace key bound as `key`."""
    return f"left(sha256($key || chr(31) || {kind} || chr(31) || {value}), 32)::UUID"


STRUCTURE = orjson.dumps(
    {
        "event_id": "UUID",
        "type": "VARCHAR",
        "version": "SMALLINT",
        "occurred_at": "TIMESTAMP",
        "received_at": "TIMESTAMP",
        "source": "VARCHAR",
        "rights": "VARCHAR",
        "ids": [{"kind": "VARCHAR", "value": "VARCHAR"}],
        "entities": [{"kind": "VARCHAR", "namespace": "VARCHAR", "id": "VARCHAR"}],
        "properties": "JSON",
        "context": "JSON",
        "body_hash": "VARCHAR",
        "test": "BOOLEAN",
        "place": {"store": "VARCHAR", "register": "VARCHAR"},
        "channel": "VARCHAR",
        "import_id": "VARCHAR",
        "clamped": "BOOLEAN",
        "actor": "JSON",
        "caused_by": "VARCHAR",
        "attachments": "JSON",
        "repairs": "VARCHAR",
        "corrects": "VARCHAR",
        "correction": "JSON",
        "replaces": {"event_id": "VARCHAR", "body_hash": "VARCHAR"},
    }
).decode()

UNKNOWN_ID = (
    f"NOT coalesce((x.kind IN {KINDS} OR regexp_full_match(x.kind, '{EXTERNAL}')) AND x.value <> '', false)"
)

OUTDATED = (
    " OR ".join(
        f"(type = '{name}' AND version < {model.VERSION})"
        for name, model in MODELS.items()
        if model.VERSION > 1
    )
    or "false"
)
"""Which events `upcast` has to lift. Their records are carried along whole, in case it cannot."""

DECODE = f"""
CREATE OR REPLACE TABLE <table> AS
WITH parsed AS (
    SELECT "row", "partition", "offset", recorded_at, value, from_json(<text>, '{STRUCTURE}') AS e
    FROM batch_rows
)
SELECT * REPLACE (CASE WHEN {OUTDATED} THEN raw END AS raw),
    {HASH.format(id="event_id")} AS id_hash,
    {subject_id("person.kind", "person.value")} AS person_id,
    {subject_id(f"'{COMPANY}'", "company_ref")} AS company_id,
    left(sha256(entity_ref.kind || chr(31) || entity_ref.namespace || chr(31) || entity_ref.id), 32)::UUID
        AS entity_id
FROM (SELECT
    "row", e.event_id AS event_id, e.type AS type, e.version AS version,
    e.occurred_at AS occurred_at, e.received_at AS received_at, recorded_at, "partition", "offset",
    e.source AS source, e.rights = 'secret' AS secret,
    e.ids[1] AS person, list_filter(e.entities, lambda x: x.kind = 'company')[1].id AS company_ref,
    list_filter(e.entities, lambda x: x.kind IN {OWNED_KINDS})[1] AS entity_ref,
    TRY_CAST(left(e.body_hash, 32) AS UUID) AS body_hash, coalesce(e.test, false) AS test,
    CASE WHEN NOT coalesce(TRY_CAST(e.correction->>'test' AS BOOLEAN), false)
         THEN TRY_CAST(e.corrects AS UUID) END AS corrects,
    TRY_CAST(e.replaces.event_id AS UUID) AS replaces,
    TRY_CAST(left(e.replaces.body_hash, 32) AS UUID) AS replaces_body,
    e.place.store AS store, e.place.register AS register, e.channel AS channel, e.import_id AS import_id,
    CASE WHEN len(e.ids) > 1 THEN to_json(e.ids)::VARCHAR END AS ids,
    CASE WHEN len(e.entities) > 1 OR e.entities[1].kind IN ('campaign', 'company')
         THEN to_json(e.entities)::VARCHAR END AS entities,
    e.properties::VARCHAR AS properties, e.context::VARCHAR AS context,
    CASE WHEN e.clamped
           OR coalesce(e.actor::VARCHAR, e.caused_by, e.attachments::VARCHAR, e.repairs,
           e.correction::VARCHAR) IS NOT NULL
         THEN json_merge_patch('{{}}', json_object('clamped', e.clamped, 'actor', e.actor,
              'caused_by', e.caused_by, 'attachments', e.attachments, 'repairs', e.repairs,
              'correction', e.correction))::VARCHAR
         END AS more,
    CASE WHEN e.event_id IS NULL OR e.type IS NULL OR e.occurred_at IS NULL OR e.received_at IS NULL
           OR e.source IS NULL OR TRY_CAST(left(e.body_hash, 32) AS UUID) IS NULL
           OR e.occurred_at > e.received_at OR left(ltrim(e.properties::VARCHAR), 1) <> '{{'
           OR len(list_filter(e.ids, lambda x: {UNKNOWN_ID})) > 0
         THEN coalesce(value, '') END AS bad, value AS raw
FROM parsed)
"""

NO_ENVELOPE = (
    "the record is no envelope: it lacks an id, a type, a time, a source or a hash, its properties are no "
    "object, or it names somebody by no known kind of identifier"
)


class Contents(NamedTuple):
    """What a batch holds any of, so that a stage with nothing to do costs nothing."""

    unreadable: bool
    outdated: bool
    links: bool
    fields: bool
    controls: bool


def parse(cursor: duckdb.DuckDBPyConnection, rows: Rows, workspace_key: str, table: str) -> None:
    """Make `table` of the records: what they say, and whom they name. Called outside of a transaction: what
    is no JSON ends a statement, and with it the transaction that it stands in."""
    key = {"key": workspace_key}
    cursor.register("batch_rows", arrow(rows))
    decode = DECODE.replace("<table>", table)
    try:
        cursor.execute(decode.replace("<text>", "value"), key)
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        cursor.execute(decode.replace("<text>", "CASE WHEN json_valid(value) THEN value END"), key)
    finally:
        cursor.unregister("batch_rows")


def take(script: Script, table: str) -> None:
    """Fill `incoming` from a table that `parse` made, and drop that."""
    script.execute(f"CREATE OR REPLACE TEMP TABLE incoming AS FROM {table}")
    script.execute(f"DROP TABLE {table}")


def settle(script: Script) -> Contents:
    """What is no envelope becomes a failed event; older versions are lifted to today's."""
    found = contents(script)
    unliftable = found.outdated and _lift(script)
    if found.unreadable or unliftable:
        _set_bad_aside(script)
    return found


def contents(script: Script) -> Contents:
    """What `incoming` holds."""
    return Contents(*script.one(CONTENTS))


def _set_bad_aside(script: Script) -> None:
    bad = script.execute(
        'SELECT "partition", "offset", epoch_us(recorded_at), bad FROM incoming WHERE bad IS NOT NULL'
    ).fetchall()
    keep_unreadable(script, TOUCHPOINTS, bad, NO_ENVELOPE)
    script.execute("DELETE FROM incoming WHERE bad IS NOT NULL")


LINKING = "('customer.identified', 'customer.aliased')"
"""Types that join the identifiers they name."""

SAYING = "('customer.identified', 'company.updated')"
"""Types whose properties become fields of a profile."""

CONTROL = "((type = 'event.retracted' AND NOT test) OR corrects IS NOT NULL OR replaces IS NOT NULL)"
"""What takes other events out of every state: a retraction, a correction, a conflict that was repaired."""

CONTENTS = f"""
SELECT count(bad) > 0, coalesce(bool_or({OUTDATED}), false), coalesce(bool_or(type IN {LINKING}), false),
       coalesce(bool_or(type IN {SAYING}), false), coalesce(bool_or({CONTROL}), false)
FROM incoming
"""


AT = 'WHERE "partition" = ? AND "offset" = ?'


def _lift(script: Script) -> bool:
    """True when some could not be lifted: they are marked as bad."""
    old = script.execute(
        'SELECT "partition", "offset", type, version, properties FROM incoming '
        f"WHERE ({OUTDATED}) AND bad IS NULL"
    ).fetchall()
    unliftable = False
    for partition, offset, type_, version, properties in old:
        place = [partition, offset]
        try:
            lifted = orjson.dumps(upcast(type_, version, orjson.loads(properties or "{}"))).decode()
        except (ArithmeticError, LookupError, TypeError, ValueError):
            unliftable = True
            script.execute(f"UPDATE incoming SET bad = raw {AT}", place)
            continue
        script.execute(
            f"UPDATE incoming SET properties = ?, version = ? {AT}", [lifted, MODELS[type_].VERSION, *place]
        )
    return unliftable
