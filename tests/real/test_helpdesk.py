"""The help-desk log: tickets of nobody, and the activity code is their status."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from .conftest import World, Worlds

ROME = ZoneInfo("Europe/Rome")


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    return worlds("helpdesk")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME).astimezone(UTC).replace(tzinfo=None)


def test_every_case_has_its_history(world: World) -> None:
    truth = sorted(
        (str(case), utc(at), str(activity))
        for case, activity, at in world.truth("SELECT DISTINCT case_id, activity, timestamp FROM truth")
    )
    state = world.state(
        "SELECT e.id, v.occurred_at, v.properties->>'status' AS status FROM events v"
        " JOIN entities e USING (entity) WHERE v.type = 'ticket.status_changed' ORDER BY ALL"
    )
    assert state == truth
    assert len(state) == 21_221


def test_copies_are_duplicates(world: World) -> None:
    assert world.report.events == 21_348
    assert world.digest["copies"].startswith("127:")


def test_every_case_stands_where_its_history_ends(world: World) -> None:
    """Where two codes carry the last time, either may be the last."""
    last: dict[str, set[str]] = {}
    for case, status in world.truth(
        "SELECT case_id, activity FROM truth t WHERE timestamp ="
        " (SELECT max(timestamp) FROM truth WHERE case_id = t.case_id)"
    ):
        last.setdefault(str(case), set()).add(str(status))
    state = dict(world.state("SELECT e.id, t.status FROM tickets t JOIN entities e USING (entity)"))
    assert state.keys() == last.keys()
    assert all(status in last[case] for case, status in state.items())
    assert sum(len(codes) > 1 for codes in last.values()) <= 3


def test_statuses_add_up(world: World) -> None:
    truth = world.truth(
        "SELECT activity::VARCHAR AS status, count(*) FROM (SELECT DISTINCT * FROM truth)"
        " GROUP BY 1 ORDER BY 1"
    )
    state = world.state("SELECT properties->>'status' AS status, count(*) FROM events GROUP BY 1 ORDER BY 1")
    assert state == truth


def test_tickets_are_of_nobody(world: World) -> None:
    assert world.state("SELECT count(*) FROM identifiers") == [(0,)]
    assert world.state("SELECT count(*) FROM tickets WHERE owner IS NULL") == world.truth(
        "SELECT count(DISTINCT case_id) FROM truth"
    )
