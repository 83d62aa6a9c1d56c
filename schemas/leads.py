"""Leads: persons or companies that may buy, before there is a deal."""

from __future__ import annotations

from pydantic import Field

from .envelope import ShortText
from .money import Quantity
from .payload import Id, Label, Payload, event


class Lead(Payload):
    """A lead."""

    lead_id: Id = Field(description="The sales system's id of the lead.")
    company_id: Id | None = Field(None, description="The company it is with.")


@event("lead.created", public=False)
class LeadCreated(Lead):
    """A lead came up."""

    source: Label | None = Field(None, description="Where it came from, such as web_form, fair, referral.")
    campaign_id: Id | None = Field(None, description="The campaign that brought it.")
    status: Label | None = Field(None, description="First status.")
    product: Label | None = Field(None, description="What it is interested in.")
    owner: Id | None = Field(None, description="Id of the member of staff who owns it.")


@event("lead.scored", public=False)
class LeadScored(Lead):
    """A lead has another score."""

    score: Quantity = Field(description="The new score.")
    model: Label | None = Field(None, description="What computed it.")
    grade: Label | None = Field(None, description="The score in words, such as A, hot.")


@event("lead.qualified", public=False)
class LeadQualified(Lead):
    """A lead is worth an effort."""

    stage: ShortText | None = Field(None, description="Such as mql, sql.")
    reason: Label | None = Field(None, description="Why.")


@event("lead.handed_over", public=False)
class LeadHandedOver(Lead):
    """Marketing gave a lead to sales, or one seller to another."""

    owner: Id | None = Field(None, description="Id of the member of staff who gets it.")
    team: Label | None = Field(None, description="The team that gets it.")
    previous_owner: Id | None = Field(None, description="Id of the one who gave it.")


@event("lead.accepted", public=False)
class LeadAccepted(Lead):
    """Who got the lead takes care of it."""

    owner: Id | None = Field(None, description="Id of the member of staff who accepted it.")


@event("lead.converted", public=False)
class LeadConverted(Lead):
    """A lead became a deal."""

    deal_id: Id | None = Field(None, description="The deal it became.")
