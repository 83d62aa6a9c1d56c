"""Notes, tags and single fields of persons, companies and things."""

from __future__ import annotations

from pydantic import Field, JsonValue, field_validator

from .envelope import ShortText
from .payload import Id, Label, Payload, event


class About(Payload):
    """About the person of the event, or about the entities that it names."""

    order_id: Id | None = Field(None, description="The order it is about.")
    visit_id: Id | None = Field(None, description="The visit it is about.")
    ticket_id: Id | None = Field(None, description="The ticket it is about.")
    deal_id: Id | None = Field(None, description="The deal it is about.")
    contract_id: Id | None = Field(None, description="The contract it is about.")
    task_id: Id | None = Field(None, description="The task it is about.")
    company_id: Id | None = Field(None, description="The company it is about.")


@event("note.added", public=False)
class NoteAdded(About):
    """A note on a person, or on the entities that the event names."""

    note_id: Id | None = Field(None, description="The sender's id of the note.")
    text: str = Field(description="The note.", json_schema_extra={"personal_data": "free_text"})
    tags: list[Label] | None = Field(None, description="Tags of the note.")
    staff_id: Id | None = Field(None, description="Who wrote it.")


class Tag(About):
    """A tag on a person, or on the entities that the event names."""

    tag: ShortText = Field(description="The tag.")


@event("tag.added", public=False, min_named=1)
class TagAdded(Tag):
    """A person, company or thing has a tag."""


@event("tag.removed", public=False, min_named=1)
class TagRemoved(Tag):
    """A person, company or thing no longer has a tag."""


class SingleField(About):
    """One field of a person, or of the entities that the event names."""

    field: ShortText = Field(description="Name of the field.")


@event("field.set", public=False, min_named=1)
class FieldSet(SingleField):
    """A field has a value. The fields of a profile follow `customer.identified` and `company.updated`."""

    value: bool | int | float | str | list[JsonValue] | dict[str, JsonValue] = Field(
        description="The value: any JSON but null.", json_schema_extra={"personal_data": "free_text"}
    )

    @field_validator("value", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        if value is None:
            raise ValueError("is null: send field.unset")
        return value


@event("field.unset", public=False, min_named=1)
class FieldUnset(SingleField):
    """A field no longer has a value."""
