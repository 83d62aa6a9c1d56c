"""The Complete Journey: campaign members and redeemed coupons, by household."""

from __future__ import annotations

from .conftest import Worlds


def test_campaign_members(worlds: Worlds) -> None:
    world = worlds("completejourney-campaigns")
    state = world.state(
        "SELECT i.kind, i.value, e.properties->>'campaign_id' AS campaign FROM events e"
        " JOIN identifiers i USING (subject) WHERE type = 'campaign.member_added' ORDER BY ALL"
    )
    assert state == world.truth(
        "SELECT 'x_household' AS kind, household_id, campaign_id FROM truth ORDER BY ALL"
    )
    assert len(state) == 6_589
    assert world.state("SELECT count(DISTINCT profile) FROM identifiers") == world.truth(
        "SELECT count(DISTINCT household_id) FROM truth"
    )


def test_coupons(worlds: Worlds) -> None:
    world = worlds("completejourney-coupons")
    state = world.state(
        "SELECT i.value, e.properties->>'coupon_id' AS coupon, e.properties->>'campaign_id' AS campaign,"
        " e.occurred_at::DATE AS day FROM events e JOIN identifiers i USING (subject)"
        " WHERE type = 'coupon.redeemed' ORDER BY ALL"
    )
    assert state == world.truth("FROM truth ORDER BY ALL")
    assert len(state) == 2_102
    truth = world.truth("SELECT household_id, count(*) FROM truth GROUP BY 1 ORDER BY 1")
    assert world.traits("x_household", "coupons_redeemed") == truth
