"""Corrections at the door: a retraction names its target whole; a corrected event becomes its own."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from kizuna.schemas.admission import Accepted, event_id_for
from kizuna.schemas.envelope import Envelope
from kizuna.schemas.identifiers import subject_id
from kizuna.schemas.refusal import Refusal
from tests.door import KEY, accept, refuse, send

TARGET = str(UUID(int=3))
ORDER = {
    "type": "order.completed",
    "occurred_at": "2026-03-13T18:40:00+09:00",
    "ids": {"email": "Hanako@Example.com"},
    "entities": [{"kind": "visit", "id": "V-1"}],
    "properties": {"order_id": "A-1", "currency": "JPY", "total": 1200},
    "channel": "store",
    "actor": {"kind": "customer"},
}


def corrected(event: object = ORDER, **besides: object) -> dict[str, object]:
    return {
        "type": "event.corrected",
        "message_id": "m-9",
        "properties": {"event_id": TARGET, "event": event, "reason": "misread"},
        **besides,
    }


def inner(**changed: object) -> dict[str, object]:
    return {**ORDER, **changed}


def retracted(**target: object) -> dict[str, object]:
    return {"type": "event.retracted", "properties": target}


# --- corrections ------------------------------------------------------------------------------------------


def test_a_correction_is_the_event_it_holds_under_its_own_id() -> None:
    plain = accept({**ORDER, "message_id": "m-9"})
    envelope = accept(corrected())
    assert envelope["event_id"] == str(event_id_for("shop", "m-9"))
    assert envelope.pop("corrects") == TARGET
    assert envelope.pop("correction") == {"reason": "misread"}
    assert envelope.pop("body_hash") != plain.pop("body_hash")
    assert envelope == plain


def test_its_record_has_the_key_and_the_type_of_the_event() -> None:
    result = send(corrected())
    assert isinstance(result, Accepted)
    assert result.type == "order.completed"
    assert result.key == subject_id(KEY, "email", "hanako@example.com").bytes


def test_it_says_who_corrected_and_when_beside_who_did_it() -> None:
    clerk = {"kind": "staff", "id": "S-8"}
    envelope = accept(corrected(actor=clerk, occurred_at="2026-03-14T09:00:00Z"))
    assert envelope["actor"] == {"kind": "customer"}
    assert envelope["occurred_at"] == "2026-03-13T09:40:00.000000Z"
    assert envelope["correction"] == {
        "reason": "misread",
        "actor": clerk,
        "occurred_at": "2026-03-14T09:00:00.000000Z",
    }
    read = Envelope.model_validate(envelope)
    assert read.correction
    assert read.correction.actor
    assert read.correction.actor.id == "S-8"


def test_what_is_not_said_is_not_kept() -> None:
    item = corrected()
    item["properties"] = {"event_id": TARGET, "event": ORDER}
    assert "correction" not in accept(item)
    assert "corrects" not in accept(ORDER)


def test_the_clock_of_the_sender_is_corrected_as_in_any_item() -> None:
    envelope = accept(corrected(sent_at="2026-03-14T12:00:30Z"))
    assert envelope["sent_at"] == "2026-03-14T12:00:30.000000Z"
    assert envelope["original_timestamp"] == "2026-03-13T09:40:00.000000Z"
    assert envelope["occurred_at"] == "2026-03-13T09:39:30.000000Z"


def test_an_event_without_a_time_has_the_time_received() -> None:
    event = inner(occurred_at=None)
    assert accept(corrected(event))["occurred_at"] == "2026-03-14T12:00:00.000000Z"


@pytest.mark.parametrize(("outer", "within"), [(True, False), (False, True), (True, True)])
def test_either_makes_it_a_test(outer: bool, within: bool) -> None:
    assert accept(corrected(inner(test=within), test=outer))["test"] is True


def test_an_event_id_may_be_given() -> None:
    assert accept(corrected(event_id=str(UUID(int=5))))["event_id"] == str(UUID(int=5))


def test_an_older_version_climbs() -> None:
    bounce = {"type": "email.bounced", "version": 1, "properties": {"reason": "550 no such user"}}
    envelope = accept(corrected(bounce))
    assert (envelope["version"], envelope["properties"]["bounce_type"]) == (2, "hard")


def test_an_event_of_ones_own_can_be_corrected() -> None:
    assert accept(corrected({"type": "custom.quiz", "properties": {"a": 1.5}}))["properties"] == {"a": 1.5}


def test_the_hash_tells_what_is_corrected() -> None:
    another = corrected()
    another["properties"] = {"event_id": str(UUID(int=4)), "event": ORDER}
    again = corrected(occurred_at="2026-03-14T11:00:00Z")
    assert accept(corrected())["body_hash"] == accept(again)["body_hash"]
    assert accept(corrected())["body_hash"] != accept(another)["body_hash"]


@pytest.mark.parametrize(
    ("event", "code", "path"),
    [
        (inner(type="order.complete"), "unknown_type", "properties.event.type"),
        (inner(type="event.corrected"), "invalid", "properties.event.type"),
        (inner(type="event.retracted"), "invalid", "properties.event.type"),
        (inner(message_id="m"), "invalid", "properties.event.message_id"),
        (inner(event_id=TARGET), "invalid", "properties.event.event_id"),
        (inner(sent_at="2026-03-14T12:00:00Z"), "invalid", "properties.event.sent_at"),
        (inner(ids={"userId": "1"}), "invalid", "properties.event.ids.userId"),
        (inner(ids={"email": " "}), "invalid", "properties.event.ids.email"),
        (inner(occurred_at="yesterday"), "invalid", "properties.event.occurred_at"),
        (inner(version=9), "invalid", "properties.event.version"),
        (inner(type="customer.aliased"), "no_identity", "properties.event.ids"),
        (
            inner(properties={"order_id": "A-1", "currency": "yen", "total": 1}),
            "invalid",
            "properties.event.properties.currency",
        ),
        (
            inner(properties={"order_id": "A-1", "currency": "JPY", "lines": [{"quantity": "x"}]}),
            "invalid",
            "properties.event.properties.lines.0.quantity",
        ),
        ({}, "invalid", "properties.event.type"),
        ("order", "invalid", "properties.event"),
        (None, "invalid", "properties.event"),
    ],
)
def test_the_event_is_checked_like_any(event: object, code: str, path: str) -> None:
    refusal = refuse(corrected(event))
    assert (refusal.code, refusal.path) == (code, path), refusal


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ids", {"user_id": "C-1"}),
        ("entities", [{"kind": "order", "id": "A-1"}]),
        ("context", {"locale": "ja"}),
        ("channel", "store"),
        ("place", {"store": "ginza"}),
        ("caused_by", TARGET),
        ("attachments", [{"hash": "a" * 64, "media_type": "image/png", "place": "1.png"}]),
    ],
)
def test_what_is_said_of_the_event_stands_in_it(field: str, value: object) -> None:
    refusal = refuse(corrected(**{field: value}))
    assert (refusal.path, refusal.reason) == (
        field,
        f"belongs to the event: send it as properties.event.{field}",
    )
    assert accept(corrected(inner(**{field: value})))["corrects"] == TARGET


def test_a_correction_names_what_it_corrects() -> None:
    item = corrected()
    item["properties"] = {"event": ORDER}
    assert refuse(item).path == "properties.event_id"


def test_a_public_key_corrects_and_retracts_nothing() -> None:
    for item in (corrected(), retracted(event_id=TARGET)):
        kind = item["type"]
        assert send(item, "public") == Refusal("not_allowed", "type", f"{kind} takes a secret write key")


# --- retractions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ({"event_id": "00000000-0000-0000-0000-00000000000A"}, {"event_id": str(UUID(int=10))}),
        ({"import_id": " import-7 "}, {"import_id": "import-7"}),
        (
            {"entity": {"kind": "order", "id": "A-1"}},
            {"entity": {"kind": "order", "namespace": "shop", "id": "A-1"}},
        ),
        (
            {"entity": {"kind": "order", "id": "A-1", "namespace": ""}},
            {"entity": {"kind": "order", "namespace": "shop", "id": "A-1"}},
        ),
        (
            {"entity": {"kind": "order", "id": "A-1", "namespace": "till"}},
            {"entity": {"kind": "order", "namespace": "till", "id": "A-1"}},
        ),
        (
            {"entity": {"kind": "company", "id": "Ｋ-9 ", "namespace": "crm"}},
            {"entity": {"kind": "company", "namespace": "", "id": "K-9"}},
        ),
    ],
)
def test_a_retraction_names_its_target_whole(target: dict[str, Any], kept: dict[str, Any]) -> None:
    envelope = accept(retracted(**target))
    assert envelope["properties"] == kept
    assert (envelope["ids"], envelope["entities"]) == ([], [])
    again = accept({"type": "event.retracted", "properties": json.loads(json.dumps(kept))})
    assert again["properties"] == kept


def test_a_retraction_names_entities_as_events_do() -> None:
    """Whatever a sender calls a thing, its events and its retraction have one name for it."""
    for kind, id_, space in (("order", " A-1 ", None), ("company", "Ｋ-9", "crm"), ("deal", "D", "crm")):
        named = {"kind": kind, "id": id_, **({"namespace": space} if space else {})}
        event = accept({"type": "custom.seen", "entities": [named]})
        assert accept(retracted(entity=named))["properties"]["entity"] == event["entities"][0]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ({}, "properties"),
        ({"reason": "twice"}, "properties"),
        ({"event_id": TARGET, "import_id": "i"}, "properties"),
        ({"event_id": "A-1"}, "properties.event_id"),
        ({"entity": {"kind": "parcel", "id": "1"}}, "properties.entity.kind"),
        ({"entity": {"kind": "order"}}, "properties.entity.id"),
        ({"entity": {"kind": "order", "id": " "}}, "properties.entity.id"),
        ({"entity": {"kind": "company", "id": "a\u0085b"}}, "properties.entity.id"),
        ({"import_id": ""}, "properties.import_id"),
    ],
)
def test_a_retraction_has_one_target(target: dict[str, Any], path: str) -> None:
    assert refuse(retracted(**target)).path == path
