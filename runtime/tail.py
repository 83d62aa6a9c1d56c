"""Following the log: its newest records, and each that comes, as lines for people or machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from kizuna.eventlog.port import EventLog, Record, TopicPartition
from kizuna.schemas import times

CHUNK = 1_000
WAIT_SECONDS = 0.2


class Entry(NamedTuple):
    """One record. `what` is the event's type, the code of a failed event, the kind of a definition; `value`
    is the record's JSON, which may hold personal data."""

    at: TopicPartition
    offset: int
    recorded_at: datetime
    what: str
    source: str
    value: dict[str, object]


def entries(log: EventLog, topics: Sequence[str], last: int, *, follow: bool) -> Iterator[Entry]:
    """The `last` newest of the topics' records, in the order in which the log took them, then what comes."""
    bounds = {at: its for at, its in log.bounds().items() if at.topic in topics}
    newest = [
        entry
        for at, its in bounds.items()
        for entry in _read(log, at, max(its.first, its.end - last), its.end)
    ]
    newest.sort(key=lambda entry: (entry.recorded_at, entry.at, entry.offset))
    yield from newest[-last:] if last else ()
    stands = {at: its.end for at, its in bounds.items()}
    while follow:
        log.wait(WAIT_SECONDS)
        for at, its in log.bounds().items():
            if at in stands:
                yield from _read(log, at, stands[at], its.end)
                stands[at] = its.end


def _read(log: EventLog, at: TopicPartition, start: int, end: int) -> Iterator[Entry]:
    while start < end:
        records = log.read(at.topic, at.partition, start, min(CHUNK, end - start))
        if not records:
            return
        yield from (_entry(at, record) for record in records)
        start = records[-1].offset + 1


def _entry(at: TopicPartition, record: Record) -> Entry:
    try:
        value = orjson.loads(record.value)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        value = {}
    what = value.get("type") or value.get("code") or value.get("kind") or "unreadable"
    source = value.get("source") or value.get("name") or ""
    return Entry(at, record.offset, times.from_micros(record.recorded_at), str(what), str(source), value)
