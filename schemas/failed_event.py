"""A failed event: an item that was refused, kept whole with its reason."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from .envelope import Rights
from .refusal import Code
from .times import Moment


class FailedEvent(BaseModel):
    """The record of topic `failed-events`. The same `failed_id` counts once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failed_id: UUID
    code: Code
    path: str = Field("", description="Where in the item, such as properties.lines.0.quantity.")
    reason: str
    via: Literal["http", "import", "fold"]
    source: str
    rights: Rights = Field(
        default="public",
        description="Rights of the key that it came with: a repair passes the door with them.",
    )
    received_at: Moment
    item: str = Field(description="The item as it came, as text; undecodable bytes are replaced.")
    file: str | None = None
    line: int | None = None
    import_id: str | None = None
