"""Profile fields: what identify and company events said of a subject, the last by history order."""

from __future__ import annotations

from .decode import SAYING
from .script import Script

_SAID = """
SELECT subject, event_id, occurred_at, received_at, unnest(json_keys(properties)) AS field, properties
FROM (SELECT CASE e.type WHEN 'company.updated' THEN {company} ELSE {subject} END AS subject,
             e.event_id, e.occurred_at, e.received_at, e.properties FROM {source}
      WHERE e.type IN {saying} AND NOT e.test) WHERE subject IS NOT NULL
"""
BATCH = _SAID.format(
    company="k.company", subject="k.subject", source='incoming e JOIN keys k USING ("row")', saying=SAYING
)
HISTORY = _SAID.format(company="e.company", subject="e.subject", source="events e", saying=SAYING)


MEMBER = "json_extract(properties, '/' || replace(replace(field, '~', '~0'), '/', '~1'))::VARCHAR"
"""A member of the properties by its name, whatever that holds: as a JSON pointer (RFC 6901)."""

# Whose sayings were taken out: what they said last is sought in what is left.
LOST = f"""
CREATE OR REPLACE TEMP TABLE lost_sayings AS
SELECT DISTINCT CASE type WHEN 'company.updated' THEN company ELSE subject END AS subject FROM displaced
WHERE type IN {SAYING} AND NOT test
"""


def write_fields(script: Script, *, displaced: bool, said: bool) -> None:
    """Merge what the batch said, if it says anything; who lost a saying is told again from all of history."""
    lost = displaced and any(script.first(LOST) or ())
    if not said and not lost:
        return
    told = BATCH
    if lost:
        script.execute("DELETE FROM fields WHERE subject IN (SELECT subject FROM lost_sayings)")
        told += f" UNION ALL SELECT * FROM ({HISTORY}) WHERE subject IN (SELECT subject FROM lost_sayings)"
    script.execute(
        f"CREATE OR REPLACE TEMP TABLE told AS SELECT subject, field, {MEMBER} AS value, "
        "{'occurred_at': occurred_at, 'received_at': received_at, 'event_id': event_id} AS said "
        f"FROM ({told})"
    )
    script.execute(
        "CREATE OR REPLACE TEMP TABLE merged_fields AS "
        "SELECT subject, field, arg_max(value, said) AS value, max(said) AS said FROM (FROM told UNION ALL "
        "SELECT f.* FROM fields f SEMI JOIN told t ON f.subject = t.subject AND f.field = t.field) "
        "GROUP BY subject, field"
    )
    script.execute(
        "DELETE FROM fields f USING merged_fields m WHERE f.subject = m.subject AND f.field = m.field"
    )
    script.execute("INSERT INTO fields SELECT * FROM merged_fields")
