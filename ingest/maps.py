"""An import map: how the rows of a file become events. People write it as YAML; see `docs/import.md`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from kizuna.schemas import identifiers
from kizuna.schemas.catalogue import model_of
from kizuna.schemas.envelope import EntityKind, ShortText

from .conditions import Condition
from .decoding import check_encoding
from .values import Column, MomentValue, ObjectValue, Path, Property, SimpleValue, Value

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
OneCharacter = Annotated[str, StringConstraints(min_length=1, max_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Format(_Model):
    """How the file is written."""

    kind: Literal["csv", "ndjson", "parquet"] | None = Field(
        default=None, description="By the file's ending unless given."
    )
    encoding: str = Field(default="utf-8", description="Of CSV and NDJSON, such as cp932 or latin-1.")
    delimiter: OneCharacter = ","
    quote: OneCharacter = '"'
    skip_lines: Annotated[int, Field(ge=0)] = Field(default=0, description="Lines of CSV before the header.")
    columns: list[Column] | None = Field(default=None, description="Names, for CSV without a header.")
    nulls: list[str] = Field(default=[""], description="Texts that mean: no value.")
    decimal: Literal[".", ","] = Field(default=".", description="Decimal mark of numbers.")
    thousands: Annotated[str, StringConstraints(max_length=1)] = Field(
        default="", description="Mark between thousands, such as a comma."
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        return check_encoding(encoding)


class Entity(_Model):
    """A thing the event is about, besides those that its properties name."""

    kind: EntityKind
    id: SimpleValue
    namespace: ShortText | None = None


class Place(_Model):
    """Where it happened."""

    store: SimpleValue | None = None
    register_: Annotated[SimpleValue | None, Field(alias="register")] = None


class Rule(_Model):
    """One event from each row that fits, or from each group of rows."""

    name: RuleName
    type: str
    when: Condition | None = Field(None, description="Which rows; all unless given.")
    group_by: list[Column] = Field([], description="Rows equal in these columns make one event.")
    natural_key: list[Column] = Field(
        [],
        description="Columns that name the event; of grouped rows those of group_by unless given. "
        "Without any, the row's content and its number among equal rows do.",
    )
    occurred_at: MomentValue
    ids: dict[str, SimpleValue] = {}
    entities: list[Entity] = []
    properties: dict[ShortText, Property] = {}
    context: dict[ShortText, Property] = {}
    channel: SimpleValue | None = None
    place: Place | None = None

    @field_validator("type")
    @classmethod
    def _in_catalogue(cls, type_: str) -> str:
        if model_of(type_) is None:
            raise ValueError(f"no such event type: {type_}. Your own types start with custom.")
        return type_

    @field_validator("ids")
    @classmethod
    def _kinds(cls, ids: dict[str, Value]) -> dict[str, Value]:
        for kind in ids:
            if not identifiers.is_person_kind(kind):
                known = ", ".join(identifiers.KINDS)
                raise ValueError(f"{kind} is no kind of identifier: use {known} or x_<system>")
        return ids

    @model_validator(mode="after")
    def _coherent(self) -> Rule:
        if self.occurred_at.kind != "moment":
            raise ValueError("occurred_at is a moment")
        if self.group_by and not set(self.natural_key) <= set(self.group_by):
            raise ValueError("natural_key of grouped rows may only name columns of group_by")
        for _, value in self.values():
            if self.group_by and value.row_id:
                raise ValueError("row_id is of one row, not of a group")
            if value.pick and not self.group_by:
                raise ValueError("pick is for grouped rows: give group_by")
        return self

    @property
    def key(self) -> list[str]:
        """The columns that name the event."""
        return self.natural_key or self.group_by

    def values(self) -> Iterator[tuple[Path, Value]]:
        """Every value, with its place in the rule."""
        yield ("occurred_at",), self.occurred_at
        for kind, value in self.ids.items():
            yield ("ids", kind), value
        for number, entity in enumerate(self.entities):
            yield ("entities", number, "id"), entity.id
        yield from _inner(("properties",), self.properties)
        yield from _inner(("context",), self.context)
        if self.channel:
            yield ("channel",), self.channel
        if self.place and self.place.store:
            yield ("place", "store"), self.place.store
        if self.place and self.place.register_:
            yield ("place", "register"), self.place.register_


def _inner(path: Path, fields: dict[str, Property]) -> Iterator[tuple[Path, Value]]:
    for name, field in fields.items():
        if isinstance(field, Value):
            yield (*path, name), field
        elif isinstance(field, ObjectValue):
            yield from _inner((*path, name, "object"), field.object)
        else:
            yield from (((*path, name, "each_row", key), value) for key, value in field.each_row.items())


class LeaveOut(_Model):
    """Rows that are no events. They are counted under this name."""

    name: ShortText
    when: Condition


class Otherwise(_Model):
    """Rows that fit no rule are left out, and counted under this name."""

    leave_out: ShortText


class ImportMap(_Model):
    """How the rows of a file become events. First `leave_out` takes rows away; then each rule makes an event
    of every row, or group of rows, that fits it; a row that fits none fails, unless `otherwise` says else."""

    source: ShortText = Field(
        description="Name of the sender: within it the ids of orders, tickets and so on count once."
    )
    description: str = ""
    time_zone: str = Field("UTC", description="Of times without an offset; an IANA name.")
    format: Format = Format()
    leave_out: list[LeaveOut] = []
    events: Annotated[list[Rule], Field(min_length=1)]
    otherwise: Literal["fail"] | Otherwise = "fail"

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"no such time zone: {zone}. Use an IANA name such as Asia/Tokyo")
        return zone

    @model_validator(mode="after")
    def _names(self) -> ImportMap:
        names = [rule.name for rule in self.events]
        if len(set(names)) < len(names):
            raise ValueError("two events have the same name")
        return self

    def columns(self) -> Iterator[tuple[Path, str]]:
        """Every column the map reads, with the place that names it."""
        for number, left in enumerate(self.leave_out):
            yield from ((("leave_out", number, "when"), column) for column in left.when.columns())
        for number, rule in enumerate(self.events):
            place: Path = ("events", number)
            if rule.when:
                yield from (((*place, "when"), column) for column in rule.when.columns())
            yield from (((*place, "group_by"), column) for column in rule.group_by)
            yield from (((*place, "natural_key"), column) for column in rule.natural_key)
            for path, value in rule.values():
                yield from (((*place, *path), column) for column in value.columns())

    def sha256(self) -> str:
        """Of what the map says, whatever its comments and spacing."""
        said = self.model_dump_json(exclude_defaults=True, exclude={"description"})
        return hashlib.sha256(said.encode()).hexdigest()
