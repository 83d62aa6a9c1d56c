"""CDNOW: purchases of which equal ones are true."""

from __future__ import annotations

import pytest

from .conftest import World, Worlds

LOCAL = "timezone('America/New_York', timezone('UTC', {}))"


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    return worlds("cdnow")


def test_no_purchase_is_taken_for_a_copy(world: World) -> None:
    assert world.state("SELECT count(*), sum(total) FROM orders") == world.truth(
        "SELECT count(*), sum(amount::DECIMAL(18,4)) FROM truth"
    )
    assert world.state("SELECT count(*) FROM orders") == [(49_086,)]
    assert world.digest["copies"].startswith("0:")


def test_every_customers_purchases(world: World) -> None:
    truth = world.truth(
        "SELECT customer_id::VARCHAR, count(*), sum(amount::DECIMAL(18,4)), min(date), max(date)"
        " FROM truth GROUP BY 1 ORDER BY 1"
    )
    state = world.state(
        f"SELECT i.value, count(*), sum(o.total), min({LOCAL.format('completed_at')}),"
        f" max({LOCAL.format('completed_at')})"
        " FROM orders o JOIN identifiers i ON i.subject = o.owner GROUP BY 1 ORDER BY 1"
    )
    assert state == truth
    assert len(state) == 23_570


def test_profiles_know_them(world: World) -> None:
    truth = world.truth(
        "SELECT customer_id::VARCHAR, count(*), sum(amount::DECIMAL(18,4)), min(date)::DATE, max(date)::DATE"
        " FROM truth GROUP BY 1 ORDER BY 1"
    )
    traits = world.traits("user_id", "orders_count", "lifetime_value", "first_order_at", "last_order_at")
    # Midnight in New York is the same day in UTC.
    days = [(value, count, amount, first.date(), last.date()) for value, count, amount, first, last in traits]
    assert days == truth
