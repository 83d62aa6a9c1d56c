"""Every naughty string in every field of every event type: kept as it was sent, or refused with its place;
and what was kept is folded and read back the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.ingest.failures import failed_record
from kizuna.projections.timeline import COLUMNS, shown
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.payload import MODELS
from kizuna.schemas.refusal import Refusal
from kizuna.schemas.submission import Submission
from tests.folding import KEY, NOW, folded, memory_log, shipped_definitions
from tests.naughty import STRINGS, SUBMITTED, Place, places, says

ORIGIN = Origin("shop", "secret", NOW)
SHOWN = (
    "type",
    "ids",
    "entities",
    "properties",
    "context",
    "channel",
    "place",
    "actor",
    "attachments",
)


def test_every_model_and_every_field_of_a_submission_has_its_places() -> None:
    found = list(places())
    assert {place.type for place in found} == set(MODELS)
    lines = ("properties", "lines", 0, "name")
    assert lines in {place.path for place in found if place.type == "order.completed"}
    around = {place.path for place in found if place.type == SUBMITTED}
    assert {(name,) for name in Submission.model_fields} <= around
    assert {
        ("type",),
        ("ids", "user_id", 0),
        ("entities", 0, "id"),
        ("place", "register"),
        ("actor", "id"),
    } <= around
    assert {("attachments", 0, "media_type"), ("context", "own"), ("message_id",), ("sent_at",)} <= around


def sent() -> Iterator[tuple[Place, str, dict[str, Any]]]:
    for place in places():
        for text, item in zip(STRINGS, place.items(), strict=True):
            yield place, text, item


def test_each_is_kept_as_it_was_sent_or_refused_with_its_place_and_nothing_is_lost() -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    kept: dict[UUID, dict[str, Any]] = {}
    number = accepted = refused = 0
    for number, (place, text, item) in enumerate(sent(), 1):
        result = admit(item, ORIGIN, KEY, lambda number=number: UUID(int=number))  # type: ignore[misc]
        if isinstance(result, Accepted):
            envelope = json.loads(result.value)
            assert says(envelope, place, text), (place, text, envelope)
            log.append(topics.TOUCHPOINTS, [NewRecord(result.key, result.value)])
            kept[result.event_id] = envelope
            accepted += 1
        else:
            assert result.reason
            assert explains(result, place), (place, text, result)
            record = failed_record(UUID(int=number), result, json.dumps(item), ORIGIN, via="http")
            log.append(topics.FAILED_EVENTS, [record])
            refused += 1
    assert accepted + refused == number > 100_000
    assert min(accepted, refused) > 10_000

    with folded(log) as (store, _), store.read() as snapshot:
        counts = [
            snapshot.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("events", "copies", "failed_items")
        ]
        events = shown(snapshot, f"SELECT {COLUMNS} FROM events", [])
        failed = snapshot.execute("SELECT failed_id, code, path, reason, item FROM failed_items").fetchall()
    assert counts == [accepted, 0, refused]
    assert len(failed) == len({row[0] for row in failed}) == refused
    for event_id, envelope in kept.items():
        event = events[event_id]
        assert {name: event.get(name) or None for name in SHOWN} == {
            name: envelope.get(name) or None for name in SHOWN
        }


def explains(refusal: Refusal, place: Place) -> bool:
    """It names the place, or something around it or within it: a rule over several fields."""
    path = ".".join(map(str, place.path))
    return path.startswith(refusal.path) or refusal.path.startswith(path)
