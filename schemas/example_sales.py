"""Examples of sales and marketing."""

from __future__ import annotations

from collections.abc import Mapping

from .example_persons import CUSTOMER, NOBODY, VISITOR, Example

_DEAL = {"deal_id": "D-12", "company_id": "K-9"}
_CONTRACT = {"contract_id": "CT-5", "company_id": "K-9"}
_TASK = {"task_id": "TK-40"}
_LEAD = {"lead_id": "L-30", "company_id": "K-9"}
_QUOTE = {"quote_id": "Q-31", "deal_id": "D-12", "company_id": "K-9"}
_AD = {"network": "google", "campaign": "Spring 2026", "ad_group_id": "linen", "ad_id": "ad-5"}

EXAMPLES: Mapping[str, Example] = {
    "deal.created": (
        {"email": "ken.mori@example.com"},
        {
            **_DEAL,
            "name": "40 seats",
            "pipeline": "new business",
            "stage": "qualified",
            "amount": "1200000",
            "currency": "JPY",
            "owner": "S-11",
            "close_date": "2026-06-30",
            "probability": "0.3",
            "product": "Team plan",
        },
    ),
    "deal.stage_changed": (NOBODY, {**_DEAL, "stage": "proposal", "probability": "0.5"}),
    "deal.amount_changed": (NOBODY, {**_DEAL, "amount": "1500000", "currency": "JPY"}),
    "deal.owner_changed": (NOBODY, {**_DEAL, "owner": "S-12"}),
    "deal.close_date_changed": (NOBODY, {**_DEAL, "close_date": "2026-07-31"}),
    "deal.contact_added": ({"email": "ken.mori@example.com"}, {**_DEAL, "role": "decision_maker"}),
    "deal.won": (NOBODY, {**_DEAL, "amount": "1450000", "currency": "JPY", "reason": "price"}),
    "deal.lost": (NOBODY, {**_DEAL, "reason": "no budget"}),
    "contract.signed": (
        NOBODY,
        {
            **_CONTRACT,
            "name": "Team plan, 40 seats",
            "plan": "team",
            "amount": "120000",
            "currency": "JPY",
            "interval": "month",
            "starts_on": "2026-04-01",
            "ends_on": "2027-03-31",
            "auto_renew": True,
            "deal_id": "D-12",
        },
    ),
    "contract.renewed": (NOBODY, {**_CONTRACT, "ends_on": "2028-03-31", "amount": "125000"}),
    "contract.plan_changed": (NOBODY, {**_CONTRACT, "plan": "business", "amount": "180000"}),
    "contract.notice_given": (NOBODY, {**_CONTRACT, "ends_on": "2028-03-31"}),
    "contract.ended": (NOBODY, {**_CONTRACT, "ended_on": "2028-03-31", "reason": "insourced"}),
    "activity.logged": (
        {"email": "ken.mori@example.com"},
        {
            "activity_id": "AC-7",
            "kind": "call",
            "subject": "Offer",
            "text": "Wants 40 seats.",
            "outcome": "send proposal",
            **_DEAL,
        },
    ),
    "task.created": (
        NOBODY,
        {
            **_TASK,
            "title": "Send the proposal",
            "due_at": "2026-03-16T18:00:00+09:00",
            "assignee": "S-11",
            **_DEAL,
        },
    ),
    "task.updated": (NOBODY, {**_TASK, "due_at": "2026-03-17T18:00:00+09:00"}),
    "task.completed": (NOBODY, _TASK),
    "task.cancelled": (NOBODY, {**_TASK, "reason": "deal lost"}),
    "campaign.member_added": (
        CUSTOMER,
        {"campaign_id": "spring-26", "name": "Spring 2026", "status": "sent"},
    ),
    "lead.created": (
        {"email": "ken.mori@example.com"},
        {
            **_LEAD,
            "source": "fair",
            "campaign_id": "spring-26",
            "status": "new",
            "product": "Team plan",
            "owner": "S-10",
        },
    ),
    "lead.scored": (NOBODY, {**_LEAD, "score": 72, "model": "fit-2", "grade": "B"}),
    "lead.qualified": (NOBODY, {**_LEAD, "stage": "mql", "reason": "asked for a demo"}),
    "lead.handed_over": (NOBODY, {**_LEAD, "owner": "S-11", "team": "sales", "previous_owner": "S-10"}),
    "lead.accepted": (NOBODY, {**_LEAD, "owner": "S-11"}),
    "lead.converted": (NOBODY, {**_LEAD, "deal_id": "D-12"}),
    "quote.created": (
        NOBODY,
        {
            **_QUOTE,
            "number": "2026-031",
            "title": "Team plan, 40 seats",
            "amount": "1450000",
            "currency": "JPY",
            "expires_on": "2026-05-31",
            "owner": "S-11",
        },
    ),
    "quote.sent": (NOBODY, _QUOTE),
    "quote.accepted": (NOBODY, _QUOTE),
    "quote.declined": (NOBODY, {**_QUOTE, "reason": "too dear"}),
    "quote.expired": (NOBODY, _QUOTE),
    "ad.clicked": (
        VISITOR,
        {
            **_AD,
            "campaign_id": "spring-26",
            "click_id": "Cj0KCQ-9",
            "keyword": "linen shirt",
            "url": "https://shop.example.com/shirts",
        },
    ),
    "campaign.spend_recorded": (
        NOBODY,
        {
            **_AD,
            "campaign_id": "spring-26",
            "date": "2026-03-13",
            "channel": "search",
            "amount": "48200",
            "currency": "JPY",
            "impressions": 91000,
            "clicks": 1240,
        },
    ),
}
