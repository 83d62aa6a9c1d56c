"""Conversations: calls, chats and social media."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .money import QuantityFromZero
from .payload import Count, Id, Label, Payload, event, personal


class Call(Payload):
    """A call by phone or video."""

    call_id: Id | None = Field(None, description="The phone system's id of the call.")
    direction: Literal["inbound", "outbound"] | None = Field(
        None, description="inbound: the customer called; outbound: the company did."
    )
    staff_id: Id | None = Field(None, description="Who spoke, or was called.")
    campaign_id: Id | None = Field(None, description="The campaign it belongs to.")
    ticket_id: Id | None = Field(None, description="The ticket it was about.")
    deal_id: Id | None = Field(None, description="The deal it was about.")
    company_id: Id | None = Field(None, description="The company it was with.")


@event("call.completed", public=False)
class CallCompleted(Call):
    """Two people spoke."""

    duration_minutes: QuantityFromZero | None = Field(None, description="Length in minutes.")
    outcome: Label | None = Field(None, description="What came of it.")
    text: str | None = personal("free_text", "What was said.")
    recording_url: str | None = personal("sensitive", "Address of the recording.")


@event("call.missed", public=False)
class CallMissed(Call):
    """Nobody answered."""

    voicemail: bool | None = Field(None, description="Whether a message was left.")


class Chat(Payload):
    """A chat on the site, in the app or in a messenger."""

    conversation_id: Id = Field(description="The chat tool's id of the conversation.")
    staff_id: Id | None = Field(None, description="The member of staff who chats; none for a machine.")
    ticket_id: Id | None = Field(None, description="The ticket it was about.")


@event("chat.started")
class ChatStarted(Chat):
    """A chat began."""

    category: Label | None = Field(None, description="What it is about.")


@event("chat.replied")
class ChatReplied(Chat):
    """Somebody wrote in a chat."""

    message_id: Id | None = Field(None, description="The chat tool's id of what was written.")
    author: Literal["customer", "staff", "machine"] = Field(description="Who wrote.")
    text: str | None = personal("free_text", "What was written.")


@event("chat.ended")
class ChatEnded(Chat):
    """A chat is over."""

    duration_minutes: QuantityFromZero | None = Field(None, description="Length in minutes.")
    messages: Count | None = Field(None, description="How often somebody wrote.")
    outcome: Label | None = Field(None, description="What came of it.")


class Social(Payload):
    """Something public on a social network."""

    network: Label = Field(description="Such as instagram, x, tiktok, google_reviews.")
    post_id: Id | None = Field(None, description="The network's id of the post.")
    url: str | None = Field(None, description="Address of the post.")


@event("social.mentioned", public=False)
class SocialMentioned(Social):
    """Somebody wrote of the company."""

    text: str | None = personal("free_text", "What was written.")
    sentiment: Literal["positive", "neutral", "negative"] | None = Field(None, description="How it sounds.")


@event("social.reacted", public=False)
class SocialReacted(Social):
    """Somebody reacted to what the company wrote."""

    reaction: Label = Field(description="Such as like, share, follow, comment.")
    text: str | None = personal("free_text", "What was written.")
