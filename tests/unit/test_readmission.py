"""A failed event passes the door again: with which id, times and origin, and when it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import pytest

from kizuna.schemas import catalogue as _catalogue  # noqa: F401  (fills MODELS)
from kizuna.schemas.admission import Accepted, event_id_for
from kizuna.schemas.examples import example
from kizuna.schemas.payload import MODELS
from kizuna.schemas.readmission import NEW_IDS, Kept, Repair, conflicting, merge, readmit
from kizuna.schemas.refusal import Refusal
from tests.door import KEY, RECEIVED, accept, send

FAILED = UUID("0b51f5f2-3a0e-5d58-b5a4-1f7c3c6a0001")
HOLDER = UUID(int=42)
ANEW = uuid5(NEW_IDS, str(FAILED))
PAGE = {"type": "page.viewed", "ids": {"user_id": "u1"}, "properties": {"path": "/tea"}}


def kept(item: object, **parts: Any) -> Kept:
    text = item if isinstance(item, str) else json.dumps(item)
    given: dict[str, Any] = {
        "code": "invalid",
        "via": "http",
        "source": "shop",
        "rights": "secret",
        "received_at": RECEIVED,
    }
    return Kept(failed_id=FAILED, item=text, **(given | parts))


def repaired(failed: Kept, **repair: Any) -> dict[str, Any]:
    """The envelope; the test fails if the door refuses it."""
    outcome = readmit(failed, Repair(**repair), KEY)
    assert isinstance(outcome, Accepted), outcome
    envelope: dict[str, Any] = json.loads(outcome.value)
    assert UUID(envelope["event_id"]) == outcome.event_id
    assert envelope["repairs"] == str(FAILED)
    return envelope


def refused(failed: Kept, **repair: Any) -> Refusal:
    outcome = readmit(failed, Repair(**repair), KEY)
    assert isinstance(outcome, Refusal), outcome
    return outcome


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_a_json_merge_patch(target: object, patch: object, result: object) -> None:
    before = json.dumps(target)
    assert merge(target, patch) == result
    assert json.dumps(target) == before


def test_a_repaired_item_is_the_event_that_it_would_have_been() -> None:
    sent = {
        **PAGE,
        "message_id": "m1",
        "occurred_at": "2026-03-14T10:00:00Z",
        "sent_at": "2026-03-14T12:05:00Z",  # the client's clock is five minutes fast
    }
    wrong = {**sent, "type": "page.seen"}
    envelope = repaired(kept(wrong, code="unknown_type", import_id="i7"), patch={"type": "page.viewed"})
    assert envelope == {**accept(sent), "repairs": str(FAILED), "import_id": "i7"}
    assert envelope["received_at"] == "2026-03-14T12:00:00.000000Z"
    assert envelope["occurred_at"] == "2026-03-14T09:55:00.000000Z"


def test_an_item_may_pass_as_it_came_once_the_door_takes_it() -> None:
    envelope = repaired(kept(PAGE))
    assert envelope == {**accept(PAGE), "event_id": str(ANEW), "repairs": str(FAILED)}
    assert refused(kept({**PAGE, "type": "page.seen"})).code == "unknown_type"


def test_the_rights_of_the_key_still_hold() -> None:
    company = {"type": "company.updated", "properties": {"company_id": "K"}}
    assert refused(kept(company, rights="public")).code == "not_allowed"
    assert repaired(kept(company))["rights"] == "secret"
    named = {**PAGE, "event_id": str(UUID(int=5)), "message_id": "m1"}
    failed = kept(named, rights="public", code="not_allowed")
    assert refused(failed).path == "event_id"
    # A public key's event_id never was its id.
    assert repaired(failed, patch={"event_id": None})["event_id"] == str(event_id_for("shop", "m1"))


@pytest.mark.parametrize(
    ("came", "patch", "event_id"),
    [
        ({"message_id": "m1"}, {}, event_id_for("shop", "m1")),
        ({"event_id": str(UUID(int=5))}, {}, UUID(int=5)),
        ({"event_id": str(UUID(int=5)), "message_id": "m1"}, {}, UUID(int=5)),
        ({}, {}, ANEW),
        ({}, {"message_id": "m1"}, event_id_for("shop", "m1")),
        ({"message_id": "m" * 101}, {"message_id": "m1"}, event_id_for("shop", "m1")),
        ({"message_id": 5}, {"message_id": None}, ANEW),
        ({"message_id": "m1"}, {"message_id": None}, event_id_for("shop", "m1")),
    ],
)
def test_the_id_is_the_one_the_item_names(
    came: dict[str, object], patch: dict[str, object], event_id: UUID
) -> None:
    failed = kept({**PAGE, **came})
    assert repaired(failed, patch=patch)["event_id"] == str(event_id)
    # Another time, the same.
    assert readmit(failed, Repair(patch=patch), KEY) == readmit(failed, Repair(patch=patch), KEY)
    assert repaired(failed, patch=patch, new_id=True)["event_id"] == str(ANEW)


def test_a_repair_does_not_change_the_id() -> None:
    failed = kept({**PAGE, "message_id": "m1"})
    for given in ({"patch": {"message_id": "m2"}}, {"item": {**PAGE, "message_id": "m2"}}):
        assert refused(failed, **given).path == "message_id"
    assert refused(failed, patch={"message_id": "m" * 101}).path == "message_id"
    assert repaired(failed, item=PAGE)["event_id"] == str(event_id_for("shop", "m1"))


def test_what_was_no_json_is_replaced_whole() -> None:
    for text in ('{"type": "page.vi', "\ufffd", "", "[1]", '"x"', "5"):
        failed = kept(text, code="invalid_json")
        assert refused(failed).code == "invalid_json"
        assert refused(failed, patch={"type": "page.viewed"}).code == "invalid_json"
        assert repaired(failed, item=PAGE)["event_id"] == str(ANEW)


def test_a_row_of_a_file_is_replaced_whole() -> None:
    row = kept({"message_id": "a column", "total": "x"}, code="unmapped", via="import", import_id="i1")
    assert refused(row, patch=PAGE).code == "unmapped"
    envelope = repaired(row, item={**PAGE, "message_id": "m1"})
    assert (envelope["event_id"], envelope["import_id"]) == (str(event_id_for("shop", "m1")), "i1")


@pytest.mark.parametrize(
    "given",
    [
        {"a": float("nan")},
        {"a": 2**70},
        {"a": "\ud800"},
        {"properties": json.loads('{"a":' * 40 + "1" + "}" * 40)},
    ],
)
def test_a_patch_that_no_log_could_keep_is_refused(given: dict[str, object]) -> None:
    for repair in ({"patch": given}, {"item": {**PAGE, **given}}):
        assert refused(kept(PAGE), **repair).code in ("invalid_json", "too_large")


@pytest.mark.parametrize("type_", [*sorted(MODELS), "custom.quiz_finished"])
def test_a_conflict_is_the_submission_that_it_was(type_: str) -> None:
    """Whatever the type: reopened and sealed again, the envelope says the same."""
    envelope = accept({**example(type_), "message_id": "m1"})
    record = json.dumps(envelope).encode()
    failed = conflicting(FAILED, record, "shop", RECEIVED, HOLDER)
    again = repaired(failed)
    assert again["event_id"] == str(ANEW)
    own = {
        "event_id": str(ANEW),
        "repairs": str(FAILED),
        "replaces": {"event_id": str(HOLDER), "body_hash": envelope["body_hash"]},
        "body_hash": again["body_hash"],
    }
    assert again == envelope | own


def test_a_conflict_keeps_its_origin_and_takes_a_new_id() -> None:
    sealed = send({**PAGE, "message_id": "m1", "occurred_at": "2026-03-14T10:00:00Z"}, "public")
    assert isinstance(sealed, Accepted)
    failed = conflicting(FAILED, sealed.value, "shop", RECEIVED, HOLDER)
    assert (failed.rights, failed.code) == ("public", "conflict")
    envelope = repaired(
        failed, patch={"properties": {"path": "/coffee"}, "occurred_at": "2026-03-14T11:00:00Z"}
    )
    assert (envelope["event_id"], envelope["rights"]) == (str(ANEW), "public")
    assert envelope["occurred_at"] == "2026-03-14T11:00:00.000000Z"
    assert refused(failed, patch={"message_id": "m2"}).path == "message_id"


def test_a_conflict_corrects_the_event_that_holds_its_id() -> None:
    sent = {
        **PAGE,
        "message_id": "m1",
        "occurred_at": "2026-03-14T10:00:00Z",
        "sent_at": "2026-03-14T12:05:00Z",  # the client's clock is five minutes fast
    }
    sealed = send(sent, "public")
    assert isinstance(sealed, Accepted)
    failed = conflicting(FAILED, sealed.value, "shop", RECEIVED, HOLDER)
    today = datetime(2026, 4, 1, tzinfo=UTC)
    envelope = repaired(failed, patch={"properties": {"path": "/coffee"}}, corrected_at=today)
    assert (envelope["type"], envelope["corrects"]) == ("page.viewed", str(HOLDER))
    assert (envelope["event_id"], envelope["properties"]["path"]) == (str(ANEW), "/coffee")
    assert envelope["occurred_at"] == "2026-03-14T09:55:00.000000Z"
    assert envelope["received_at"] == "2026-04-01T00:00:00.000000Z"
    assert refused(kept(PAGE), corrected_at=today).code == "invalid"


@pytest.mark.parametrize("type_", sorted(set(MODELS) - {"event.corrected", "event.retracted"}))
def test_the_record_of_a_correction_is_repaired_as_one(type_: str) -> None:
    around = {"actor": {"kind": "staff", "id": "S-8"}, "occurred_at": "2026-03-14T09:00:00Z"}
    event = {name: value for name, value in example(type_).items() if name not in ("message_id", "sent_at")}
    properties = {"event_id": str(HOLDER), "event": event, "reason": "misheard"}
    envelope = accept({"type": "event.corrected", "message_id": "m1", "properties": properties, **around})
    record = {name: value for name, value in envelope.items() if name != "body_hash"}
    again = repaired(kept(record, via="fold", source="log", rights="public"))
    assert again == envelope | {"repairs": str(FAILED), "body_hash": again["body_hash"]}
    bare = {name: value for name, value in record.items() if name != "correction"}
    assert "correction" not in repaired(kept(bare, via="fold", source="log"))


def test_a_record_of_the_log_says_itself_how_it_came_in() -> None:
    envelope = accept({**PAGE, "message_id": "m1", "occurred_at": "2026-03-14T10:00:00Z"}, "public")
    body_hash = envelope.pop("body_hash")
    later = datetime(2026, 4, 1, tzinfo=UTC)
    record = kept(envelope, via="fold", source="log", rights="public", received_at=later)
    assert repaired(record) == envelope | {"body_hash": body_hash, "repairs": str(FAILED)}
    for name, value in (("source", "other"), ("rights", "secret"), ("received_at", "2026-01-01T00:00:00Z")):
        assert refused(record, patch={name: value}).path == name
    assert refused(record, patch={"event_id": str(UUID(int=5))}).path == "event_id"


def test_a_record_that_says_nothing_of_its_origin_takes_what_a_repair_says() -> None:
    later = datetime(2026, 4, 1, tzinfo=UTC)
    broken = {"type": "page.viewed", "ids": [{"kind": "user_id", "value": "u1"}], "received_at": "soon"}
    record = kept(broken, via="fold", source="log", rights="public", received_at=later)
    envelope = repaired(record, patch={"source": "till", "properties": {"path": "/"}})
    assert (envelope["source"], envelope["rights"]) == ("till", "secret")
    assert envelope["received_at"] == envelope["occurred_at"] == "2026-04-01T00:00:00.000000Z"
    assert envelope["event_id"] == str(ANEW)
    assert refused(record, patch={"ids": [{"kind": "user_id"}]}).path.startswith("ids")
    assert repaired(kept("\ufffd", via="fold", source="log"), item=PAGE)["source"] == "log"
