"""The door: what is refused and why; and nothing at all breaks it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.schemas import codec
from kizuna.schemas.admission import Accepted
from kizuna.schemas.envelope import Envelope
from kizuna.schemas.examples import example
from kizuna.schemas.payload import MODELS
from kizuna.schemas.refusal import Refusal
from kizuna.schemas.submission import Submission
from tests.door import accept, order, refuse, send

PERSON = {"user_id": "C-1"}


@pytest.mark.parametrize(
    ("item", "code", "path"),
    [
        (None, "invalid", ""),
        ([], "invalid", ""),
        ("text", "invalid", ""),
        ({}, "invalid", "type"),
        ({"type": ""}, "invalid", "type"),
        ({"type": 5}, "invalid", "type"),
        ({"type": "page.viewed", "userId": "1"}, "invalid", "userId"),
        ({"type": "page.view"}, "unknown_type", "type"),
        ({"type": "x" * 200}, "unknown_type", "type"),
        ({"type": "custom.Quiz"}, "unknown_type", "type"),
        ({"type": "custom."}, "unknown_type", "type"),
        ({"type": "page.viewed", "message_id": "x" * 101}, "invalid", "message_id"),
        ({"type": "page.viewed", "event_id": "no uuid"}, "invalid", "event_id"),
        ({"type": "page.viewed", "version": 0}, "invalid", "version"),
        ({"type": "page.viewed", "version": 2}, "invalid", "version"),
        ({"type": "page.viewed", "occurred_at": "yesterday"}, "invalid", "occurred_at"),
        ({"type": "page.viewed", "occurred_at": "2026-03-14T10:00:00"}, "invalid", "occurred_at"),
        ({"type": "page.viewed", "occurred_at": "1800-01-01T00:00:00Z"}, "invalid", "occurred_at"),
        ({"type": "page.viewed", "ids": {"email": 5}}, "invalid", "ids.email"),
        ({"type": "page.viewed", "ids": {"email": ["a@example.com", {}]}}, "invalid", "ids.email.1"),
        ({"type": "page.viewed", "ids": {"email": " "}}, "invalid", "ids.email"),
        ({"type": "page.viewed", "ids": {"userId": "1"}}, "invalid", "ids.userId"),
        ({"type": "page.viewed", "ids": {"company": "1"}}, "invalid", "ids.company"),
        ({"type": "page.viewed", "properties": []}, "invalid", "properties"),
        ({"type": "page.viewed", "properties": {"a": 1e300}}, "invalid_json", "properties"),
        ({"type": "page.viewed", "context": {"a": "x" * codec.MAX_ITEM_BYTES}}, "too_large", "context"),
        ({"type": "page.viewed", "entities": [{"kind": "person", "id": "1"}]}, "invalid", "entities.0.kind"),
        ({"type": "page.viewed", "entities": [{"kind": "order", "id": "a\nb"}]}, "invalid", "entities.0.id"),
        ({"type": "page.viewed", "place": {"shop": "1"}}, "invalid", "place.shop"),
        ({"type": "page.viewed", "properties": {"path": 5}}, "invalid", "properties.path"),
        ({"type": "deal.lost", "properties": {"deal_id": "1", "company_id": "\ufdfa" * 20}}, "invalid",
         "properties.company_id"),
        ({"type": "page.viewed", "entities": [{"kind": "company", "id": "\ufdfa" * 20}]}, "invalid",
         "entities.0.id"),
        ({"type": "page.viewed", "occurred_at": 1_700_000_000}, "invalid", "occurred_at"),
        ({"type": "page.viewed", "occurred_at": "20260131"}, "invalid", "occurred_at"),
        ({"type": "customer.identified", "ids": PERSON, "properties": {"birthday": "0"}}, "invalid",
         "properties.birthday"),
        (order(order_id=None), "invalid", "properties.order_id"),
        (order(currency="yen"), "invalid", "properties.currency"),
        (order(lines=[{"quantity": "many"}]), "invalid", "properties.lines.0.quantity"),
        (order(lines=[{}, {"unit_price": 1.00001}]), "invalid", "properties.lines.1.unit_price"),
        (order(total=-1), "invalid", "properties.total"),
        (order(), "invalid", "properties.total"),
        (order(lines=[{"unit_price": 5}, {"name": "no price"}]), "invalid", "properties.total"),
        (order(lines=[{"unit_price": -5}]), "invalid", "properties.total"),
        (order(lines=[{"unit_price": 10**13, "quantity": 10**13}]), "invalid", "properties.total"),
        ({"type": "order.updated", "properties": {"order_id": "1", "lines": []}}, "invalid", "properties"),
        ({"type": "order.refunded", "properties": {"currency": "JPY"}}, "invalid", "properties.amount"),
        ({"type": "order.refunded", "properties": {"currency": "JPY", "amount": 0}}, "invalid",
         "properties.amount"),
        ({"type": "coupon.issued", "ids": PERSON}, "invalid", "properties"),
        ({"type": "ticket.rated", "properties": {"ticket_id": "1", "score": 6, "scale": 5}}, "invalid",
         "properties"),
        ({"type": "visit.completed", "properties": {"visit_id": "1", "total": 5}}, "invalid", "properties"),
        ({"type": "deal.created", "properties": {"deal_id": "1", "amount": 5}}, "invalid", "properties"),
        ({"type": "contract.signed", "properties": {"contract_id": "1", "starts_on": "2026-02-01",
                                                    "ends_on": "2026-01-31"}}, "invalid", "properties"),
        ({"type": "customer.identified"}, "no_identity", "ids"),
        ({"type": "customer.aliased", "ids": PERSON}, "no_identity", "ids"),
        ({"type": "customer.aliased", "ids": {"user_id": ["C-1", " C-1"]}}, "no_identity", "ids"),
        ({"type": "consent.given", "properties": {"purpose": "mail"}}, "no_identity", "ids"),
        ({"type": "entity.attributed", "ids": PERSON}, "no_identity", "entities"),
        ({"type": "entity.attributed", "ids": PERSON, "entities": [{"kind": "company", "id": "1"}]},
         "no_identity", "entities"),
        ({"type": "entity.attributed", "ids": PERSON, "entities": [{"kind": "order", "id": "1"},
                                                                   {"kind": "ticket", "id": "1"}]},
         "invalid", "entities"),
        ({"type": "entity.attributed", "entities": [{"kind": "order", "id": "1"}]}, "no_identity", "ids"),
    ],
)  # fmt: skip
def test_a_refusal_names_code_and_place(item: object, code: str, path: str) -> None:
    refusal = refuse(item)
    assert (refusal.code, refusal.path) == (code, path)
    assert refusal.reason


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"type": "order.complete"}, "did you mean order.completed?"),
        ({"type": "quiz finished"}, "custom.quiz_finished"),
        (order(), "send total, or subtotal, or lines that all have a unit_price"),
        ({"type": "order.refunded", "properties": {"currency": "JPY"}}, "send amount, or lines"),
        ({"type": "order.updated", "properties": {"order_id": "1", "lines": []}}, "send total"),
        ({"type": "customer.aliased", "ids": PERSON}, "at least two identifiers"),
        ({"type": "email.bounced", "version": 3}, "the latest version of email.bounced is 2"),
        ({"type": "page.viewed", "ids": {"userId": "1"}}, "use user_id, card, email"),
    ],
)
def test_a_refusal_says_what_to_send(item: object, words: str) -> None:
    assert words in refuse(item).reason


def test_a_long_path_is_cut() -> None:
    assert len(refuse({"type": "page.viewed", "x" * 5_000: 1}).path) == 200
    assert len(refuse({"type": "page.viewed", "ids": {"x" * 5_000: "1"}}).path) == 200


@pytest.mark.parametrize(
    "item",
    [
        {"type": "page.viewed", "attachments": [{}] * 400_000},
        {"type": "page.viewed", "entities": [{str(number): 1 for number in range(200_000)}]},
        {"type": "page.viewed", **{str(number): 1 for number in range(200_000)}},
    ],
    ids=["attachments", "entities", "unknown"],
)
def test_very_many_mistakes_take_no_time(item: dict[str, object]) -> None:
    began = time.process_time()
    assert "of its parts are wrong" in refuse(item).reason
    assert time.process_time() - began < 2


def test_a_public_key_names_a_person_no_event_id_no_namespace_and_sends_no_staff_work() -> None:
    assert accept({"type": "page.viewed", "ids": {"anonymous_id": "a"}}, "public")["rights"] == "public"
    assert refuse({"type": "page.viewed"}, "public").code == "no_identity"
    chosen = {"type": "page.viewed", "ids": {"anonymous_id": "a"}, "event_id": str(UUID(int=3))}
    assert (refuse(chosen, "public").code, refuse(chosen, "public").path) == ("not_allowed", "event_id")
    foreign = {**chosen, "entities": [{"kind": "order", "id": "1001", "namespace": "till-1"}]}
    del foreign["event_id"]
    assert (refuse(foreign, "public").code, refuse(foreign, "public").path) == ("not_allowed", "entities")
    for type_, model in MODELS.items():
        result = send(example(type_), "public")
        if not model.PUBLIC:
            assert result == Refusal("not_allowed", "type", f"{type_} takes a secret write key")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
fields = sorted(Submission.__pydantic_fields__)


def outcome(item: object) -> None:
    """Accepted, and readable; or refused, with a reason."""
    for result in (send(item, "secret"), send(item, "public")):
        if isinstance(result, Accepted):
            assert Envelope.model_validate_json(result.value).type == result.type
        else:
            assert result.reason


@given(json_values)
def test_no_json_value_breaks_the_door(item: object) -> None:
    outcome(item)


@given(st.sampled_from(list(MODELS)), st.sampled_from(fields), json_values)
def test_no_value_of_a_field_breaks_the_door(type_: str, field: str, value: object) -> None:
    outcome({**example(type_), field: value})


@given(st.data())
def test_no_value_of_a_property_breaks_the_door(data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(list(MODELS)))
    item = example(type_)
    properties = item["properties"]
    assert isinstance(properties, dict)
    names = sorted(MODELS[type_].__pydantic_fields__)
    changed = data.draw(st.dictionaries(st.sampled_from(names or ["x"]), json_values, max_size=3))
    outcome({**item, "properties": {**properties, **changed}})


ODD_NAMES = (
    "",
    "model_config",
    "__class__",
    "__dict__",
    "TYPE",
    "ENTITY",
    "model_extra",
    "a.b",
    "$ref",
    "\x00",
    "名",
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_property_names_are_kept(name: str) -> None:
    assert accept({"type": "page.viewed", "properties": {name: {"x": [1]}}})["properties"] == {
        name: {"x": [1]}
    }


@pytest.mark.data
def test_naughty_strings_are_kept_as_they_are_or_refused(shared_data: Path) -> None:
    strings: list[str] = json.loads((shared_data / "malformed/blns/blns.json").read_bytes())
    assert len(strings) > 400
    for text in strings:
        for item in (text, {"type": text}, {"type": "page.viewed", "ids": {text: "x"}, text: text}):
            outcome(item)
        properties = {"title": text[:500], "own": {text: [text]}}
        kept = accept({"type": "page.viewed", "properties": properties, "context": {"agent": text}})
        assert kept["properties"] == properties
        assert kept["context"] == {"agent": text}
        for kind in ("user_id", "email"):
            result = send({"type": "page.viewed", "ids": {kind: text}})
            assert isinstance(result, Accepted) or result.path == f"ids.{kind}"
