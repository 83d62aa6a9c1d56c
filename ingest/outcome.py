"""What becomes of the items of one request: records for the log, and a result for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from kizuna.eventlog.partitioner import MAX_RECORD_BYTES
from kizuna.eventlog.port import NewRecord
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.refusal import Code, Refusal

from .failures import failed_record
from .items import Items, Unparsed

Result = dict[str, object]


class Outcome(NamedTuple):
    """`touchpoints` and `failed` are the records to append, `results` one answer for each item, in order;
    `refused` are the codes of those that failed."""

    touchpoints: list[NewRecord]
    failed: list[NewRecord]
    results: list[Result]
    refused: list[Code]


def decide(
    value: object, origin: Origin, workspace_key: str, new_id: Callable[[], UUID]
) -> Accepted | Refusal:
    """One item through the door; and what comes out must fit into a record of the log."""
    if isinstance(value, Unparsed):
        return Refusal("invalid_json", "", value.reason)
    decision = admit(value, origin, workspace_key, new_id)
    if isinstance(decision, Accepted):
        size = len(decision.key) + len(decision.value)
        if size > MAX_RECORD_BYTES:
            reason = f"the event has {size:,} bytes, of at most {MAX_RECORD_BYTES:,}"
            return Refusal("too_large", "", reason)
    return decision


def gather(
    items: Items, decisions: Sequence[Accepted | Refusal], origin: Origin, new_id: Callable[[], UUID]
) -> Outcome:
    """The outcome of all items. A refused one is kept as it came."""
    outcome = Outcome([], [], [], [])
    texts: list[str] = []
    for index, decision in enumerate(decisions):
        if isinstance(decision, Accepted):
            outcome.touchpoints.append(NewRecord(decision.key, decision.value))
            outcome.results.append({"code": "accepted", "event_id": decision.event_id})
            continue
        texts = texts or items.texts()
        failed_id = _failed_id(items.values[index], texts[index], origin.source) or new_id()
        outcome.failed.append(failed_record(failed_id, decision, texts[index], origin, via="http"))
        outcome.results.append(
            {
                "code": decision.code,
                "path": decision.path,
                "reason": decision.reason,
                "failed_id": failed_id,
            }
        )
        outcome.refused.append(decision.code)
    return outcome


def without_ids(results: Sequence[Result]) -> list[Result]:
    """The results of a dry run: nothing is kept that an id could name."""
    return [
        {name: value for name, value in result.items() if name not in ("event_id", "failed_id")}
        for result in results
    ]


def _failed_id(value: object, text: str, source: str) -> UUID | None:
    """The same for each retry of an item that the client named, whenever it was sent; None without a name."""
    if not isinstance(value, dict) or not (value.get("message_id") or value.get("event_id")):
        return None
    said = {name: part for name, part in value.items() if name != "sent_at"}
    with suppress(TypeError):  # nested deeper than orjson writes: then as it came
        text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
    return uuid5(uuid5(NAMESPACE_URL, f"kizuna:failed:{source}"), text)
