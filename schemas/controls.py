"""Corrections: events that take others out of every state and history."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from .envelope import EntityKind
from .payload import Id, Part, Payload, event, personal
from .submission import Touchpoint


class RetractedEntity(Part):
    """An order, ticket, company … all of whose events are taken out."""

    kind: EntityKind = Field(description="What it is.")
    namespace: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        None, description="Where its id is unique: the source unless given; none for a company."
    )
    id: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$"
        ),
    ] = Field(description="Its id.")


@event("event.retracted", public=False)
class EventRetracted(Payload):
    """An event, all events of an entity, or a whole import, never was. Retract this to undo it."""

    event_id: UUID | None = Field(None, description="Id of the event that is taken out.")
    entity: RetractedEntity | None = Field(None, description="The entity whose events are taken out.")
    import_id: Id | None = Field(None, description="The import whose events are taken out.")
    reason: str | None = personal("free_text", "Why.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(target is not None for target in (self.event_id, self.entity, self.import_id)) != 1:
            raise ValueError("send one of event_id, entity, import_id")
        return self


@event("event.corrected", public=False)
class EventCorrected(Payload):
    """An event was not so, but so. The log keeps the new event under its own type, with what it corrects."""

    event_id: UUID = Field(description="Id of the event that is taken out.")
    event: Touchpoint = Field(description="The event that stands in its place, whole.")
    reason: str | None = personal("free_text", "Why.")
