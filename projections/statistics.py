"""Counts over the whole store: what there is, and where it came from."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, TypedDict

import duckdb

from kizuna.schemas.definitions import Workspace

from .controls import ADMISSION
from .failed_events import CONFLICTS, READMISSIONS
from .selection import named_rows

TERMS = ("records", "events", "duplicates", "failed_events", "repaired", "readmitted")


class Counts(TypedDict):
    """`profiles` are those of persons, `failed_events` those that are not `repaired`."""

    events: int
    profiles: int
    companies: int
    duplicates: int
    failed_events: int
    repaired: int


class Standing(NamedTuple):
    """`failed` are items that were refused, by code, repaired ones among them; `memory` is what DuckDB holds,
    in bytes."""

    events: int
    profiles: int
    companies: int
    failed: dict[str, int]
    memory: int


# Events that were taken out, and no copy of which counts now: of the source of the first copy.
RETRACTED = f"""
SELECT event_id, arg_min(source, ({ADMISSION})) AS source
FROM copies ANTI JOIN events USING (event_id) GROUP BY event_id
"""

_COUNTS = f"""
WITH conflicts AS MATERIALIZED ({CONFLICTS}),
failed AS (SELECT failed_id FROM failed_items UNION ALL SELECT failed_id FROM conflicts)
SELECT (SELECT count(*) FROM events),
       (SELECT count(*) FROM identifiers WHERE profile = subject AND kind <> 'company'),
       (SELECT count(*) FROM identifiers WHERE profile = subject AND kind = 'company'),
       (SELECT count(*) FROM copies) - (SELECT count(*) FROM conflicts) - (SELECT count(*) FROM ({RETRACTED}))
           + (SELECT coalesce(sum(repeats), 0)::BIGINT FROM failed_items),
       (SELECT count(*) FROM failed),
       (SELECT count(*) FROM failed WHERE failed_id IN (SELECT failed_id FROM ({READMISSIONS})))
"""

# What became of every record, by topic and source. A record that is a re-admission is none of the `records`:
# the failed event that it repairs is, with the fate and the source of its re-admission. Where a failed event
# has several, the first of them is meant, one that counts before others; further ones that do not count are
# `surplus`, and further ones that count are ordinary events.
_FATES = f"""
WITH conflicts AS MATERIALIZED ({CONFLICTS}),
failed AS (
    SELECT failed_id, topic, source FROM failed_items WHERE topic <> 'definitions'
    UNION ALL
    SELECT failed_id, 'touchpoints', source FROM conflicts
), readmitted AS MATERIALIZED (
    SELECT f.topic, f.source AS failed_source, r.source, r.counts, c.failed_id IS NOT NULL AS clashes,
        row_number() OVER (PARTITION BY r.failed_id ORDER BY NOT r.counts, clashes, r.admission) = 1 AS first
    FROM ({READMISSIONS}) r JOIN failed f USING (failed_id)
    LEFT JOIN conflicts c ON NOT r.counts AND c."partition" = r."partition" AND c."offset" = r."offset"
), surplus AS (SELECT * FROM readmitted WHERE NOT first AND NOT counts)
SELECT 'touchpoints' AS topic, source, count(*) AS records, count(*) AS events, 0 AS duplicates,
    0 AS failed_events, 0 AS repaired, 0 AS readmitted, 0 AS surplus
FROM events GROUP BY source
UNION ALL
SELECT 'touchpoints', source, count(*), 0, count(*), 0, 0, 0, 0 FROM copies GROUP BY source
UNION ALL
SELECT 'touchpoints', source, 0, 0, -count(*), count(*), 0, 0, 0 FROM conflicts GROUP BY source
UNION ALL
SELECT topic, source, count(*) + sum(repeats), 0, sum(repeats), count(*), 0, 0, 0
FROM failed_items GROUP BY topic, source
UNION ALL
SELECT topic, failed_source, -count(*), 0, 0, -count(*), count(*), 0, 0
FROM readmitted WHERE first GROUP BY topic, failed_source
UNION ALL
SELECT 'touchpoints', source, 0, 0, 0, 0, 0, count(*), 0 FROM readmitted WHERE first GROUP BY source
UNION ALL
SELECT 'touchpoints', source, -count(*), 0, -count(*) FILTER (NOT clashes), -count(*) FILTER (clashes), 0,
    count(*), count(*)
FROM surplus GROUP BY source
UNION ALL
SELECT 'touchpoints', source, 0, count(*), -count(*), 0, 0, 0, 0 FROM ({RETRACTED}) GROUP BY source
"""
# Converting to a zone is dear. Since 1973 every zone stands some times five minutes from UTC, and before that
# whole seconds: what is in the same five minutes, or second, is on the same day.
_SAME_DAY = """
CASE WHEN occurred_at >= TIMESTAMP '1973-01-01' THEN time_bucket(INTERVAL 5 MINUTE, occurred_at)
     ELSE date_trunc('second', occurred_at) END
"""


def _sums(*names: str) -> str:
    return ", ".join(f"sum({name})::BIGINT AS {name}" for name in names)


def counts(snapshot: duckdb.DuckDBPyConnection) -> Counts:
    row = snapshot.execute(_COUNTS).fetchone()
    assert row is not None
    events, persons, companies, duplicates, failed, repaired = row
    return {
        "events": events,
        "profiles": persons,
        "companies": companies,
        "duplicates": duplicates,
        "failed_events": failed - repaired,
        "repaired": repaired,
    }


def standing(snapshot: duckdb.DuckDBPyConnection) -> Standing:
    """What can be told without reading the history."""
    row = snapshot.execute(
        "SELECT (SELECT count(*) FROM events), count(*) FILTER (kind <> 'company'), "
        "count(*) FILTER (kind = 'company'), (SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()) "
        "FROM identifiers WHERE profile = subject"
    ).fetchone()
    assert row is not None
    events, persons, companies, memory = row
    failed = snapshot.execute("SELECT code, count(*) FROM failed_items GROUP BY code").fetchall()
    return Standing(events, persons, companies, dict(failed), memory)


def by_topic(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """`events`, `duplicates`, `failed_events` and `repaired` by topic: together, the records folded of it. On
    the topic of definitions, `events` are definitions and their activations."""
    return named_rows(
        snapshot,
        "SELECT topic, sum(events)::BIGINT AS events, sum(duplicates + surplus)::BIGINT AS duplicates, "
        f"{_sums('failed_events', 'repaired')} FROM ({_FATES} UNION ALL "
        "SELECT 'definitions', '', 0, count(*), coalesce(sum(repeats), 0), 0, 0, 0, 0 FROM "
        "(SELECT repeats FROM definitions UNION ALL SELECT repeats FROM activations)) "
        "GROUP BY topic ORDER BY topic",
    )


def by_source(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """The terms of rule 5 of each source: `records` of touchpoints and failed events that are no
    re-admissions, counted by where they stand; what became of them, `events`, `duplicates` and
    `failed_events`; and beside the sum the failed events that are `repaired`, the records that were
    `readmitted`. The `events` that were `retracted` are among them: they came."""
    return named_rows(
        snapshot,
        f"SELECT source, {_sums(*TERMS)}, coalesce(any_value(retracted), 0) AS retracted FROM ({_FATES}) "
        f"LEFT JOIN (SELECT source, count(*) AS retracted FROM ({RETRACTED}) GROUP BY source) USING (source) "
        "WHERE topic <> 'definitions' GROUP BY source ORDER BY source",
    )


def by_type(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Events by type, the most first."""
    return named_rows(
        snapshot,
        "SELECT type, count(*) AS events, max(occurred_at) AS last_at FROM events GROUP BY type "
        "ORDER BY events DESC, type",
    )


def by_day(snapshot: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[dict[str, object]]:
    """Events by the day of the workspace's time zone on which they happened."""
    return named_rows(
        snapshot,
        f"SELECT {day_of('moment')} AS day, sum(n)::BIGINT AS events FROM "
        f"(SELECT {_SAME_DAY} AS moment, count(*) AS n FROM events GROUP BY moment) "
        "GROUP BY day ORDER BY day",
        {"zone": workspace.time_zone},
    )


def by_minute(snapshot: duckdb.DuckDBPyConnection, since: datetime) -> list[tuple[datetime, int]]:
    """How many events the log recorded in each minute from `since`; times are naive and in UTC."""
    return snapshot.execute(
        "SELECT date_trunc('minute', recorded_at) AS minute, count(*) FROM events WHERE recorded_at >= ? "
        "GROUP BY minute ORDER BY minute",
        [since],
    ).fetchall()


def day_of(column: str) -> str:
    """The day of a time in UTC in the zone $zone, as SQL."""
    return f"({column} AT TIME ZONE 'UTC' AT TIME ZONE $zone)::DATE"
