"""The shapes of answers about the node itself: status, statistics, definitions, schemas, keys, tokens."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from .shapes import Amount, Shape, Standing


class DefinitionShape(Shape):
    kind: str
    name: str
    layer: Literal["shipped", "user"]
    pending: bool = Field(
        description="Whether it waits for its activation: the one in force stands beside it."
    )
    received_at: datetime
    body: dict[str, Any] | None = Field(description="Null in a pending one that takes back.")


class DefinitionList(Standing):
    items: list[DefinitionShape]


class SchemaItem(Shape):
    type: str
    version: int
    public: bool = Field(description="Whether a public write key may send it.")
    entity: str | None = Field(description="The kind of thing it is about.")
    json_schema: dict[str, Any] = Field(alias="schema", description="JSON Schema of its properties.")
    example: dict[str, Any] = Field(description="A submission that is accepted as it stands.")


class SchemaList(Standing):
    items: list[SchemaItem]


class CountsShape(Standing):
    events: int
    profiles: int = Field(description="Profiles of persons.")
    companies: int = Field(description="Profiles of companies.")
    duplicates: int
    failed_events: int = Field(description="Those that are not repaired.")
    repaired: int = Field(description="Failed events that are repaired.")


class TopicAccount(Shape):
    topic: str
    records: int = Field(description="Records that the log holds.")
    folded: int = Field(
        description="Records that are folded: events + duplicates + failed_events + repaired."
    )
    events: int = Field(description="Events, or definitions and activations; re-admitted ones too.")
    duplicates: int
    failed_events: int
    repaired: int


class Account(Shape):
    """What became of every record of touchpoints and failed events: `records` = `events` + `duplicates` +
    `failed_events`."""

    records: int = Field(description="Records in the log, without re-admissions.")
    events: int
    duplicates: int
    failed_events: int = Field(description="Those that are not repaired.")
    repaired: int = Field(description="Failed events that are repaired: they count as what they became.")
    readmitted: int = Field(description="Records that re-admitted them, not among `records`.")
    retracted: int = Field(description="Events that were taken out; they stay counted.")


class SourceAccount(Account):
    source: str


class TotalAccount(Account):
    adds_up: bool | None = Field(
        description="Whether the sum holds, in total and for each source; null until `lag` is 0."
    )


class StatusAnswer(CountsShape):
    role: Literal["owner", "replica"] = Field(
        description="A replica, of data that was restored or copied, takes nothing in until it is promoted."
    )
    store_id: UUID
    t: datetime = Field(description="The same as as_of.")
    lag: int = Field(description="Records in the log that are not folded yet.")
    account: TotalAccount = Field(description="`records` follow from where the log ends.")
    topics: list[TopicAccount]
    sources: list[SourceAccount]


class TypeCount(Shape):
    type: str
    events: int
    last_at: datetime


class DayCount(Shape):
    day: date = Field(description="Of the workspace's time zone.")
    events: int


class OrderTotals(Shape):
    currency: str
    orders: int
    refunds: int
    gross: Amount = Field(description="Moved by completions and updates.")
    cancelled: Amount = Field(description="Taken back by cancellations; not positive.")
    refunded: Amount = Field(description="Given back; not positive.")
    net: Amount = Field(description="gross + cancelled + refunded")


class OrderDay(OrderTotals):
    day: date


class OrderStatistics(Shape):
    by_currency: list[OrderTotals]
    by_day: list[OrderDay]


class WarningShape(Shape):
    code: str
    message: str
    count: int


class WorkspaceShape(Shape):
    time_zone: str
    currency: str


class StatisticsAnswer(CountsShape):
    workspace: WorkspaceShape
    by_type: list[TypeCount]
    by_source: list[SourceAccount]
    by_day: list[DayCount]
    orders: OrderStatistics
    warnings: list[WarningShape] = Field(description="What is left out of traits, or doubtful.")


class KeyShape(Shape):
    name: str
    rights: Literal["secret", "public"]
    source: str


class KeyList(Standing):
    items: list[KeyShape]


class NewKey(KeyShape, Standing):
    key: str = Field(description="Shown once: only its hash is kept.")


class TokenShape(Shape):
    name: str
    scope: Literal["read", "admin"]


class TokenList(Standing):
    items: list[TokenShape]


class NewToken(TokenShape, Standing):
    token: str = Field(description="Shown once: only its hash is kept.")


class RebuildAnswer(Standing):
    records: int = Field(description="Records folded anew.")
    tables: dict[str, str] = Field(description="Canonical hash by table of the new store.")
    differences: dict[str, list[str]] | None = Field(
        description="The first rows that differ, by table; null where nothing was compared."
    )
    swapped: bool = Field(description="Whether the new store is in the place of the old one.")


class Promoted(Standing):
    store_id: UUID
    epoch: int = Field(description="How many stores have owned the log, this one last.")


class Removed(Standing):
    removed: str = Field(description="Name of what is no longer valid.")
