"""What the catalogue knows of a field: its kind, for definitions, and its class of personal data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .catalogue import model_of
from .money import IS_MONEY
from .payload import PersonalData
from .times import Moment

FieldKind = Literal["money", "number", "integer", "moment", "date", "boolean", "text", "object"]

_KINDS: tuple[tuple[type, FieldKind], ...] = (
    (bool, "boolean"),  # before int, whose subclass it is
    (int, "integer"),
    (Decimal, "number"),
    (date, "date"),
    (str, "text"),
    (UUID, "text"),
)


@cache
def field_kind(type_: str, path: str) -> FieldKind | None:
    """Kind of the value at `path` (`category`, `address.city`) in the properties of a type; lists and objects
    are `object`. None for what the catalogue does not know, so for everything in a custom event."""
    steps = _steps(type_, path)
    return _kind(_annotation(steps[-1])) if len(steps) == path.count(".") + 1 else None


@cache
def personal_class(type_: str, path: str) -> PersonalData | None:
    """Class of personal data at `path`; what lies below a marked field has its class."""
    for info in reversed(_steps(type_, path)):
        extra = info.json_schema_extra
        if isinstance(extra, dict) and "personal_data" in extra:
            return cast(PersonalData, extra["personal_data"])
    return None


def _steps(type_: str, path: str) -> list[FieldInfo]:
    """The known fields on the way to `path`."""
    model: type[BaseModel] | None = model_of(type_)
    steps: list[FieldInfo] = []
    for name in path.split("."):
        info = model.__pydantic_fields__.get(name) if model else None
        if info is None:
            break
        steps.append(info)
        inner = _bare(_annotation(info))
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return steps


def _annotation(info: FieldInfo) -> Any:
    """The field's annotation with what pydantic took off it."""
    annotation: Any = info.annotation
    for mark in info.metadata:
        annotation = Annotated[annotation, mark]
    return annotation


def _bare(annotation: Any) -> Any:
    """Without `| None` and marks; a choice of several types as it stands."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not NoneType]
        return _bare(arms[0]) if len(arms) == 1 else annotation
    return annotation


def _marks(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return (*marks, *_marks(inner))
    if get_origin(annotation) in (Union, UnionType):
        return tuple(mark for arm in get_args(annotation) for mark in _marks(arm))
    return ()


def _kind(annotation: Any) -> FieldKind:
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        return "text"
    if bare is _bare(Moment):
        return "moment"
    if IS_MONEY in _marks(annotation):
        return "money"
    return next((kind for of, kind in _KINDS if isinstance(bare, type) and issubclass(bare, of)), "object")
