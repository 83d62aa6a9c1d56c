"""The catalogue: what every type promises, and what is known of its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kizuna.schemas.catalogue import MODULES, model_of
from kizuna.schemas.custom import CustomEvent
from kizuna.schemas.examples import example
from kizuna.schemas.fields import field_kind, personal_class
from kizuna.schemas.payload import MODELS, Payload, event

MASTER = {"product.updated", "store.updated", "staff.updated"}
STAFF_WORK = {"company.updated", "entity.attributed", "treatment.noted", "activity.logged", "note.added"}
OF_ENTITIES = {
    kind: {type_ for type_ in MODELS if type_.startswith(f"{kind}.")}
    for kind in ("order", "ticket", "visit", "deal", "contract", "task", "company")
}


def fields(model: type[BaseModel], under: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a model and of its parts, with its path."""
    for name, info in model.__pydantic_fields__.items():
        yield f"{under}{name}", info
        for part in parts(info.annotation):
            yield from fields(part, f"{under}{name}.")


def parts(annotation: object) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) is Annotated:
        yield from parts(get_args(annotation)[0])
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from parts(argument)


def test_the_kinds_of_this_issue_are_there() -> None:
    families = {type_.split(".")[0] for type_ in MODELS}
    assert families == {
        *("order", "payment", "coupon", "cart", "checkout", "page", "screen", "product", "form", "email"),
        *("ticket", "visit", "treatment", "deal", "contract", "activity", "task", "note", "customer"),
        *("company", "consent", "campaign", "entity", "store", "staff"),
    }
    assert len(MODELS) == 70


@pytest.mark.parametrize("type_", MODELS)
def test_a_type_is_named_and_described(type_: str) -> None:
    model = MODELS[type_]
    assert re.fullmatch(r"[a-z]+(\.[a-z]+(_[a-z]+)*)+", type_)
    assert model_of(type_) is model
    assert type_ == model.TYPE
    assert model.VERSION >= 1
    assert "__doc__" in vars(model)
    assert model.__doc__
    assert model.__doc__.split()[0][0].isupper()
    for path, info in fields(model):
        assert info.description, f"{type_} {path} has no description"
        assert info.description.endswith("."), f"{type_} {path}: a description is a sentence"


@pytest.mark.parametrize("type_", MODELS)
def test_minutes_are_named_and_amounts_have_a_currency(type_: str) -> None:
    paths = dict(fields(MODELS[type_]))
    for path in paths:
        assert not path.endswith(("duration", "length", "seconds"))
        if field_kind(type_, path) == "money" and "." not in path:
            assert "currency" in paths


def test_only_these_types_need_a_secret_key() -> None:
    assert {type_ for type_, model in MODELS.items() if not model.PUBLIC} == (
        MASTER | STAFF_WORK | OF_ENTITIES["deal"] | OF_ENTITIES["contract"] | OF_ENTITIES["task"]
    )


def test_entities() -> None:
    assert {type_: model.ENTITY for type_, model in MODELS.items() if model.ENTITY} == {
        type_: kind for kind, types in OF_ENTITIES.items() for type_ in types
    }
    for model in MODELS.values():
        kinds = [kind for kind, _ in model.ENTITY_FIELDS]
        assert all(name == f"{kind}_id" for kind, name in model.ENTITY_FIELDS)
        assert kinds[:1] == [model.ENTITY] or model.ENTITY is None
        assert "company" not in kinds[2:], "the company stands right after the own entity"
    assert [kind for kind, _ in MODELS["note.added"].ENTITY_FIELDS] == [
        *("company", "order", "visit", "ticket", "deal", "contract"),
    ]


@pytest.mark.parametrize(
    ("type_", "known"),
    [
        ("custom.quiz_finished", True),
        ("custom.quiz.finished_2", True),
        ("custom", False),
        ("custom.", False),
        ("custom.Quiz", False),
        ("custom.2nd", False),
        ("custom.a..b", False),
        ("custom.quiz_finished\n", False),
        ("order.complete", False),
        ("", False),
    ],
)
def test_custom_names(type_: str, known: bool) -> None:
    assert model_of(type_) is (CustomEvent if known else None)


def test_a_type_is_registered_once() -> None:
    with pytest.raises(ValueError, match=r"page\.viewed is registered twice"):
        event("page.viewed")(type("Again", (Payload,), {}))


def test_the_modules_hold_every_type() -> None:
    names = [module.__name__ for module in MODULES]
    assert {model.__module__ for model in MODELS.values()} == set(names)


@pytest.mark.parametrize("type_", MODELS)
def test_an_example_shows_only_fields_that_exist(type_: str) -> None:
    properties = example(type_)["properties"]
    assert isinstance(properties, dict)
    assert properties.keys() - MODELS[type_].__pydantic_fields__.keys() <= {"shoe_size"}


def test_there_is_no_example_of_an_unknown_type() -> None:
    for type_ in ("order.complete", "custom.Quiz"):
        with pytest.raises(KeyError):
            example(type_)


@pytest.mark.parametrize(
    ("type_", "path", "kind"),
    [
        ("order.completed", "total", "money"),
        ("order.completed", "currency", "text"),
        ("order.completed", "points_used", "number"),
        ("order.completed", "tax_included", "boolean"),
        ("order.completed", "business_date", "date"),
        ("order.completed", "lines", "object"),
        ("order.completed", "lines.sku", None),
        ("payment.succeeded", "amount", "money"),
        ("deal.created", "probability", "number"),
        ("product.searched", "results", "integer"),
        ("visit.booked", "starts_at", "moment"),
        ("visit.completed", "next_booking", "moment"),
        ("email.bounced", "bounce_type", "text"),
        ("customer.identified", "address", "object"),
        ("customer.identified", "address.city", "text"),
        ("customer.identified", "address.city.x", None),
        ("customer.identified", "shoe_size", None),
        ("form.submitted", "fields", "object"),
        ("form.submitted", "fields.topic", None),
        ("note.added", "tags", "object"),
        ("custom.quiz", "score", None),
        ("order.complete", "total", None),
        ("order.completed", "", None),
    ],
)
def test_kinds_of_fields(type_: str, path: str, kind: str | None) -> None:
    assert field_kind(type_, path) == kind


def test_every_field_has_a_kind() -> None:
    for type_, model in MODELS.items():
        for name in model.__pydantic_fields__:
            assert field_kind(type_, name) is not None


@pytest.mark.parametrize(
    ("type_", "path", "class_"),
    [
        ("customer.identified", "family_name_kana", "identity"),
        ("customer.identified", "birthday", "identity"),
        ("customer.identified", "phone", "contact"),
        ("customer.identified", "address", "contact"),
        ("customer.identified", "address.city", "contact"),
        ("customer.identified", "address.unknown", "contact"),
        ("customer.identified", "language", None),
        ("form.submitted", "fields.topic", "free_text"),
        ("ticket.opened", "text", "free_text"),
        ("treatment.noted", "text", "sensitive"),
        ("order.completed", "total", None),
        ("custom.quiz", "email", None),
    ],
)
def test_classes_of_personal_data(type_: str, path: str, class_: str | None) -> None:
    assert personal_class(type_, path) == class_


def test_what_people_write_is_marked() -> None:
    for type_, model in MODELS.items():
        for path, _ in fields(model):
            if path.split(".")[-1] in {"text", "comment", "query", "email", "phone", "birthday", "gender"}:
                assert personal_class(type_, path), f"{type_} {path}"
