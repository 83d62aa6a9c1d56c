"""Failed events as records of the log."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from kizuna.eventlog.partitioner import MAX_RECORD_BYTES
from kizuna.eventlog.port import NewRecord
from kizuna.schemas.admission import Origin
from kizuna.schemas.codec import MAX_ITEM_BYTES
from kizuna.schemas.failed_event import FailedEvent
from kizuna.schemas.refusal import Refusal

ALWAYS_FITS = 100_000
"""Characters of an item that any record can hold: in JSON one may need six bytes."""


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
    """The record that keeps a refused item, cut off only where it is over the limit of an item or of a
    record. The same `failed_id` counts once."""
    failed = FailedEvent(
        failed_id=failed_id,
        code=refusal.code,
        path=refusal.path,
        reason=refusal.reason,
        via=via,
        source=origin.source,
        rights=origin.rights,
        received_at=origin.received_at,
        item=item if len(item) <= MAX_ITEM_BYTES else item[:ALWAYS_FITS],
        file=file,
        line=line,
        import_id=origin.import_id,
    )
    record = _record(failed)
    if len(record.key) + len(record.value) <= MAX_RECORD_BYTES:
        return record
    return _record(failed.model_copy(update={"item": item[:ALWAYS_FITS]}))


def _record(failed: FailedEvent) -> NewRecord:
    return NewRecord(failed.failed_id.bytes, failed.model_dump_json(exclude_none=True).encode())
