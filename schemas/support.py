"""Support: tickets, complaints, surveys and referrals."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .envelope import ShortText
from .money import Currency, MoneyFromZero, QuantityFromZero
from .payload import Id, Label, Part, Payload, PersonRef, event, personal


class Ticket(Payload):
    """A support ticket."""

    ticket_id: Id = Field(description="The help desk's id of the ticket.")
    company_id: Id | None = Field(None, description="The company it is about.")


@event("ticket.opened", entity="ticket")
class TicketOpened(Ticket):
    """A customer asked for help."""

    channel: Label | None = Field(None, description="Such as email, phone, chat, web.")
    category: Label | None = Field(None, description="What it is about.")
    priority: Label | None = Field(None, description="Such as low, normal, high, urgent.")
    subject: Label | None = personal("free_text", "Subject line.")
    status: ShortText = Field("new", description="First status.")
    text: str | None = personal("free_text", "What the customer wrote.")
    order_id: Id | None = Field(None, description="The order it is about.")


@event("ticket.replied", entity="ticket")
class TicketReplied(Ticket):
    """Somebody wrote in the ticket."""

    author: Literal["customer", "staff"] = Field(description="Who wrote.")
    text: str | None = personal("free_text", "What was written.")
    staff_id: Id | None = Field(None, description="The member of staff who wrote.")


@event("ticket.assigned", entity="ticket")
class TicketAssigned(Ticket):
    """The ticket was given to somebody."""

    assignee: Id = Field(description="Id of the member of staff or team.")


@event("ticket.status_changed", entity="ticket")
class TicketStatusChanged(Ticket):
    """The ticket has another status."""

    status: ShortText = Field(description="The new status.")


@event("ticket.priority_changed", entity="ticket")
class TicketPriorityChanged(Ticket):
    """The ticket has another priority."""

    priority: ShortText = Field(description="The new priority.")


@event("ticket.escalated", entity="ticket", public=False)
class TicketEscalated(Ticket):
    """The ticket was handed to a higher level."""

    level: Label | None = Field(None, description="The level it is on now.")
    assignee: Id | None = Field(None, description="Id of the member of staff or team who has it now.")
    reason: Label | None = Field(None, description="Why.")


@event("ticket.merged", entity="ticket", public=False)
class TicketMerged(Ticket):
    """The ticket goes on as part of another one."""

    into_ticket_id: Id = Field(description="The help desk's id of the ticket that goes on.")


@event("ticket.solved", entity="ticket")
class TicketSolved(Ticket):
    """The ticket was solved."""

    staff_id: Id | None = Field(None, description="Who solved it.")


@event("ticket.reopened", entity="ticket")
class TicketReopened(Ticket):
    """A solved ticket was opened again."""

    reason: Label | None = Field(None, description="Why.")


class Scored(Part):
    """Points on a scale."""

    score: QuantityFromZero | None = Field(None, description="Points given.")
    scale: QuantityFromZero | None = Field(None, description="The most points that can be given.")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.scale is not None and self.score is not None and self.score > self.scale:
            raise ValueError("score is above scale")
        return self


@event("ticket.rated", entity="ticket")
class TicketRated(Scored, Ticket):
    """The customer rated the help."""

    score: QuantityFromZero = Field(description="Points given.")
    comment: str | None = personal("free_text", "What the customer wrote.")


class Complaint(Payload):
    """A complaint."""

    complaint_id: Id = Field(description="The sender's id of the complaint.")
    ticket_id: Id | None = Field(None, description="The ticket that handles it.")
    order_id: Id | None = Field(None, description="The order it is about.")
    visit_id: Id | None = Field(None, description="The visit it is about.")
    company_id: Id | None = Field(None, description="The company that complains.")
    staff_id: Id | None = Field(None, description="Who took or settled it.")


@event("complaint.received")
class ComplaintReceived(Complaint):
    """A customer complained."""

    channel: Label | None = Field(None, description="Such as store, email, phone, letter.")
    category: Label | None = Field(None, description="What it is about.")
    severity: Label | None = Field(None, description="Such as low, normal, high.")
    text: str | None = personal("free_text", "What the customer said.")


@event("complaint.resolved", public=False)
class ComplaintResolved(Complaint):
    """A complaint was settled."""

    outcome: Label | None = Field(None, description="Such as justified, refused, goodwill.")
    compensation: MoneyFromZero | None = Field(None, description="Amount granted, for the record.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the compensation.")


class Survey(Payload):
    """A survey and one person."""

    survey_id: Id = Field(description="The survey tool's id of the survey.")
    name: Label | None = Field(None, description="Name of the survey.")
    kind: Label | None = Field(None, description="Such as nps, csat, ces.")
    order_id: Id | None = Field(None, description="The order it is about.")
    visit_id: Id | None = Field(None, description="The visit it is about.")
    ticket_id: Id | None = Field(None, description="The ticket it is about.")


@event("survey.sent", public=False)
class SurveySent(Survey):
    """A person was asked."""

    channel: Label | None = Field(None, description="Such as email, sms, web.")


@event("survey.answered")
class SurveyAnswered(Scored, Survey):
    """A person answered one question, or the whole survey."""

    response_id: Id | None = Field(None, description="The survey tool's id of the answers given at once.")
    question: Label | None = Field(None, description="The question answered, where there are several.")
    text: str | None = personal("free_text", "What the person wrote.")


class Referral(Payload):
    """The person of the event recommends the company to a friend."""

    referral_id: Id | None = Field(None, description="The sender's id of the referral.")
    code: Label | None = Field(None, description="The code that the friend uses.")
    friend: PersonRef | None = personal("contact", "An identifier of the friend.")


@event("referral.made", min_ids=1)
class ReferralMade(Referral):
    """A person recommended the company."""

    share_via: Label | None = Field(None, description="Such as email, line, code.")


@event("referral.converted", public=False, min_ids=1)
class ReferralConverted(Referral):
    """The friend became a customer."""

    order_id: Id | None = Field(None, description="The friend's first order.")
    reward: Label | None = Field(None, description="What the person gets for it.")
