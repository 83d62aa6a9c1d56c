"""An arranged item becomes a record of the log: through the door as an event, else as a failed event."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from kizuna.eventlog.port import NewRecord
from kizuna.schemas import times
from kizuna.schemas.admission import Accepted, Origin
from kizuna.schemas.refusal import Refusal

from .arrangement import NO_RULE, Item
from .decoding import UNDECODABLE
from .failures import failed_record
from .items import read
from .maps import ImportMap
from .outcome import decide


class Sealed(NamedTuple):
    """A record, and why it is a failed event; None for an event."""

    record: NewRecord
    refusal: Refusal | None
    line: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class Sealer:
    """Turns the items of one import into records. Ids follow from the source and the rows alone."""

    import_map: ImportMap
    file: str
    workspace_key: str
    origin: Origin

    def seal(self, item: Item) -> Sealed:
        if item.error is not None:
            path, _, reason = item.error.partition("\x1f")
            text = item.item or ""
            rule = "" if item.rule == NO_RULE else self.import_map.events[item.rule].name
            failed_id = self._id("failed", rule, text, str(item.number))
            return self._failed(item, Refusal("unmapped", path, reason), failed_id, text)
        event_id = self._event_id(item)
        text = item.submission or "{}"
        submission = read(text.encode())  # strictly: a column of JSON may hold what DuckDB takes for JSON
        if isinstance(submission, dict):
            submission["event_id"] = str(event_id)
        outcome = decide(submission, self.origin, self.workspace_key, _unneeded)
        if isinstance(outcome, Accepted):
            return Sealed(NewRecord(outcome.key, outcome.value), None, item.line, item.n_rows)
        with suppress(TypeError):  # nested deeper than orjson writes: then as it came
            text = orjson.dumps(submission).decode() if isinstance(submission, dict) else text
        return self._failed(item, outcome, self._id("failed", str(event_id), text), text)

    def _failed(self, item: Item, refusal: Refusal, failed_id: UUID, text: str) -> Sealed:
        record = failed_record(
            failed_id,
            refusal,
            text.replace(UNDECODABLE, "\N{REPLACEMENT CHARACTER}"),
            self.origin,
            via="import",
            file=self.file,
            line=item.line,
        )
        return Sealed(record, refusal, item.line, item.n_rows)

    def _event_id(self, item: Item) -> UUID:
        rule = self.import_map.events[item.rule]
        # A natural key names the event whatever rule made it; a row's content does so within its rule.
        return self._id(rule.type, *([] if rule.key else [rule.name]), item.key or "")

    def _id(self, *names: str) -> UUID:
        namespace = _namespace(self.origin.source)
        return uuid5(namespace, "\x1f".join(names))


def task_id_for(source: str, file_sha256: str, map_sha256: str) -> UUID:
    """The same file under the same map is the same task."""
    return uuid5(_namespace(source), f"{file_sha256}\x1f{map_sha256}")


def import_id_for(task_id: UUID, received_at: datetime) -> UUID:
    """Each time that a task is done is an import of its own: one that was undone stays so when the file is
    imported again."""
    return uuid5(task_id, times.text(received_at))


def _namespace(source: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"kizuna:import:{source}")


def _unneeded() -> UUID:
    raise AssertionError("an imported event has its id")
