"""Support tickets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from .envelope import ShortText
from .money import QuantityFromZero
from .payload import Id, Label, Payload, event, personal


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


@event("ticket.solved", entity="ticket")
class TicketSolved(Ticket):
    """The ticket was solved."""

    staff_id: Id | None = Field(None, description="Who solved it.")


@event("ticket.reopened", entity="ticket")
class TicketReopened(Ticket):
    """A solved ticket was opened again."""

    reason: Label | None = Field(None, description="Why.")


@event("ticket.rated", entity="ticket")
class TicketRated(Ticket):
    """The customer rated the help."""

    score: QuantityFromZero = Field(description="Points given.")
    scale: QuantityFromZero | None = Field(None, description="The most points that can be given.")
    comment: str | None = personal("free_text", "What the customer wrote.")

    @model_validator(mode="after")
    def _within(self) -> TicketRated:
        if self.scale is not None and self.score > self.scale:
            raise ValueError("score is above scale")
        return self
