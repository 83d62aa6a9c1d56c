"""The door: what is accepted, and how it is sealed."""

from __future__ import annotations

import json
import uuid
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.schemas.admission import Accepted, event_id_for
from kizuna.schemas.envelope import Envelope
from kizuna.schemas.examples import example
from kizuna.schemas.identifiers import subject_id
from kizuna.schemas.payload import MODELS
from kizuna.schemas.refusal import Refusal
from tests.door import KEY, NEW, accept, order, send


def test_a_whole_envelope() -> None:
    item = {
        "type": "order.completed",
        "message_id": "m-1",
        "occurred_at": "2026-03-14T20:59:00+09:00",
        "sent_at": "2026-03-14T21:01:00+09:00",
        "ids": {"email": " Hanako@Example.com ", "user_id": "C-1"},
        "entities": [{"kind": "visit", "id": "V-1", "namespace": "salon"}],
        "properties": {"order_id": "A-1", "currency": "JPY", "total": 1200, "gift": True, "note": None},
        "context": {"locale": "ja-JP"},
        "actor": {"kind": "staff", "id": "S-1"},
        "channel": "store",
        "place": {"store": "ginza", "register": "2"},
        "caused_by": "00000000-0000-0000-0000-000000000009",
        "attachments": [{"hash": "a" * 64, "media_type": "image/png", "place": "receipts/1.png"}],
        "test": True,
    }
    envelope = accept(item)
    assert envelope.pop("body_hash") == accept({**item, "sent_at": None, "context": {}})["body_hash"]
    assert envelope == {
        "event_id": str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, "kizuna:source:shop"), "m-1")),
        "type": "order.completed",
        "version": 1,
        "occurred_at": "2026-03-14T11:58:00.000000Z",
        "received_at": "2026-03-14T12:00:00.000000Z",
        "sent_at": "2026-03-14T12:01:00.000000Z",
        "original_timestamp": "2026-03-14T11:59:00.000000Z",
        "source": "shop",
        "rights": "secret",
        "ids": [{"kind": "user_id", "value": "C-1"}, {"kind": "email", "value": "hanako@example.com"}],
        "entities": [
            {"kind": "order", "namespace": "shop", "id": "A-1"},
            {"kind": "visit", "namespace": "salon", "id": "V-1"},
        ],
        "properties": {"order_id": "A-1", "currency": "JPY", "lines": [], "total": "1200.0000", "gift": True},
        "context": {"locale": "ja-JP"},
        "actor": {"kind": "staff", "id": "S-1"},
        "channel": "store",
        "place": {"store": "ginza", "register": "2"},
        "caused_by": "00000000-0000-0000-0000-000000000009",
        "attachments": [{"hash": "a" * 64, "media_type": "image/png", "place": "receipts/1.png"}],
        "test": True,
    }


def test_the_least_envelope() -> None:
    envelope = accept({"type": "custom.quiz_finished"})
    assert set(envelope) == {
        *("event_id", "type", "version", "occurred_at", "received_at", "source", "rights"),
        *("ids", "entities", "properties", "body_hash"),
    }
    assert envelope["event_id"] == str(NEW)
    assert envelope["occurred_at"] == envelope["received_at"]


@pytest.mark.parametrize("type_", [*MODELS, "custom.quiz.finished_2"])
def test_an_example_becomes_an_envelope(type_: str) -> None:
    result = send(example(type_))
    assert isinstance(result, Accepted), result
    envelope = Envelope.model_validate_json(result.value)
    kept = "note.added" if type_ == "event.corrected" else type_
    assert (envelope.event_id, envelope.type) == (result.event_id, kept)
    assert len(result.key) == 16


@pytest.mark.parametrize(
    ("properties", "total"),
    [
        ({"total": 0}, "0"),
        ({"total": "12.5", "lines": [{"unit_price": 99}]}, "12.5"),
        ({"total": None, "lines": [{"unit_price": 99}]}, "99"),
        ({"lines": [{"unit_price": "4900", "quantity": 2}, {"unit_price": 700, "discount": 200}]}, "10300"),
        ({"lines": [{"unit_price": 100}], "shipping": 50, "tax": 10}, "160"),
        ({"lines": [{"unit_price": 100}], "shipping": 50, "tax": 10, "tax_included": True}, "150"),
        ({"lines": [{"unit_price": 100}], "discount": 30}, "70"),
        ({"subtotal": 80, "shipping": 5, "tax": "0.5"}, "85.5"),
        ({"subtotal": 80, "lines": [{"name": "no price"}]}, "80"),
        ({"lines": [{"unit_price": "0.3333", "quantity": "0.5"}]}, "0.1667"),
        ({"lines": [{"unit_price": 10}, {"unit_price": 4, "quantity": -1}]}, "6"),
    ],
)
def test_the_total_of_an_order(properties: dict[str, object], total: str) -> None:
    assert Decimal(accept(order(**properties))["properties"]["total"]) == Decimal(total)


cents = st.integers(0, 10**9)
lines = st.lists(
    st.fixed_dictionaries({"unit_price": cents, "quantity": st.integers(1, 100_000), "discount": cents}),
    min_size=1,
    max_size=5,
)


@given(lines, cents, cents, cents, st.booleans())
def test_the_total_is_the_sum_in_ten_thousandths(
    bought: list[dict[str, int]], shipping: int, tax: int, discount: int, included: bool
) -> None:
    """Amounts here are whole ten thousandths; so are quantities, and the products end at eight decimals."""

    def written(units: int) -> str:
        return str(Decimal(units).scaleb(-4))

    units = sum(line["unit_price"] * line["quantity"] - line["discount"] * 10_000 for line in bought)
    units += (shipping - discount + (0 if included else tax)) * 10_000
    result = send(
        order(
            lines=[{name: written(value) for name, value in line.items()} for line in bought],
            shipping=written(shipping),
            tax=written(tax),
            discount=written(discount),
            tax_included=included,
        )
    )
    if units < 0:
        assert isinstance(result, Refusal)
        assert result.path == "properties.total"
    else:
        expected = Decimal(units).scaleb(-8).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        assert isinstance(result, Accepted)
        assert Decimal(json.loads(result.value)["properties"]["total"]) == expected


def test_the_amount_of_a_refund() -> None:
    given_back = {"currency": "JPY", "lines": [{"unit_price": "19.99", "quantity": 3, "discount": "0.97"}]}
    envelope = accept({"type": "order.refunded", "properties": given_back})
    assert envelope["properties"]["amount"] == "59.0000"
    assert envelope["entities"] == []
    known = accept({"type": "order.refunded", "properties": {**given_back, "order_id": "A-1", "amount": "5"}})
    assert known["properties"]["amount"] == "5.0000"
    assert known["entities"] == [{"kind": "order", "namespace": "shop", "id": "A-1"}]


def test_identifiers_stand_strongest_first_each_once() -> None:
    ids = {
        "anonymous_id": "a",
        "x_crm": "7",
        "email": ["B@example.com", "b@example.com"],
        "user_id": ["new", "old"],
    }
    assert [(one["kind"], one["value"]) for one in accept({"type": "page.viewed", "ids": ids})["ids"]] == [
        ("user_id", "new"),
        ("user_id", "old"),
        ("email", "b@example.com"),
        ("x_crm", "7"),
        ("anonymous_id", "a"),
    ]


def test_entities_its_own_then_the_company_then_other_fields_then_those_named() -> None:
    item = {
        "type": "task.created",
        "properties": {"task_id": "T", "title": "Call", "company_id": "Ｋ-9", "deal_id": "D"},
        "entities": [
            {"kind": "ticket", "id": "7"},
            {"kind": "deal", "id": "D", "namespace": "crm"},
            {"kind": "task", "id": "T"},
            {"kind": "company", "id": "K-9", "namespace": "crm"},
            {"kind": "order", "id": "1", "namespace": "till"},
            {"kind": "order", "id": "1"},
        ],
    }
    assert [(one["kind"], one["namespace"], one["id"]) for one in accept(item)["entities"]] == [
        ("task", "shop", "T"),
        ("company", "", "K-9"),
        ("deal", "crm", "D"),
        ("ticket", "shop", "7"),
        ("order", "till", "1"),
        ("order", "shop", "1"),
    ]


@pytest.mark.parametrize(
    ("item", "subject"),
    [
        ({"type": "page.viewed", "ids": {"email": "A@example.com", "user_id": "C-1"}}, ("user_id", "C-1")),
        (example("deal.won"), ("company", "K-9")),
        (example("visit.no_show"), ("visit", "shop\x1fV-77")),
    ],
)
def test_the_key_is_the_subject(item: object, subject: tuple[str, str]) -> None:
    result = send(item)
    assert isinstance(result, Accepted)
    assert result.key == subject_id(KEY, *subject).bytes


def test_the_key_of_an_event_about_nothing_is_its_id() -> None:
    result = send({"type": "custom.tick"})
    assert isinstance(result, Accepted)
    assert result.key == NEW.bytes


@given(st.text(max_size=20), st.text(min_size=1, max_size=100))
def test_the_event_id_is_uuid5_of_source_and_message_id(source: str, message_id: str) -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"kizuna:source:{source}")
    assert event_id_for(source, message_id) == uuid.uuid5(namespace, message_id)


def test_a_given_event_id_is_taken() -> None:
    item = {"type": "page.viewed", "event_id": str(UUID(int=3)), "message_id": "m"}
    assert accept(item)["event_id"] == str(UUID(int=3))


def hash_of(**changed: object) -> str:
    item = {
        "type": "custom.quiz",
        "occurred_at": "2026-03-14T10:00:00Z",
        "ids": {"user_id": "C-1", "email": "a@example.com"},
        "properties": {"a": 1, "b": {"c": [1, 2], "d": "x"}},
    }
    digest: str = accept({**item, **changed})["body_hash"]
    return digest


@pytest.mark.parametrize(
    "changed",
    [
        {"message_id": "another"},
        {"sent_at": "2026-03-14T10:00:05Z"},
        {"context": {"ip": "192.0.2.1"}},
        {"channel": "web"},
        {"occurred_at": "2026-03-14T19:00:00+09:00"},
        {"ids": {"email": "A@Example.com", "user_id": " C-1"}},
        {"properties": {"b": {"d": "x", "c": [1.0, 2]}, "a": 1.0}},
    ],
)
def test_the_hash_stays_the_same(changed: dict[str, object]) -> None:
    assert hash_of(**changed) == hash_of()


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "custom.other"},
        {"occurred_at": "2026-03-14T10:00:00.000001Z"},
        {"occurred_at": None},
        {"ids": {"user_id": "C-2", "email": "a@example.com"}},
        {"ids": {"user_id": "C-1"}},
        {"properties": {"a": 1, "b": {"c": [2, 1], "d": "x"}}},
        {"properties": {"a": "1", "b": {"c": [1, 2], "d": "x"}}},
        {"properties": {"a": True, "b": {"c": [1, 2], "d": "x"}}},
    ],
)
def test_the_hash_changes(changed: dict[str, object]) -> None:
    assert hash_of(**changed) != hash_of()
