"""E-mail."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .payload import Id, Label, Payload, event


class Email(Payload):
    """One e-mail to one person."""

    email_id: Id | None = Field(None, description="The sender's id of this one message.")
    campaign_id: Id | None = Field(None, description="The campaign it belongs to.")
    campaign: Label | None = Field(None, description="Name of the campaign.")
    subject: Label | None = Field(None, description="Subject line.")


@event("email.sent")
class EmailSent(Email):
    """Given to the mail server."""


@event("email.delivered")
class EmailDelivered(Email):
    """Taken by the recipient's mail server."""


@event("email.opened")
class EmailOpened(Email):
    """Shown, as far as the tracking picture tells."""


@event("email.clicked")
class EmailClicked(Email):
    """A link in it was followed."""

    url: str | None = Field(None, description="Address of the link.")


@event("email.bounced", version=2)
class EmailBounced(Email):
    """It could not be delivered. Version 2 says whether for good."""

    bounce_type: Literal["hard", "soft", "unknown"] = Field(
        "unknown", description="hard: the address is dead; soft: it may work later."
    )
    reason: str | None = Field(None, description="What the mail server said.")


@event("email.complained")
class EmailComplained(Email):
    """The recipient called it spam."""


@event("email.unsubscribed")
class EmailUnsubscribed(Email):
    """The recipient wants no more of these."""

    reason: str | None = Field(None, description="Why, as the recipient chose or wrote.")
