"""The envelope: what one record of the topic `touchpoints` holds, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from .times import Moment

ShortText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
"""An id, status or name: one line, outer white space removed."""

EntityKind = Literal["order", "visit", "ticket", "deal", "contract", "task", "campaign", "company"]
Rights = Literal["secret", "public"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IdentifierRef(_Part):
    """An identifier of a person, in normal form."""

    kind: ShortText
    value: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class EntityRef(_Part):
    """A thing the event is about, as a client names it. Within its namespace, which is the source unless
    named, an id counts once."""

    kind: EntityKind
    id: ShortText
    namespace: ShortText | None = None


class Entity(_Part):
    """A thing the event is about, as it is kept. A company's namespace is empty: its id is an identifier."""

    kind: EntityKind
    namespace: Annotated[str, StringConstraints(max_length=200)]
    id: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Actor(_Part):
    """Who did it."""

    kind: Literal["customer", "staff", "system", "import"]
    id: ShortText | None = None


class Place(_Part):
    """Where it happened."""

    store: ShortText | None = None
    register_: Annotated[ShortText | None, Field(alias="register")] = None


class Attachment(_Part):
    """A file that stays outside the log: its SHA-256 (hex), media type and where it is kept."""

    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    media_type: ShortText
    place: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Correction(_Part):
    """Why an event was corrected, by whom and when, as the sender says."""

    reason: str | None = None
    actor: Actor | None = None
    occurred_at: Moment | None = None
    test: bool = Field(False, description="Takes nothing out: whoever sent it tries something.")


class Replaced(_Part):
    """A copy of an event id, by what it says."""

    event_id: UUID
    body_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Envelope(_Part):
    """One accepted event. `recorded_at` is not in it: it is the log's own append time."""

    event_id: UUID
    type: ShortText
    version: Annotated[int, Field(ge=1)]
    occurred_at: Moment = Field(
        description="When it happened: client time, skew-corrected, never later than received_at."
    )
    received_at: Moment = Field(description="When Kizuna first got it.")
    sent_at: Moment | None = Field(None, description="The client's clock when it sent the item.")
    original_timestamp: Moment | None = Field(
        None, description="The client's own time of the event, untouched."
    )
    clamped: bool = Field(
        False, description="The client's time was later than received_at and was cut to it."
    )
    source: ShortText = Field(description="The write key's source, or the import's.")
    rights: Rights = Field(description="Rights of the key that the event passed.")
    ids: list[IdentifierRef] = Field([], description="The person's identifiers, strongest first.")
    entities: list[Entity] = Field([], description="What the event is about, its own entity first.")
    properties: dict[str, object] = Field({}, description="Typed by `type` and `version`.")
    context: dict[str, object] = Field({}, description="Where it came from: page, device, campaign, library.")
    actor: Actor | None = None
    channel: ShortText | None = None
    place: Place | None = None
    caused_by: UUID | None = Field(None, description="The event that caused this one.")
    attachments: list[Attachment] = []
    test: bool = Field(False, description="Stays out of totals, traits and effects.")
    body_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the canonical JSON of type, ids, properties and the client's own time."
    )
    import_id: ShortText | None = Field(None, description="The import that brought it.")
    repairs: UUID | None = Field(None, description="The failed event that this one repairs.")
    corrects: UUID | None = Field(None, description="The event that this one takes out and stands in for.")
    correction: Correction | None = Field(None, description="Why it was corrected, by whom and when.")
    replaces: Replaced | None = Field(
        None, description="The copy that this one stands in for: of a conflict that was repaired."
    )
