"""Messages by channel: e-mail, SMS, LINE, push notifications and post."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .payload import Id, Label, Part, Payload, event, personal


class Message(Payload):
    """One message to one person, of whatever channel."""

    campaign_id: Id | None = Field(None, description="The campaign it belongs to.")
    campaign: Label | None = Field(None, description="Name of the campaign.")


class Clicked(Part):
    """What a followed link says."""

    url: str | None = Field(None, description="Address of the link.")


class Bounced(Part):
    """What a message that came back says."""

    bounce_type: Literal["hard", "soft", "unknown"] = Field(
        "unknown", description="hard: the address is dead; soft: it may work later."
    )
    reason: str | None = Field(None, description="What the carrier said.")


class Unsubscribed(Part):
    """What a person says who wants no more."""

    reason: str | None = Field(None, description="Why, as the recipient chose or wrote.")


class Email(Message):
    """One e-mail to one person."""

    email_id: Id | None = Field(None, description="The sender's id of this one message.")
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
class EmailClicked(Clicked, Email):
    """A link in it was followed."""


@event("email.bounced", version=2)
class EmailBounced(Bounced, Email):
    """It could not be delivered. Version 2 says whether for good."""


@event("email.complained")
class EmailComplained(Email):
    """The recipient called it spam."""


@event("email.unsubscribed")
class EmailUnsubscribed(Unsubscribed, Email):
    """The recipient wants no more of these."""


class Sms(Message):
    """One text message to one person."""

    sms_id: Id | None = Field(None, description="The sender's id of this one message.")
    text: str | None = personal("free_text", "What was written.")


@event("sms.sent")
class SmsSent(Sms):
    """Given to the carrier."""


@event("sms.delivered")
class SmsDelivered(Sms):
    """Arrived on the phone."""


@event("sms.opened")
class SmsOpened(Sms):
    """Read, where the carrier tells, as with RCS."""


@event("sms.clicked")
class SmsClicked(Clicked, Sms):
    """A link in it was followed."""


@event("sms.bounced")
class SmsBounced(Bounced, Sms):
    """It could not be delivered."""


@event("sms.complained")
class SmsComplained(Sms):
    """The recipient called it spam."""


@event("sms.unsubscribed")
class SmsUnsubscribed(Unsubscribed, Sms):
    """The recipient wants no more of these."""


class LineMessage(Message):
    """One LINE message to one person."""

    line_message_id: Id | None = Field(None, description="The sender's id of this one message.")
    text: str | None = personal("free_text", "What was written.")


@event("line.sent")
class LineSent(LineMessage):
    """Given to LINE."""


@event("line.delivered")
class LineDelivered(LineMessage):
    """Arrived on the phone."""


@event("line.opened")
class LineOpened(LineMessage):
    """Read."""


@event("line.clicked")
class LineClicked(Clicked, LineMessage):
    """A link in it was followed."""


@event("line.bounced")
class LineBounced(Bounced, LineMessage):
    """It could not be delivered."""


@event("line.complained")
class LineComplained(LineMessage):
    """The recipient reported it."""


@event("line.unsubscribed")
class LineUnsubscribed(Unsubscribed, LineMessage):
    """The recipient blocked the account."""


class Push(Message):
    """One push notification to one device."""

    push_id: Id | None = Field(None, description="The sender's id of this one message.")
    title: Label | None = Field(None, description="Title shown.")
    text: str | None = personal("free_text", "What was written.")


@event("push.sent")
class PushSent(Push):
    """Given to the platform's push service."""


@event("push.delivered")
class PushDelivered(Push):
    """Arrived on the device."""


@event("push.opened")
class PushOpened(Push):
    """Tapped, so that the app or the site opened."""


@event("push.clicked")
class PushClicked(Clicked, Push):
    """A button or link in it was followed."""


@event("push.bounced")
class PushBounced(Bounced, Push):
    """It could not be delivered."""


@event("push.complained")
class PushComplained(Push):
    """The recipient complained about it."""


@event("push.unsubscribed")
class PushUnsubscribed(Unsubscribed, Push):
    """The recipient forbade notifications."""


class Post(Message):
    """One letter, postcard or catalogue to one person."""

    post_id: Id | None = Field(None, description="The sender's id of this one item.")
    item: Label | None = Field(None, description="What it is, such as postcard, catalogue.")


@event("post.sent", public=False)
class PostSent(Post):
    """Given to the post."""


@event("post.delivered", public=False)
class PostDelivered(Post):
    """Delivered, as far as the post tells."""


@event("post.opened", public=False)
class PostOpened(Post):
    """Read, as the recipient said."""


@event("post.clicked", public=False)
class PostClicked(Clicked, Post):
    """The address or code printed on it was followed."""


@event("post.bounced", public=False)
class PostBounced(Bounced, Post):
    """Returned to the sender."""


@event("post.complained", public=False)
class PostComplained(Post):
    """The recipient complained about it."""


@event("post.unsubscribed", public=False)
class PostUnsubscribed(Unsubscribed, Post):
    """The recipient wants no more of these."""
