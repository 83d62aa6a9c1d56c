"""Money: DECIMAL(18,4) with an ISO 4217 currency. Never a float."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints

SCALE = Decimal("0.0001")
MOST = Decimal(10) ** 14
"""Every amount is smaller than this."""
TOO_LARGE = "the amount is too large: at most 14 digits before the point"
IS_MONEY = "money"
"""The mark that tells an amount of money from any other decimal number."""


def rounded(amount: Decimal) -> Decimal:
    """To four decimals, halves away from zero. Raises ValueError for what DECIMAL(18,4) cannot hold."""
    if not abs(amount) < MOST - SCALE / 2:
        raise ValueError(TOO_LARGE)
    return amount.quantize(SCALE, ROUND_HALF_UP)


def money_text(amount: Decimal) -> str:
    """Four decimals, plain notation."""
    return f"{amount:.4f}"


def _without_noise(value: object) -> object:
    """A binary float that misses a short decimal number only by its own inexactness is that number: a
    client that adds 0.1 and 0.2 sends 0.30000000000000004."""
    if isinstance(value, float):
        near = round(value, 4)
        return near if math.isclose(value, near, rel_tol=1e-14, abs_tol=1e-12) else value
    if isinstance(value, bool):
        raise ValueError("Input should be a number or a text with a number")
    return value


def _share(value: object) -> object:
    return round(value, 8) if isinstance(value, float) else value


def _rate_of_exchange(value: object) -> object:
    return round(value, 10) if isinstance(value, float) else value


# The digits and bounds stand before the other marks: so pydantic checks them in its own decimal validator,
# three times as fast.
_EXACT = BeforeValidator(_without_noise)
_TEXT = PlainSerializer(money_text, return_type=str, when_used="json")

Quantity = Annotated[Decimal, Field(max_digits=18, decimal_places=4, allow_inf_nan=False), _EXACT, _TEXT]
"""A number of pieces, kilograms, hours or points, kept as exactly as money."""

QuantityFromZero = Annotated[
    Decimal, Field(ge=0, max_digits=18, decimal_places=4, allow_inf_nan=False), _EXACT, _TEXT
]
"""A quantity of 0 or more."""

QuantityAboveZero = Annotated[
    Decimal, Field(gt=0, max_digits=18, decimal_places=4, allow_inf_nan=False), _EXACT, _TEXT
]
"""A quantity of more than 0."""

Money = Annotated[Quantity, IS_MONEY]
"""An amount in the currency of its event: at most 14 digits before and 4 behind the point."""

MoneyFromZero = Annotated[QuantityFromZero, IS_MONEY]
"""An amount of 0 or more."""

MoneyAboveZero = Annotated[QuantityAboveZero, IS_MONEY]
"""An amount of more than 0."""


def rate_text(rate: Decimal) -> str:
    """Plain notation, with the decimals it came with; those of a zero may be a million."""
    return f"{rate:f}" if rate else "0"


Rate = Annotated[
    Decimal,
    Field(ge=0, le=1, max_digits=9, decimal_places=8, allow_inf_nan=False),
    BeforeValidator(_share),
    PlainSerializer(rate_text, return_type=str, when_used="json"),
]
"""A share between 0 and 1, such as a tax rate of 0.1. A JSON number is rounded to 8 decimals."""

ExchangeRate = Annotated[
    Decimal,
    Field(gt=0, max_digits=24, decimal_places=10, allow_inf_nan=False),
    BeforeValidator(_rate_of_exchange),
    PlainSerializer(rate_text, return_type=str, when_used="json"),
]
"""Units of one currency for one unit of another: more than 0. A JSON number is rounded to 10 decimals."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""
