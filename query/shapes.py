"""The shapes of answers, as OpenAPI publishes them. The tests hold every answer to its shape."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from kizuna.projections.entities import MODELS, EntityModel
from kizuna.projections.listings import WIDE
from kizuna.schemas.refusal import Code

Amount = Annotated[
    str,
    Field(pattern=r"^-?\d+(\.\d*[1-9])?$", description="A decimal number as text, without zeros at its end."),
]
ProfileId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="Id of a profile.")]
EntityId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="Kizuna's id of the entity.")]
Of = Literal["person", "company"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PositionShape(Shape):
    topic: str
    generation: int = Field(description="Edition of the log; offsets of two never compare.")
    partition: int
    offset: int = Field(description="Every record below has been folded.")


class Standing(Shape):
    as_of: datetime = Field(description="T: the time that the answer is true of.")
    positions: list[PositionShape] = Field(description="How far the log was folded.")


class Paged(Standing):
    next_cursor: str | None = Field(description="Ask again with it for more; null on the last page.")


class ErrorDetail(Shape):
    code: str = Field(description="For programs.")
    message: str = Field(description="What is wrong.")
    hint: str = Field(description="What to do about it; may be empty.")


class ErrorAnswer(Shape):
    error: ErrorDetail


class IdentifierShape(Shape):
    kind: str
    value: str = Field(description="In normal form.", json_schema_extra={"personal_data": "identity"})


class LinkShape(Shape):
    identifiers: list[IdentifierShape] = Field(min_length=2, max_length=2)
    accepted: bool = Field(description="Whether the two are one person because of it.")
    reason: str = Field(description="Why it was refused.")
    forced: bool = Field(description="It came by an alias with a secret key, which overrides limits.")
    event_id: UUID = Field(description="The event that says so.")
    received_at: datetime


class ProfileSummary(Shape):
    id: ProfileId
    of: Of
    identifiers: list[IdentifierShape] = Field(description="Strongest first.")
    fields: dict[str, Any] = Field(description="What was said last, by name.")
    traits: dict[str, Any] = Field(description="What is computed, by name; decimals are text.")
    segments: list[str]
    first_seen: datetime | None = Field(description="When its first event happened.")
    last_seen: datetime | None = Field(description="When its last event happened.")


class ProfileAnswer(ProfileSummary, Standing):
    links: list[LinkShape] = Field(description="Why its identifiers are one person, and what was refused.")
    former_ids: list[ProfileId] = Field(description="Ids that lead to it too.")


class DisclosedAnswer(Shape):
    """What a token of scope `lookup` gets: the part of the whole answer that it declares."""

    id: ProfileId | None = None
    of: Of | None = None
    identifiers: list[IdentifierShape] | None = Field(None, description="Those of a declared kind.")
    fields: dict[str, Any] | None = Field(None, description="The declared ones that are known.")
    traits: dict[str, Any] | None = Field(None, description="The declared ones.")
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    as_of: datetime | None = None


class ProfileList(Paged):
    items: list[ProfileSummary]


class EntityRefShape(Shape):
    kind: str
    namespace: str
    id: str


class PlaceShape(Shape):
    store: str | None = None
    register_: str | None = Field(None, alias="register")


class EventShape(Shape):
    event_id: UUID
    type: str
    version: int
    occurred_at: datetime
    received_at: datetime
    recorded_at: datetime
    source: str
    rights: Literal["secret", "public"]
    test: bool
    ids: list[IdentifierShape] = []
    entities: list[EntityRefShape] = []
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    place: PlaceShape | None = None
    channel: str | None = None
    import_id: str | None = None
    clamped: bool = Field(False, description="Its time was cut to received_at.")
    actor: dict[str, Any] | None = None
    caused_by: UUID | None = None
    attachments: list[dict[str, Any]] = []
    repairs: UUID | None = None
    corrects: UUID | None = Field(None, description="The event that it took out and stands in for.")
    correction: dict[str, Any] | None = Field(
        None, description="Of a correction: its reason, who corrected and when, as far as it was said."
    )


class Timeline(Paged):
    items: list[EventShape]


class MovementShape(Shape):
    event_id: UUID
    type: str
    occurred_at: datetime
    amount: Amount = Field(description="What the event added to the net total, or took from it.")
    currency: str | None


class EntityShape(Shape):
    entity_id: EntityId
    id: str = Field(description="The sender's id.")
    namespace: str = Field(description="Where that id counts once.")
    source: str
    profile_id: ProfileId | None = Field(description="The person it belongs to.")
    company_profile_id: ProfileId | None = Field(description="The company it belongs to.")


class WithHistory(Standing):
    history: list[EventShape] = Field(description="Its events, newest first.")


_TYPES: dict[str, Any] = {
    "VARCHAR": str,
    "TIMESTAMP": datetime,
    "DATE": date,
    "BIGINT": int,
    "INTEGER": int,
    "BOOLEAN": bool,
    "DECIMAL(18,4)": Amount,
}


def _entity(model: EntityModel) -> type[EntityShape]:
    # Behind an alias, as pydantic models have attributes of their own (`register`).
    columns: dict[str, Any] = {
        f"{one.name}_": (_TYPES[one.sql_type] | None, Field(alias=one.name))
        for one in model.fields
        if one.name not in WIDE
    }
    return create_model(model.kind.capitalize(), __base__=EntityShape, **columns)


def _page_of(kind: str, item: type[EntityShape]) -> type[Paged]:
    columns: dict[str, Any] = {"items": (list[item], ...)}  # type: ignore[valid-type]
    return create_model(f"{kind.capitalize()}List", __base__=Paged, **columns)


def _answer_of(model: EntityModel, item: type[EntityShape]) -> type[BaseModel]:
    columns: dict[str, Any] = {
        one.name: (list[dict[str, Any]], ...) for one in model.fields if one.name in WIDE
    }
    if model.kind == "order":
        columns["movements"] = (list[MovementShape], Field(description="The ledger, oldest first."))
    return create_model(f"{model.kind.capitalize()}Answer", __base__=(item, WithHistory), **columns)


ENTITIES = {model.kind: _entity(model) for model in MODELS}
ENTITY_LISTS = {kind: _page_of(kind, item) for kind, item in ENTITIES.items()}
ENTITY_ANSWERS = {model.kind: _answer_of(model, ENTITIES[model.kind]) for model in MODELS}


class MasterItem(Shape):
    id: str
    updated_at: datetime
    fields: dict[str, Any] = Field(description="Each property as it was last given.")


class MasterList(Paged):
    items: list[MasterItem]


class RemarkItem(EventShape):
    profile_id: ProfileId | None
    company_profile_id: ProfileId | None


class RemarkList(Paged):
    items: list[RemarkItem]


EventStanding = Literal["counts", "duplicate", "conflict", "taken_out"]


class CopyStanding(Shape):
    standing: EventStanding = Field(description="Whether it counts, and why not.")
    since: datetime | None = Field(description="Since when it does not count, as the log recorded it.")
    taken_out_by: UUID | None = Field(description="The retraction or correction that took it out.")


class CopyShape(CopyStanding):
    received_at: datetime
    recorded_at: datetime
    source: str
    import_id: str | None


class EventAnswer(EventShape, CopyStanding, Standing):
    effective: bool | None = Field(
        description="Of a retraction or correction: whether it acts, or is taken out itself."
    )
    copies: list[CopyShape] = Field(description="Other records of its id, in admission order; a hundred.")


class CorrectionAnswer(Standing):
    events: list[UUID] = Field(description="What was appended. Retract the first to undo it.")
    event: dict[str, Any] = Field(description="The envelope of the first.")
    taken_out: int | None = Field(
        description="How many events do not count any more; null until it is folded."
    )
    restored: int | None = Field(description="How many events count again; null until it is folded.")
    replaced: int | None = Field(
        description="Of an import: how many of them count by a copy from elsewhere now."
    )
    dry_run: bool
    folded: bool = Field(description="Whether answers show it already.")


class ImportShape(Shape):
    id: str
    source: str
    file: str | None = Field(description="Its name; null where the import did not tell it.")
    began_at: datetime
    rows: int | None = Field(description="Of the file; several may make one event.")
    events: int = Field(description="Those that count.")
    duplicates: int = Field(description="Events that had come before.")
    failed: int = Field(description="Rows that were refused and are not repaired, and conflicts.")
    taken_out: int = Field(description="Records that a retraction or correction took out.")
    undone_by: UUID | None = Field(description="The retraction that keeps it out.")
    undone_at: datetime | None


class ImportList(Paged):
    items: list[ImportShape]


class ImportType(Shape):
    type: str
    events: int
    duplicates: int
    failed: int
    taken_out: int


class ImportFailure(Shape):
    id: str
    code: Code
    path: str
    reason: str
    line: int | None


class ImportAnswer(ImportShape, Standing):
    types: list[ImportType]
    failures: list[ImportFailure] = Field(description="The first of its failed events, by line.")


class FailedItem(Shape):
    id: str
    code: Code
    path: str = Field(description="Where in the item.")
    reason: str
    via: Literal["http", "import", "fold"]
    source: str
    received_at: datetime
    recorded_at: datetime
    topic: str
    partition: int
    offset: int
    repeats: int = Field(description="How often the same item came again.")
    group: str = Field(description="Those that failed for the same reason share it.")
    repaired_by: UUID | None = Field(description="The event that it became; null until it is repaired.")
    event_id: UUID | None = Field(description="The id it clashes about, of a conflict.")
    type: str | None = Field(
        description="Of a conflict, its event's; else what the item says in `type`, if it says it."
    )
    file: str | None
    line: int | None
    import_id: str | None


class FailedList(Paged):
    items: list[FailedItem]


class FailedAnswer(FailedItem, Standing):
    item: str | None = Field(description="The item as it came; null if the log no longer has it.")


class FailedGroup(Shape):
    group: str = Field(description="For the filter of the same name.")
    code: Code
    path: str = Field(description="Where in the item, with * for a place in a list.")
    reason: str = Field(description="With # for each number.")
    failed_events: int
    sources: list[str]
    first_at: datetime
    last_at: datetime
    example: UUID = Field(description="The newest of them.")
    example_reason: str


class FailedGroups(Standing):
    items: list[FailedGroup]


class RepairResult(Shape):
    id: UUID
    code: Literal["accepted"] | Code
    path: str | None = Field(description="Of a refusal: where in the item.")
    reason: str | None
    event_id: UUID | None = Field(description="Of an accepted one: the id of its event.")
    event: dict[str, Any] | None = Field(description="Its envelope, where one alone was asked for.")


class RepairReason(Shape):
    code: Code
    path: str
    reason: str
    failed_events: int


class RepairAnswer(Standing):
    accepted: int
    refused: int = Field(description="They stay failed events, as they were.")
    dry_run: bool
    folded: bool = Field(description="Whether answers show it already.")
    reasons: list[RepairReason] = Field(description="Why some were refused, the most frequent first.")
    results: list[RepairResult] = Field(description="The first hundred.")
