"""Counts over the whole store: what there is, and where it came from."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import duckdb

from kizuna.schemas.definitions import Workspace

from .failed_events import CONFLICTS
from .selection import named_rows


class Counts(TypedDict):
    """`profiles` are those of persons. Each record of a touchpoint is an event, a duplicate or failed."""

    events: int
    profiles: int
    companies: int
    duplicates: int
    failed_events: int


_COUNTS = f"""
SELECT (SELECT count(*) FROM events),
       (SELECT count(*) FROM identifiers WHERE profile = subject AND kind <> 'company'),
       (SELECT count(*) FROM identifiers WHERE profile = subject AND kind = 'company'),
       (SELECT count(*) FROM copies),
       (SELECT count(*) FROM ({CONFLICTS})),
       (SELECT count(*) FROM failed_items),
       (SELECT coalesce(sum(repeats), 0)::BIGINT FROM failed_items)
"""

# What became of every record, by topic and source.
_FATES = f"""
SELECT 'touchpoints' AS topic, source, count(*) AS events, 0 AS duplicates, 0 AS failed_events
FROM events GROUP BY source
UNION ALL
SELECT 'touchpoints', source, 0, count(*), 0 FROM copies GROUP BY source
UNION ALL
SELECT 'touchpoints', source, 0, -count(*), count(*) FROM ({CONFLICTS}) GROUP BY source
UNION ALL
SELECT topic, source, 0, sum(repeats), count(*) FROM failed_items GROUP BY topic, source
"""
# Converting to a zone is dear. Since 1973 every zone stands some times five minutes from UTC, and before that
# whole seconds: what is in the same five minutes, or second, is on the same day.
_SAME_DAY = """
CASE WHEN occurred_at >= TIMESTAMP '1973-01-01' THEN time_bucket(INTERVAL 5 MINUTE, occurred_at)
     ELSE date_trunc('second', occurred_at) END
"""
_SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in ("events", "duplicates", "failed_events"))


def counts(snapshot: duckdb.DuckDBPyConnection) -> Counts:
    row = snapshot.execute(_COUNTS).fetchone()
    assert row is not None
    events, persons, companies, copies, conflicts, failed, repeats = row
    return {
        "events": events,
        "profiles": persons,
        "companies": companies,
        "duplicates": copies - conflicts + repeats,
        "failed_events": failed + conflicts,
    }


def by_topic(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """`events`, `duplicates` and `failed_events` by topic: together, the records folded of it. On the topic
    of definitions, `events` are definitions."""
    return named_rows(
        snapshot,
        f"SELECT topic, {_SUMS} FROM ({_FATES} UNION ALL "
        "SELECT 'definitions', '', count(*), 0, 0 FROM definitions) GROUP BY topic ORDER BY topic",
    )


def by_source(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """The same by source; `records` is their sum."""
    return named_rows(
        snapshot,
        f"SELECT source, {_SUMS}, sum(events + duplicates + failed_events)::BIGINT AS records "
        f"FROM ({_FATES}) GROUP BY source ORDER BY source",
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
