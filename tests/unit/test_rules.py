"""Rules of single event types, beyond the kinds of their fields."""

from __future__ import annotations

from typing import Any

import pytest

from kizuna.schemas.examples import example
from tests.door import accept, refuse


def changed(type_: str, *left_out: str, **properties: object) -> dict[str, Any]:
    """The example of a type with other properties."""
    item = example(type_)
    sent = item["properties"]
    assert isinstance(sent, dict)
    kept = {name: value for name, value in {**sent, **properties}.items() if name not in left_out}
    return {**item, "properties": kept}


SOMEBODY = {"kind": "card", "value": "1"}


@pytest.mark.parametrize(
    ("item", "path", "words"),
    [
        (changed("relation.linked", "person"), "properties", "send one of person, company_id, household_id"),
        (changed("relation.linked", company_id="K-9"), "properties", "send one of"),
        (changed("relation.linked", person={"kind": "fax", "value": "1"}), "properties.person.kind", ""),
        (
            changed("relation.linked", person={"kind": "email", "value": " "}),
            "properties.person.value",
            "empty",
        ),
        (
            changed("customer.split", identifiers=[SOMEBODY, {"kind": "card"}]),
            "properties.identifiers.1.value",
            "",
        ),
        (changed("customer.split", identifiers=[]), "properties.identifiers", ""),
        (changed("loyalty.points_earned", points=0), "properties.points", "greater than 0"),
        (changed("loyalty.points_adjusted", points=0), "properties.points", "nothing was adjusted"),
        (changed("loyalty.stamps_adjusted", stamps="0.0"), "properties.stamps", "nothing was adjusted"),
        (changed("survey.answered", score=11), "properties", "score is above scale"),
        (changed("ticket.rated", score=6), "properties", "score is above scale"),
        (changed("quote.created", "currency"), "properties", "send currency"),
        (changed("field.set", value=None), "properties.value", "send field.unset"),
        (changed("exchange_rate.updated", rate=0), "properties.rate", "greater than 0"),
        (changed("exchange_rate.updated", rate="-1"), "properties.rate", "greater than 0"),
        ({**changed("tag.added"), "ids": {}}, "ids", "a person or an entity"),
        ({**changed("field.unset", "order_id"), "ids": {}}, "ids", "a person or an entity"),
        ({**changed("relation.linked"), "ids": {}}, "ids", "at least an identifier"),
        ({**changed("loyalty.withdrawn"), "ids": {}}, "ids", "at least an identifier"),
    ],
)
def test_what_would_mean_nothing_is_refused(item: dict[str, Any], path: str, words: str) -> None:
    refusal = refuse(item)
    assert refusal.path == path, refusal
    assert words in refusal.reason


def test_somebody_else_is_named_in_normal_form() -> None:
    other = {"kind": "email", "value": " Yui.Kato@Example.com"}
    for type_, field in (
        ("customer.merged", "other"),
        ("relation.linked", "person"),
        ("referral.made", "friend"),
    ):
        kept = accept(changed(type_, **{field: other}))["properties"][field]
        assert kept == {"kind": "email", "value": "yui.kato@example.com"}


def test_somebody_else_is_not_the_person_of_the_event() -> None:
    for type_ in ("customer.merged", "customer.unmerged", "customer.link_forbidden", "customer.split"):
        assert accept(example(type_))["ids"] == [{"kind": "user_id", "value": "C-1042"}]


@pytest.mark.parametrize("value", [True, 7, 2.5, "x", ["a", None], {"code": [1, {"b": False}]}])
def test_a_field_takes_any_value(value: object) -> None:
    assert accept(changed("field.set", value=value))["properties"]["value"] == value


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (162.48, "162.48"),
        ("0.0061546", "0.0061546"),
        (0.1 + 0.2, "0.3"),
        (1, "1"),
        ("12345678901234", "12345678901234"),
    ],
)
def test_a_rate_is_kept_exactly(sent: object, kept: str) -> None:
    assert accept(changed("exchange_rate.updated", rate=sent))["properties"]["rate"] == kept


def test_a_tag_may_be_of_a_thing_that_the_event_only_names() -> None:
    item = {"type": "tag.added", "entities": [{"kind": "campaign", "id": "C"}], "properties": {"tag": "x"}}
    assert accept(item)["entities"] == [{"kind": "campaign", "namespace": "shop", "id": "C"}]
