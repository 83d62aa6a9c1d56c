"""Failed events, and records of any topic that cannot be folded: a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import pyarrow as pa
from pydantic import ValidationError

from kizuna.schemas.failed_event import FailedEvent

from .batch import Row, Rows
from .script import Script

NAMESPACE = UUID("3a3f6a4e-0f0e-5d0c-9c53-6d1f0a7c5a11")
TOUCHPOINTS = "touchpoints"
FAILED_EVENTS = "failed-events"
FAILED = "failed/"
"""Before the code, under which a script counts the failed events that it found."""

# Of equal ids the earliest counts, by the time received, then by position; the others are repeats of it.
KEEP = """
CREATE OR REPLACE TEMP TABLE merged_failed AS
SELECT failed_id, unnest(arg_min(item, {'r': received_at, 't': topic, 'p': "partition", 'o': "offset"})),
       (sum(repeats) + count(*) - 1)::BIGINT AS repeats
FROM (
    SELECT failed_id, received_at, topic, "partition", "offset", repeats,
           struct_pack(code := code, path := path, reason := reason, via := via, source := source,
               rights := rights, received_at := received_at, recorded_at := recorded_at, topic := topic,
               "partition" := "partition", "offset" := "offset", item := item, file := file, line := line,
               import_id := import_id) AS item
    FROM (FROM failed_rows UNION ALL BY NAME
          SELECT * FROM failed_items WHERE failed_id IN (SELECT failed_id FROM failed_rows))
) GROUP BY failed_id
"""


def keep_failed(script: Script, rows: Rows) -> None:
    """Fold records of the topic `failed-events`."""
    _keep(script, [_failed(row) for row in rows])


def keep_unreadable(
    script: Script, topic: str, rows: Sequence[tuple[int, int, int, str]], reason: str
) -> None:
    """Keep records (partition, offset, recorded_at, text) that could not be folded as failed events."""
    _keep(script, [_unreadable(topic, *row, reason) for row in rows])


def _keep(script: Script, items: list[dict[str, object]]) -> None:
    script.found.update(f"{FAILED}{item['code']}" for item in items)
    table = pa.Table.from_pylist(items, schema=_SCHEMA)
    with script.table("failed_arrow", table):
        script.execute(
            "CREATE OR REPLACE TEMP TABLE failed_rows AS "
            "SELECT * REPLACE (failed_id::UUID AS failed_id) FROM failed_arrow"
        )
    script.execute(KEEP)
    script.execute("DELETE FROM failed_items WHERE failed_id IN (SELECT failed_id FROM merged_failed)")
    script.execute("INSERT INTO failed_items BY NAME SELECT * FROM merged_failed")


_SCHEMA = pa.schema(
    [
        ("failed_id", pa.string()),
        ("code", pa.string()),
        ("path", pa.string()),
        ("reason", pa.string()),
        ("via", pa.string()),
        ("source", pa.string()),
        ("rights", pa.string()),
        ("received_at", pa.timestamp("us")),
        ("recorded_at", pa.timestamp("us")),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("item", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("import_id", pa.string()),
        ("repeats", pa.int64()),
    ]
)


def _failed(row: Row) -> dict[str, object]:
    try:
        one = FailedEvent.model_validate_json(row.value)
    except ValidationError:
        text = row.value.decode(errors="replace")
        return _unreadable(
            FAILED_EVENTS, row.partition, row.offset, row.recorded_at, text, "the record is no failed event"
        )
    return {
        **one.model_dump(),
        "failed_id": str(one.failed_id),
        "received_at": one.received_at.replace(tzinfo=None),
        "recorded_at": row.recorded_at,
        "topic": FAILED_EVENTS,
        "partition": row.partition,
        "offset": row.offset,
        "repeats": 0,
    }


def _unreadable(
    topic: str, partition: int, offset: int, recorded_at: int, text: str, reason: str
) -> dict[str, object]:
    return {
        "failed_id": str(uuid5(NAMESPACE, f"{topic}/{partition}/{offset}")),
        "code": "invalid",
        "path": "",
        "reason": reason,
        "via": "fold",
        "source": "log",
        "received_at": recorded_at,
        "recorded_at": recorded_at,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "item": text,
        "repeats": 0,
    }
