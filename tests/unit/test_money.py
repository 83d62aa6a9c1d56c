"""Amounts, quantities and rates: exact in, one text out."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from kizuna.schemas.money import Currency, Money, MoneyAboveZero, MoneyFromZero, Rate, money_text, rounded

money: TypeAdapter[Decimal] = TypeAdapter(Money)
from_zero: TypeAdapter[Decimal] = TypeAdapter(MoneyFromZero)
above_zero: TypeAdapter[Decimal] = TypeAdapter(MoneyAboveZero)
rate: TypeAdapter[Decimal] = TypeAdapter(Rate)

ten_thousandths = st.integers(-(10**18) + 1, 10**18 - 1)


@pytest.mark.parametrize(
    ("given_as", "written"),
    [
        (12, "12.0000"),
        (12.34, "12.3400"),
        ("12.3456", "12.3456"),
        ("-0.5", "-0.5000"),
        (0.1 + 0.2, "0.3000"),
        (3 * 19.99, "59.9700"),
        (1e3, "1000.0000"),
        ("1e3", "1000.0000"),
        ("99999999999999.9999", "99999999999999.9999"),
    ],
)
def test_an_amount_is_written_with_four_decimals(given_as: object, written: str) -> None:
    assert money.dump_json(money.validate_python(given_as)) == f'"{written}"'.encode()


@pytest.mark.parametrize(
    "given_as",
    [12.34567, "12.34567", "100000000000000", 1e14, "NaN", "Infinity", float("nan"), True, "", None, []],
)
def test_what_is_no_exact_amount_is_refused(given_as: object) -> None:
    with pytest.raises(ValidationError):
        money.validate_python(given_as)


def test_signs() -> None:
    assert from_zero.validate_python(0) == 0
    assert above_zero.validate_python("0.0001") == Decimal("0.0001")
    for adapter, value in ((from_zero, "-0.0001"), (above_zero, 0), (above_zero, -1)):
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@given(ten_thousandths)
def test_every_amount_survives_its_text(units: int) -> None:
    sign, digits = "-" if units < 0 else "", f"{abs(units):05}"
    text = f"{sign}{digits[:-4]}.{digits[-4:]}"
    assert money_text(money.validate_python(text)) == text


@given(st.integers(-(10**11), 10**11))
def test_every_short_json_number_is_the_decimal_it_shows(units: int) -> None:
    """Up to 10^7 a binary float tells all decimals of four places apart."""
    value = units / 10_000
    assert money.validate_python(value) == Decimal(units) / 10_000


@given(st.decimals(-(10**13), 10**13, allow_nan=False, places=9))
def test_rounded_takes_the_nearest_and_halves_away_from_zero(amount: Decimal) -> None:
    result = Fraction(rounded(amount))
    distance = abs(result - Fraction(amount))
    assert result * 10_000 % 1 == 0
    assert distance <= Fraction(1, 20_000)
    if distance == Fraction(1, 20_000):
        assert abs(result) > abs(Fraction(amount))


@pytest.mark.parametrize("amount", ["99999999999999.99995", "1e14", "-1e14", "Infinity"])
def test_rounded_refuses_what_does_not_fit(amount: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        rounded(Decimal(amount))


def test_rates() -> None:
    assert rate.validate_python(1 / 3) == Decimal("0.33333333")
    assert rate.dump_json(rate.validate_python("0.00000001")) == b'"0.00000001"'
    for value in (-0.1, 1.1, "0.123456789"):
        with pytest.raises(ValidationError):
            rate.validate_python(value)


def test_a_currency_is_three_capital_letters() -> None:
    currency: TypeAdapter[str] = TypeAdapter(Currency)
    assert currency.validate_python("JPY") == "JPY"
    for value in ("jpy", "JP", "JPYY", "", "J1Y", "JPY\n"):
        with pytest.raises(ValidationError):
            currency.validate_python(value)
