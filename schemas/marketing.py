"""Marketing: campaigns, advertisements and what they cost."""

from __future__ import annotations

from pydantic import Field

from .money import Currency, MoneyFromZero
from .payload import Count, Id, Label, Payload, event
from .times import Day


@event("campaign.member_added", min_ids=1)
class CampaignMemberAdded(Payload):
    """A person is part of a campaign."""

    campaign_id: Id = Field(description="Id of the campaign.")
    name: Label | None = Field(None, description="Name of the campaign.")
    status: Label | None = Field(None, description="Such as sent, responded.")


class Advertisement(Payload):
    """An advertisement outside of the own site."""

    network: Label | None = Field(None, description="Who shows it, such as google, meta, line, yahoo.")
    campaign: Label | None = Field(None, description="Name of the campaign.")
    ad_group_id: Id | None = Field(None, description="The network's id of the group of advertisements.")
    ad_id: Id | None = Field(None, description="The network's id of the advertisement.")


@event("ad.clicked")
class AdClicked(Advertisement):
    """An advertisement was followed."""

    campaign_id: Id | None = Field(None, description="Id of the campaign.")
    click_id: Id | None = Field(None, description="The network's id of the click, such as gclid.")
    keyword: Label | None = Field(None, description="The word that was bid on.")
    url: str | None = Field(None, description="Address that it led to.")


@event("campaign.spend_recorded", public=False)
class CampaignSpendRecorded(Advertisement):
    """What a campaign cost on a day. Told again for the same day it is another sum, added to the first."""

    campaign_id: Id = Field(description="Id of the campaign.")
    date: Day = Field(description="The day.")
    channel: Label | None = Field(None, description="Such as search, display, post.")
    amount: MoneyFromZero = Field(description="What it cost.")
    currency: Currency = Field(description="ISO 4217 code of the amount.")
    impressions: Count | None = Field(None, description="How often it was shown.")
    clicks: Count | None = Field(None, description="How often it was followed.")
