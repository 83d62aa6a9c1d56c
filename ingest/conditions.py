"""A condition of a map, and the SQL that decides it for a row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .sheet import Sheet, quoted
from .values import Column, Scalar

COMPARISONS = (
    "eq", "ne", "in_", "gt", "gte", "lt", "lte", "starts_with", "ends_with", "contains", "regex", "empty",
)  # fmt: skip

_SIGNS = {"eq": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_FUNCTIONS = {
    "starts_with": "starts_with",
    "ends_with": "ends_with",
    "contains": "contains",
    "regex": "regexp_matches",
}


class Condition(BaseModel):
    """Whether a row is meant: comparisons of one column, which must all hold, or all, any or not of other
    conditions. A comparison with an empty value is false, its `not` true. A number compares as a number, a
    text as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Column | None = None
    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: Annotated[list[Scalar] | None, Field(alias="in", min_length=1)] = None
    gt: Decimal | str | None = None
    gte: Decimal | str | None = None
    lt: Decimal | str | None = None
    lte: Decimal | str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = Field(None, description="An RE2 expression, found anywhere in the text.")
    empty: bool | None = None
    all: Annotated[list[Condition] | None, Field(min_length=1)] = None
    any: Annotated[list[Condition] | None, Field(min_length=1)] = None
    not_: Annotated[Condition | None, Field(alias="not")] = None

    @model_validator(mode="after")
    def _coherent(self) -> Condition:
        if sum(one is not None for one in (self.column, self.all, self.any, self.not_)) != 1:
            raise ValueError("give one of column, all, any, not")
        if (self.column is None) != (not list(self.comparisons())):
            raise ValueError("a column takes a comparison, such as eq or empty, and a comparison a column")
        return self

    def comparisons(self) -> Iterator[tuple[str, Any]]:
        """Operator and operand of each comparison given."""
        for name in COMPARISONS:
            if (operand := getattr(self, name)) is not None:
                yield name, operand

    def inner(self) -> list[Condition]:
        """The conditions it is made of."""
        return [*(self.all or ()), *(self.any or ()), *((self.not_,) if self.not_ else ())]

    def columns(self) -> Iterator[str]:
        """The columns it reads."""
        if self.column is not None:
            yield self.column
        for condition in self.inner():
            yield from condition.columns()


def decide(condition: Condition, sheet: Sheet) -> str:
    """SQL that is true or false, never NULL."""
    if condition.column is not None:
        text = sheet.column(condition.column)
        tests = [_compare(text, name, operand, sheet) for name, operand in condition.comparisons()]
        return f"({' AND '.join(tests)})"
    parts = [decide(one, sheet) for one in condition.inner()]
    if condition.not_:
        return f"(NOT {parts[0]})"
    return f"({(' AND ' if condition.all else ' OR ').join(parts)})"


def _compare(text: str, name: str, operand: Any, sheet: Sheet) -> str:
    if name == "empty":
        return f"({text} IS {'' if operand else 'NOT '}NULL)"
    if name == "in_":
        return f"({' OR '.join(_compare(text, 'eq', one, sheet) for one in operand)})"
    if name in _FUNCTIONS:
        return f"coalesce({_FUNCTIONS[name]}({text}, {quoted(operand)}), false)"
    if isinstance(operand, bool):
        left, right = f"lower({text})", quoted(str(operand).lower())
    elif isinstance(operand, str):
        left, right = text, quoted(operand)
    else:
        left, right = f"TRY_CAST({sheet.number(text)} AS DECIMAL(38,9))", format(operand, "f")
    return f"coalesce({left} {_SIGNS[name]} {right}, false)"
