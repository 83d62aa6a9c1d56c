"""Online Retail II: an invoice is an order, C gives money back, and the rest is no revenue."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .conftest import World, Worlds

AMOUNT = "Quantity * Price::DECIMAL(18,4)"
ORDER = "Invoice NOT LIKE 'A%' AND Invoice NOT LIKE 'C%' AND Quantity > 0"
MONEY = f"({ORDER} OR Invoice LIKE 'C%')"


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    return worlds("online-retail")


def test_the_figures_of_the_year(world: World) -> None:
    """As they were counted by hand, once."""
    assert world.report.rows == 525_461
    assert world.report.events == 28_816
    assert world.report.failed == 0
    assert world.state("SELECT count(*), sum(total), sum(net_total) FROM orders") == [
        (22_100, Decimal("10305892.0240"), Decimal("10305892.0240"))
    ]
    assert world.state(
        "SELECT count(*), count(DISTINCT owner), sum(total) FROM orders WHERE owner IS NOT NULL"
    ) == [(19_215, 4_314, Decimal("8832003.2740"))]
    refunds = "FROM movements WHERE type = 'order.refunded'"
    assert world.state(f"SELECT count(*), sum(amount), count(entity) {refunds}") == [
        (4_592, Decimal("-629855.3700"), 0)
    ]
    assert world.state(f"SELECT count(*), sum(amount) {refunds} AND owner IS NOT NULL") == [
        (4_372, Decimal("-483794.7000"))
    ]
    assert world.state("SELECT sum(amount) FROM movements") == [(Decimal("9676036.6540"),)]
    assert world.state("SELECT sum(amount) FROM movements WHERE owner IS NOT NULL") == [
        (Decimal("8348208.5740"),)
    ]
    assert world.state("SELECT count(*), count(DISTINCT profile) FROM identifiers") == [(4_383, 4_383)]


def test_every_order_is_as_in_the_file(world: World) -> None:
    truth = world.truth(
        f'SELECT Invoice, sum({AMOUNT}), min(InvoiceDate), max("Customer ID")::VARCHAR, count(*)'
        f" FROM truth WHERE {ORDER} GROUP BY Invoice ORDER BY Invoice"
    )
    state = world.state(
        "SELECT e.id, o.total, timezone('Europe/London', timezone('UTC', o.completed_at)), i.value,"
        " json_array_length(o.lines) FROM orders o JOIN entities e USING (entity)"
        " LEFT JOIN identifiers i ON i.subject = o.owner ORDER BY e.id"
    )
    assert state == truth


def test_every_line_is_as_in_the_file(world: World) -> None:
    truth = world.truth(
        "SELECT Invoice, trim(StockCode) AS code, nullif(Description, 'nan') AS name,"
        " Quantity::DECIMAL(18,4) AS quantity,"
        f" Price::DECIMAL(18,4) AS price, count(*) FROM truth WHERE {ORDER} GROUP BY ALL ORDER BY ALL"
    )
    state = world.state(
        "SELECT id, line->>'product_id' AS code, line->>'name' AS name,"
        " (line->>'quantity')::DECIMAL(18,4) AS quantity, (line->>'unit_price')::DECIMAL(18,4) AS price,"
        " count(*)"
        " FROM (SELECT e.id, unnest(from_json(o.lines, '[\"JSON\"]')) AS line"
        " FROM orders o JOIN entities e USING (entity)) GROUP BY ALL ORDER BY ALL"
    )
    assert state == truth


def test_every_customer_has_spent_what_the_file_says(world: World) -> None:
    truth = world.truth(
        f'SELECT "Customer ID"::VARCHAR, sum({AMOUNT}) FROM truth'
        f' WHERE {MONEY} AND "Customer ID" IS NOT NULL GROUP BY 1 ORDER BY 1'
    )
    state = world.state(
        "SELECT i.value, sum(m.amount) FROM movements m JOIN identifiers i ON i.subject = m.owner"
        " GROUP BY 1 ORDER BY 1"
    )
    assert state == truth
    assert world.traits("user_id", "lifetime_value") == truth


def test_every_customers_orders_are_counted(world: World) -> None:
    truth = world.truth(
        f'SELECT "Customer ID"::VARCHAR AS customer, count(DISTINCT Invoice) FILTER ({ORDER}),'
        " count(DISTINCT Invoice) FILTER (Invoice LIKE 'C%') FROM truth"
        " WHERE customer IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    counts = [
        (value, orders or 0, refunds or 0)
        for value, orders, refunds in world.traits("user_id", "orders_count", "refunds_count")
    ]
    assert counts == truth


def test_every_day_adds_up(world: World) -> None:
    truth = world.truth(
        "SELECT day, count(*), sum(amount) FROM"
        f" (SELECT min(InvoiceDate)::DATE AS day, sum({AMOUNT}) AS amount FROM truth WHERE {MONEY}"
        " GROUP BY Invoice) GROUP BY day ORDER BY day"
    )
    state = world.state(
        "SELECT timezone('Europe/London', timezone('UTC', occurred_at))::DATE AS day, count(*), sum(amount)"
        " FROM movements GROUP BY day ORDER BY day"
    )
    assert state == truth
    assert len(state) > 300


def test_what_is_no_revenue_is_kept_beside_it(world: World) -> None:
    truth = world.truth(
        "SELECT Invoice, StockCode, Quantity FROM truth"
        f" WHERE NOT ({ORDER}) AND Invoice NOT LIKE 'C%' ORDER BY ALL"
    )
    state = world.state(
        "SELECT properties->>'invoice' AS invoice, properties->>'product_id' AS code,"
        " (properties->>'quantity')::BIGINT AS quantity FROM events WHERE type LIKE 'custom.%'"
        " AND subject IS NULL AND entity IS NULL ORDER BY ALL"
    )
    assert state == truth
    assert len(state) == 2_124
