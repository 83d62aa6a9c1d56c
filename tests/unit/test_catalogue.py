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
from kizuna.schemas.payload import MODELS, Part, Payload, event

MASTER = {"product.updated", "store.updated", "staff.updated", "exchange_rate.updated"}
STAFF_WORK = {
    *("entity.attributed", "treatment.noted", "activity.logged", "note.added", "customer.owner_changed"),
    *("ticket.escalated", "ticket.merged", "complaint.resolved", "survey.sent", "referral.converted"),
    *("campaign.spend_recorded", "customer.merged", "customer.unmerged", "customer.link_forbidden"),
    *("customer.split", "event.corrected", "event.retracted"),
}
"""What a browser must not say, besides all of `SECRET_FAMILIES`."""
SECRET_FAMILIES = {
    *("deal", "contract", "task", "company", "invoice", "fulfilment", "lead", "quote", "call", "social"),
    *("post", "relation", "tag", "field"),
}
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
        if issubclass(annotation, Part):
            yield annotation
    else:
        for argument in get_args(annotation):
            yield from parts(argument)


FAMILIES = {
    "order": "completed updated cancelled refunded",
    "payment": "succeeded failed refunded",
    "coupon": "issued applied denied redeemed expired",
    "cart": "updated viewed product_added product_removed",
    "checkout": "started step_viewed step_completed",
    "invoice": "issued paid overdue",
    "fulfilment": "shipped delivered returned",
    "loyalty": "enrolled points_earned points_redeemed points_expired points_adjusted stamps_earned "
    "stamps_redeemed stamps_expired stamps_adjusted tier_changed card_replaced withdrawn",
    "page": "viewed",
    "screen": "viewed",
    "product": "viewed listed searched wishlisted unwishlisted reviewed shared updated",
    "promotion": "viewed clicked",
    "site": "searched",
    "session": "started ended",
    "usage": "recorded",
    "experiment": "viewed",
    "form": "submitted",
    "email": "sent delivered opened clicked bounced complained unsubscribed",
    "sms": "sent delivered opened clicked bounced complained unsubscribed",
    "line": "sent delivered opened clicked bounced complained unsubscribed",
    "push": "sent delivered opened clicked bounced complained unsubscribed",
    "post": "sent delivered opened clicked bounced complained unsubscribed",
    "call": "completed missed",
    "chat": "started replied ended",
    "social": "mentioned reacted",
    "ticket": "opened replied assigned status_changed priority_changed escalated merged solved reopened "
    "rated",
    "complaint": "received resolved",
    "survey": "sent answered",
    "referral": "made converted",
    "visit": "booked rescheduled completed cancelled no_show",
    "treatment": "noted",
    "lead": "created scored qualified handed_over accepted converted",
    "deal": "created stage_changed amount_changed owner_changed close_date_changed contact_added won lost",
    "quote": "created sent accepted declined expired",
    "contract": "signed renewed plan_changed notice_given ended",
    "activity": "logged",
    "task": "created updated completed cancelled",
    "campaign": "member_added spend_recorded",
    "ad": "clicked",
    "customer": "identified aliased grouped owner_changed merged unmerged split link_forbidden",
    "company": "updated owner_changed",
    "consent": "given withdrawn",
    "entity": "attributed",
    "relation": "linked unlinked",
    "note": "added",
    "tag": "added removed",
    "field": "set unset",
    "store": "updated",
    "staff": "updated",
    "exchange_rate": "updated",
    "event": "retracted corrected",
}


def test_every_kind_of_touchpoint_is_there() -> None:
    assert set(MODELS) == {f"{noun}.{verb}" for noun, verbs in FAMILIES.items() for verb in verbs.split()}


@pytest.mark.parametrize("type_", MODELS)
def test_a_type_is_named_and_described(type_: str) -> None:
    model = MODELS[type_]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", type_)
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
    loyalty = {type_ for type_ in MODELS if type_.startswith("loyalty.")} - {"loyalty.enrolled"}
    families = {type_ for type_ in MODELS if type_.split(".")[0] in SECRET_FAMILIES}
    assert {type_ for type_, model in MODELS.items() if not model.PUBLIC} == (
        MASTER | STAFF_WORK | families | loyalty
    )


def test_what_an_event_must_name() -> None:
    assert {type_ for type_, model in MODELS.items() if model.MIN_IDS} == {
        *(type_ for type_ in MODELS if type_.split(".")[0] in {"customer", "consent", "loyalty", "relation"}),
        *("campaign.member_added", "entity.attributed", "referral.made", "referral.converted"),
    }
    assert [type_ for type_, model in MODELS.items() if model.ONE_THING] == ["entity.attributed"]
    assert {type_ for type_, model in MODELS.items() if model.MIN_NAMED} == {
        *("tag.added", "tag.removed", "field.set", "field.unset"),
    }


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
        *("company", "order", "visit", "ticket", "deal", "contract", "task"),
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
        ("field.set", "value", "object"),
        ("exchange_rate.updated", "rate", "number"),
        ("invoice.issued", "amount", "money"),
        ("loyalty.points_adjusted", "points", "number"),
        ("relation.linked", "person.kind", "text"),
        ("event.retracted", "event_id", "text"),
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
        ("relation.linked", "person.value", "contact"),
        ("customer.split", "identifiers", "contact"),
        ("loyalty.card_replaced", "new_card", "identity"),
        ("call.completed", "recording_url", "sensitive"),
        ("field.set", "value", "free_text"),
        ("order.completed", "total", None),
        ("custom.quiz", "email", None),
    ],
)
def test_classes_of_personal_data(type_: str, path: str, class_: str | None) -> None:
    assert personal_class(type_, path) == class_


WRITTEN = {
    *("text", "comment", "query", "review_body", "share_message", "email", "phone", "birthday", "gender"),
    *("person", "friend", "other", "recipient", "received_by", "old_card", "new_card"),
}


def test_what_people_write_is_marked() -> None:
    for type_, model in MODELS.items():
        for path, _ in fields(model):
            if path.split(".")[-1] in WRITTEN:
                assert personal_class(type_, path), f"{type_} {path}"
