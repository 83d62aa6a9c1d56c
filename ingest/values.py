"""A value of a map: where it comes from, its type, and the SQL that reads it from rows of text."""

from __future__ import annotations

import string
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from kizuna.schemas.envelope import ShortText

from .sheet import Sheet, problem, quoted

Type = Literal["text", "integer", "decimal", "boolean", "date", "moment", "json"]
Pick = Literal["same", "first", "min", "max", "sum", "count"]
Scalar = bool | int | Decimal | str
Column = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Path = tuple[str | int, ...]
Texts = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]

_NUMBERS = ("integer", "decimal")
_HOLDS = {
    "integer": "no whole number of 64 bits",
    "decimal": "no number",
    "boolean": "neither true nor false",
    "date": "no date",
    "moment": "no time",
    "json": "no JSON",
}


class Value(BaseModel):
    """Where a value comes from (a column, a template, a constant, the row itself), of which type it is, and
    in grouped rows which of them is meant. A bare text in the map is a column, a bare number or boolean a
    constant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Column | None = Field(None, description="Name of the column.")
    template: str | None = Field(None, description="Text with {columns}; empty when one of them is.")
    constant: Scalar | None = Field(None, description="The same for every event.")
    row_id: Literal[True] | None = Field(
        None, description="An id made of the row's content and its number among equal rows."
    )
    type: Type | None = Field(None, description="text unless given; of a constant its own.")
    scale: Annotated[int, Field(ge=1, le=9)] = Field(
        4, description="Decimals kept of a decimal number, halves away from zero."
    )
    times: Decimal | None = Field(None, description="Factor of a number: -1 turns its sign.")
    format: Texts = Field([], description="Forms of a date or moment, as %d/%m/%Y %H:%M, tried in turn.")
    default: Scalar | None = Field(None, description="In place of an empty value, and read like one.")
    pick: Pick | None = Field(
        None, description="Which one of grouped rows; all must be the same unless given."
    )

    @field_validator("template")
    @classmethod
    def _parsable(cls, template: str | None) -> str | None:
        if template is not None:
            list(_parts(template))
        return template

    @model_validator(mode="after")
    def _coherent(self) -> Value:
        given = (self.column, self.template, self.constant, self.row_id)
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of column, template, constant, row_id")
        if self.times is not None and self.kind not in _NUMBERS:
            raise ValueError("times needs type integer or decimal")
        if self.pick == "sum" and self.kind not in _NUMBERS:
            raise ValueError("pick: sum needs type integer or decimal")
        if self.format and self.kind not in ("date", "moment"):
            raise ValueError("format needs type date or moment")
        if self.row_id and self.kind != "text":
            raise ValueError("row_id is a text")
        return self

    @property
    def kind(self) -> Type:
        """The type given, or that of the constant."""
        if self.type is not None:
            return self.type
        if isinstance(self.constant, bool):
            return "boolean"
        return (
            "integer"
            if isinstance(self.constant, int)
            else ("decimal" if isinstance(self.constant, Decimal) else "text")
        )

    def columns(self) -> Iterator[str]:
        """The columns it reads."""
        if self.column is not None:
            yield self.column
        if self.template is not None:
            yield from (column for _, column in _parts(self.template) if column is not None)


class ObjectValue(BaseModel):
    """An object with fields of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: Annotated[dict[ShortText, Property], Field(min_length=1)]


class RowsValue(BaseModel):
    """A list with one object for each row of the event, in the order of their content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    each_row: Annotated[dict[ShortText, SimpleValue], Field(min_length=1)]


def _shorthand(given: object) -> object:
    if isinstance(given, str):
        return {"column": given}
    return {"constant": given} if isinstance(given, bool | int | float | Decimal) else given


def _moment(given: object) -> object:
    given = _shorthand(given)
    return {"type": "moment", **given} if isinstance(given, dict) else given


def _shape(given: Any) -> str:
    keys = given if isinstance(given, dict) else {}
    if "object" in keys or isinstance(given, ObjectValue):
        return "object"
    return "each_row" if "each_row" in keys or isinstance(given, RowsValue) else "value"


SimpleValue = Annotated[Value, BeforeValidator(_shorthand)]
MomentValue = Annotated[Value, BeforeValidator(_moment)]
Property = Annotated[
    Annotated[Value, Tag("value")]
    | Annotated[ObjectValue, Tag("object")]
    | Annotated[RowsValue, Tag("each_row")],
    Discriminator(_shape),
    BeforeValidator(_shorthand),
]


class Read(NamedTuple):
    """SQL of a value in one row: its typed expression, and the error of a text that is no such thing (empty
    when there can be none)."""

    expression: str
    error: str


def read(value: Value, sheet: Sheet, path: str = "") -> Read:
    """The SQL that reads `value`; `path` is the place in the event that errors name."""
    text = _text(value, sheet)
    typed = _typed(text, value, sheet)
    if typed == text:
        return Read(text, "")
    what = f"column {value.column}" if value.column is not None else "it"
    form = f" of the form {' or '.join(value.format)}" if value.format else ""
    wrong = problem(path, f"{what} holds {_HOLDS[value.kind]}{form}")
    return Read(typed, f"CASE WHEN {text} IS NOT NULL AND {typed} IS NULL THEN {wrong} END")


def fragment(kind: Type, expression: str) -> str:
    """SQL of a typed expression as JSON text; NULL stays NULL. Decimals become texts: they stay exact."""
    if kind == "text":
        return f"CAST(to_json({expression}) AS VARCHAR)"
    if kind == "moment":
        return f"strftime({expression} AT TIME ZONE 'UTC', '\"%Y-%m-%dT%H:%M:%S.%fZ\"')"
    if kind == "decimal":
        return f"'\"' || rtrim(rtrim(CAST({expression} AS VARCHAR), '0'), '.') || '\"'"
    if kind == "date":
        return f"'\"' || CAST({expression} AS VARCHAR) || '\"'"
    return expression if kind == "json" else f"CAST({expression} AS VARCHAR)"


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Fixed text and the column behind it, in turn. Raises ValueError for what is no template."""
    for text, column, form, conversion in string.Formatter().parse(template):
        if column == "" or form or conversion:
            raise ValueError("write {column}, and {{ or }} for a brace")
        yield text, column


def _text(value: Value, sheet: Sheet) -> str:
    if value.constant is not None:
        return quoted(_plain(value.constant))
    if value.row_id:
        text = "left(row_id, 32)"
    elif value.column is not None:
        text = sheet.column(value.column)
    else:
        pieces: list[str] = []
        for fixed, column in _parts(value.template or ""):
            pieces += [quoted(fixed)] if fixed else []
            pieces += [sheet.column(column)] if column is not None else []
        text = f"({' || '.join(pieces) or quoted('')})"
    return text if value.default is None else f"coalesce({text}, {quoted(_plain(value.default))})"


def _plain(scalar: Scalar) -> str:
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def _typed(text: str, value: Value, sheet: Sheet) -> str:
    kind = value.kind
    if kind == "text":
        return text
    if kind == "json":
        return f"CASE WHEN json_valid({text}) THEN {text} END"
    if kind == "boolean":
        return (
            f"CASE WHEN lower({text}) IN ('true', 't', 'yes', 'y', '1') THEN true"
            f" WHEN lower({text}) IN ('false', 'f', 'no', 'n', '0') THEN false END"
        )
    if kind in _NUMBERS:
        return _number(text if value.constant is not None else sheet.number(text), value)
    if value.format:
        forms = ", ".join(quoted(form) for form in value.format)
        text = f"try_strptime({text}, [{forms}])"
    sql_type = "DATE" if kind == "date" else "TIMESTAMPTZ"
    moment = f"TRY_CAST({text} AS {sql_type})"
    return f"CASE WHEN isfinite({moment}) THEN {moment} END"


def _number(text: str, value: Value) -> str:
    factor = "" if value.times is None else f" * {value.times:f}"
    if value.kind == "integer":
        number = f"TRY_CAST({text} AS DECIMAL(38,9))"
        return f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({number}{factor} AS BIGINT) END"
    number = f"TRY_CAST({text} AS DECIMAL(38,{value.scale}))"
    return f"TRY_CAST({number}{factor} AS DECIMAL(38,{value.scale}))" if factor else number
