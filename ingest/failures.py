"""Failed events as records of the log."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from kizuna.eventlog.port import NewRecord
from kizuna.schemas.admission import Origin
from kizuna.schemas.failed_event import FailedEvent
from kizuna.schemas.refusal import Refusal

MAX_ITEM = 100_000
"""Characters of a failed item that are kept: in JSON one may need six bytes, and a record has a million."""


def failed_record(
    failed_id: UUID,
    refusal: Refusal,
    item: str,
    origin: Origin,
    *,
    via: Literal["http", "import"],
    file: str | None = None,
    line: int | None = None,
) -> NewRecord:
    """The record that keeps a refused item. The same `failed_id` counts once."""
    failed = FailedEvent(
        failed_id=failed_id,
        code=refusal.code,
        path=refusal.path,
        reason=refusal.reason,
        via=via,
        source=origin.source,
        rights=origin.rights,
        received_at=origin.received_at,
        item=item[:MAX_ITEM],
        file=file,
        line=line,
        import_id=origin.import_id,
    )
    return NewRecord(failed_id.bytes, failed.model_dump_json(exclude_none=True).encode())
