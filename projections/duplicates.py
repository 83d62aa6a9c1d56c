"""Duplicates: of all copies of an event id the first in admission order counts, whenever it turns up."""

from __future__ import annotations

from .script import Script

ADMISSION = 'received_at, occurred_at, event_id, body_hash, "partition", "offset"'
"""Admission order; between copies of one id the body hash, then the position decides."""

COPY = 'event_id, type, occurred_at, received_at, recorded_at, "partition", "offset", source, body_hash'

# Every copy in sight of an id that clashes, in admission order; `held` is the one that counted so far. It is
# sought by row: a plain join would read all its columns of all events.
RANKED = f"""
CREATE OR REPLACE TEMP TABLE ranked AS
WITH held AS MATERIALIZED (
    SELECT {COPY} FROM events
    WHERE rowid IN (SELECT rowid FROM events WHERE event_id IN (SELECT event_id FROM incoming))
), clashes AS (
    SELECT event_id FROM incoming GROUP BY event_id HAVING count(*) > 1 UNION ALL SELECT event_id FROM held
)
SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY {ADMISSION}) AS place FROM (
    SELECT {COPY}, false AS held FROM incoming WHERE event_id IN (FROM clashes)
    UNION ALL
    SELECT {COPY}, true AS held FROM held
)
"""
COUNT = "SELECT count(*), count(CASE WHEN held AND place > 1 THEN 1 END) FROM ranked"

SET_ASIDE = f"INSERT INTO copies SELECT {COPY} FROM ranked WHERE place > 1"


def drop_duplicates(script: Script) -> bool:
    """Leave in `incoming` only what counts; every other copy goes to `copies`. True when an event that
    counted so far was displaced: it is then in `displaced`, and gone from `events`."""
    script.execute(RANKED)
    ranked, displaced = script.one(COUNT)
    if not ranked:
        return False
    script.execute(SET_ASIDE)
    script.execute(
        'DELETE FROM incoming WHERE ("partition", "offset") IN '
        '(SELECT ("partition", "offset") FROM ranked WHERE place > 1 AND NOT held)'
    )
    if not displaced:
        return False
    script.execute(
        "CREATE OR REPLACE TEMP TABLE displaced AS SELECT e.* FROM events e WHERE event_id IN "
        "(SELECT event_id FROM ranked WHERE held AND place > 1)"
    )
    script.execute("DELETE FROM events WHERE event_id IN (SELECT event_id FROM displaced)")
    return True
