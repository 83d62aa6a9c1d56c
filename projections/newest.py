"""What came last: for a glance at a living node."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import duckdb

from .profiles import Subject, members
from .selection import named_rows


class NewestProfile(NamedTuple):
    """A profile of a person, with the time at which Kizuna first got an event of it."""

    subjects: list[Subject]
    since: datetime


def newest_events(snapshot: duckdb.DuckDBPyConnection, limit: int) -> list[dict[str, object]]:
    """By the order of the log: `type`, `source`, the times, and `of` whom: person, company, or empty."""
    return named_rows(
        snapshot,
        "SELECT type, source, occurred_at, recorded_at, CASE WHEN subject IS NOT NULL THEN 'person' "
        "WHEN company IS NOT NULL THEN 'company' ELSE '' END AS of FROM events "
        f'ORDER BY recorded_at DESC, "offset" DESC, "partition" LIMIT {limit}',
    )


def newest_profiles(snapshot: duckdb.DuckDBPyConnection, limit: int) -> list[NewestProfile]:
    rows = snapshot.execute(
        "SELECT profile, first_seen.received_at AS since FROM identifiers WHERE profile = subject "
        f"AND kind <> 'company' ORDER BY first_seen DESC, subject_id LIMIT {limit}"
    ).fetchall()
    held = members(snapshot, [row[0] for row in rows])
    return [NewestProfile(held[profile], since) for profile, since in rows]
