"""The base of every catalogue model: the properties of one event type, and how it is registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from .envelope import EntityKind, ShortText
from .identifiers import EXTERNAL, KINDS, MAX_LENGTH, normalise

PersonalData = Literal["identity", "contact", "free_text", "sensitive"]

Id = ShortText
"""An id in the sender's own system."""

Label = Annotated[str, StringConstraints(max_length=500)]
"""A name, category or code."""

Count = Annotated[int, Field(ge=0, lt=2**31)]
"""A number of things or minutes."""

OWNED_KINDS: tuple[EntityKind, ...] = ("order", "visit", "ticket", "deal", "contract", "task")
"""Things with a present state, each of which belongs to one person. An event is about the first it names."""

ENTITY_KINDS: tuple[EntityKind, ...] = ("company", *OWNED_KINDS)
"""A field named `<kind>_id` says that the event is about that thing; listed in this order."""

_CONFIG = ConfigDict(extra="allow", frozen=True, str_max_length=10_000)


class Part(BaseModel):
    """A part of a payload, such as an order line. Unknown properties are kept."""

    model_config = _CONFIG


class PersonRef(Part):
    """Somebody else than the person of the event, by one identifier in normal form."""

    kind: Annotated[str, StringConstraints(pattern=f"^({'|'.join(KINDS)}|{EXTERNAL})$")] = Field(
        description="Kind of the identifier: " + ", ".join(KINDS) + ", x_<system>."
    )
    value: Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)] = Field(
        description="The identifier.", json_schema_extra={"personal_data": "contact"}
    )

    @field_validator("value")
    @classmethod
    def _normal(cls, value: str, info: ValidationInfo) -> str:
        return normalise(info.data.get("kind", ""), value)


class Payload(BaseModel):
    """Properties of one event type. Unknown properties are kept: they are the sender's own."""

    model_config = _CONFIG

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    ENTITY: ClassVar[EntityKind | None] = None
    ENTITY_FIELDS: ClassVar[tuple[tuple[EntityKind, str], ...]] = ()
    PUBLIC: ClassVar[bool] = True
    MIN_IDS: ClassVar[int] = 0
    ONE_THING: ClassVar[bool] = False
    MIN_NAMED: ClassVar[int] = 0


P = TypeVar("P", bound=type[Payload])

MODELS: dict[str, type[Payload]] = {}
"""Every event type with its model of the current version. Filled by importing `schemas.catalogue`."""


def event(
    name: str,
    *,
    version: int = 1,
    entity: EntityKind | None = None,
    public: bool = True,
    min_ids: int = 0,
    one_thing: bool = False,
    min_named: int = 0,
) -> Callable[[P], P]:
    """Register a model as event type `name`. With `entity`, its field `<entity>_id` names the thing the
    event is about; what is not `public` takes a secret key or an import; `min_ids` is how many
    identifiers of the person the event must carry to mean anything, `min_named` how many of these and of
    entities together; with `one_thing` it must name one thing that can belong to a person, and no other."""

    def register(model: P) -> P:
        if name in MODELS:
            raise ValueError(f"event type {name} is registered twice")
        model.TYPE = name
        model.VERSION = version
        model.ENTITY = entity
        fields: dict[str, FieldInfo] = model.__pydantic_fields__
        model.ENTITY_FIELDS = tuple(
            (kind, f"{kind}_id")
            for kind in sorted(ENTITY_KINDS, key=lambda kind: kind != entity)
            if f"{kind}_id" in fields
        )
        model.PUBLIC = public
        model.MIN_IDS = min_ids
        model.ONE_THING = one_thing
        model.MIN_NAMED = min_named
        MODELS[name] = model
        return model

    return register


def personal(kind: PersonalData, description: str) -> Any:
    """A field of personal data, with its class: masking, export and erasure read this one mark."""
    return Field(None, description=description, json_schema_extra={"personal_data": kind})
