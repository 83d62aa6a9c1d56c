"""Who must be folded anew: subjects that lost an event, so that adding the batch would not be enough."""

from __future__ import annotations

from .script import Script

# Persons and companies whose entity went to somebody else, and those of events that were displaced.
LOSERS = """
INSERT INTO refold
SELECT DISTINCT subject FROM (
    SELECT unnest([t.owner, o.owner]) AS subject FROM touched t LEFT JOIN owners o USING (entity)
    WHERE t.known AND t.owner IS NOT NULL AND t.owner IS DISTINCT FROM o.owner
    UNION ALL
    SELECT unnest([t.company, o.company]) FROM touched t LEFT JOIN owners o USING (entity)
    WHERE t.known AND t.company IS NOT NULL AND t.company IS DISTINCT FROM o.company
    {displaced}
) WHERE subject IS NOT NULL
"""
DISPLACED = """
    UNION ALL
    SELECT unnest([d.subject, d.company, t.owner, t.company])
    FROM displaced d LEFT JOIN touched t USING (entity)
"""


def find_losers(script: Script, *, displaced: bool) -> bool:
    """Fill `refold`. True when somebody is in it."""
    script.execute("CREATE OR REPLACE TEMP TABLE refold (subject BIGINT)")
    counted = script.first(LOSERS.format(displaced=DISPLACED if displaced else ""))
    return counted is not None and counted[0] > 0


def everybody(script: Script) -> None:
    """Fill `refold` with all subjects: the definitions changed."""
    script.execute("CREATE OR REPLACE TEMP TABLE refold AS SELECT subject FROM identifiers")
