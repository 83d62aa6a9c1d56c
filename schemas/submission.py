"""A submission: one touchpoint as a client sends it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from . import identifiers
from .envelope import Actor, Attachment, EntityRef, Place, ShortText
from .times import Moment

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=100)]
IdValue = Annotated[str, StringConstraints(max_length=1000)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


IdValues = Annotated[
    list[IdValue],
    Field(max_length=20),
    BeforeValidator(_listed, json_schema_input_type=IdValue | list[IdValue]),
]
"""One value, or a list of them."""


class Touchpoint(BaseModel):
    """What a client says of one touchpoint, without its id and the moment of sending."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ShortText = Field(description="Event type, such as `order.completed`, or `custom.<name>`.")
    version: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Version of the type; the latest unless given."
    )
    occurred_at: Moment | None = Field(None, description="When it happened; the time received unless given.")
    ids: dict[str, IdValues] = Field(
        default_factory=dict,
        max_length=50,
        description="Identifiers of the person by kind: " + ", ".join(identifiers.KINDS) + ", x_<system>.",
    )
    entities: tuple[EntityRef, ...] = Field((), max_length=20, description="What else the event is about.")
    properties: dict[str, object] = Field(default_factory=dict, description="Typed by `type` and `version`.")
    context: dict[str, object] = Field(
        default_factory=dict, description="Where it came from: page, device, campaign, library."
    )
    actor: Actor | None = Field(None, description="Who did it, when it was not the person itself.")
    channel: ShortText | None = Field(None, description="Such as web, app, store, phone, email.")
    place: Place | None = Field(None, description="Where it happened.")
    caused_by: UUID | None = Field(None, description="Id of the event that caused this one.")
    attachments: tuple[Attachment, ...] = Field((), max_length=50, description="Files kept outside the log.")
    test: bool = Field(False, description="Keep it out of totals, traits and effects.")


class Submission(Touchpoint):
    """One touchpoint as a client sends it."""

    message_id: MessageId | None = Field(
        None, description="The client's own id of this item: a retry with it counts once."
    )
    event_id: UUID | None = Field(
        None, description="Instead of message_id: the id itself. It takes a secret write key."
    )
    sent_at: Moment | None = Field(
        None, description="The client's clock on sending, to correct a wrong clock."
    )
