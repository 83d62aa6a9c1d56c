"""Maven CRM deals: of companies, created on the engage date, won or lost on the close date."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .conftest import World, Worlds

LOCAL = "timezone('America/New_York', timezone('UTC', {}))::DATE::VARCHAR"
STATUS = "CASE WHEN deal_stage IN ('Won', 'Lost') THEN lower(deal_stage) ELSE 'open' END"


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    return worlds("maven-deals")


def test_every_deal_is_as_in_the_file(world: World) -> None:
    truth = world.truth(
        f"SELECT opportunity_id, {STATUS}, CASE {STATUS} WHEN 'open' THEN deal_stage ELSE 'Engaging' END,"
        " product, sales_agent, account, coalesce(engage_date, '2016-10-01'), close_date,"
        " CASE WHEN deal_stage = 'Won' THEN close_value::DECIMAL(18,4) END FROM truth ORDER BY 1"
    )
    state = world.state(
        "SELECT e.id, d.status, d.stage, d.product, d.assignee, c.value,"
        f" {LOCAL.format('d.created_at')}, {LOCAL.format('d.closed_at')}, d.amount"
        " FROM deals d JOIN entities e USING (entity)"
        " LEFT JOIN identifiers c ON c.subject = d.company ORDER BY 1"
    )
    assert state == truth
    assert len(state) == 8_800


@pytest.mark.parametrize(
    ("state", "truth"),
    [("status", STATUS), ("d.product", "product"), ("coalesce(c.value, '')", "coalesce(account, '')")],
)
def test_counts_and_amounts_add_up(world: World, state: str, truth: str) -> None:
    """Per stage, product and company."""
    folded = world.state(
        f"SELECT {state} AS what, count(*), coalesce(sum(amount) FILTER (status = 'won'), 0) FROM deals d"
        " LEFT JOIN identifiers c ON c.subject = d.company GROUP BY what ORDER BY what"
    )
    file = world.truth(
        f"SELECT {truth} AS what, count(*),"
        " coalesce(sum(close_value::DECIMAL(18,4)) FILTER (deal_stage = 'Won'), 0)"
        " FROM truth GROUP BY what ORDER BY what"
    )
    assert folded == file


def test_companies_know_their_deals(world: World) -> None:
    truth = world.truth(
        "SELECT account, count(*) FILTER (deal_stage IN ('Prospecting', 'Engaging')),"
        " count(*) FILTER (deal_stage = 'Won'), sum(close_value::DECIMAL(18,4)) FILTER (deal_stage = 'Won')"
        " FROM truth WHERE account IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    traits = world.traits("company", "company_open_deals", "company_won_deals", "company_won_deal_amount")
    assert [(name, opened or 0, won or 0, amount) for name, opened, won, amount in traits] == truth
    assert len(truth) == 85


def test_deals_of_no_company_belong_to_nobody(world: World) -> None:
    assert world.state("SELECT count(*) FROM deals WHERE company IS NULL AND owner IS NULL") == [(1_425,)]
    assert world.state("SELECT DISTINCT kind FROM identifiers") == [("company",)]


def test_accounts_are_companies_with_their_fields(worlds: Worlds) -> None:
    accounts = worlds("maven-accounts")
    state = accounts.state(
        "SELECT i.value, f.field, f.value FROM fields f JOIN identifiers i USING (subject)"
    )
    found = {(company, field): said for company, field, said in state}
    truth = accounts.truth(
        "SELECT account, sector, office_location, subsidiary_of, employees,"
        " (revenue::DECIMAL(18,4) * 1000000)::DECIMAL(18,4), year_established FROM truth"
    )
    assert len(truth) == 85
    for account, sector, office, parent, employees, revenue, established in truth:
        assert found[account, "industry"].strip('"') == sector
        assert found[account, "region"].strip('"') == office
        assert (found.get((account, "parent_company_id")) or "").strip('"') == (parent or "")
        assert found[account, "employees"] == employees
        assert Decimal(found[account, "revenue"].strip('"')) == revenue
        assert found[account, "established"] == established
