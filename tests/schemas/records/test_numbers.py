"""Tests of fixed-point numbers against Python's Decimal and Fraction."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.numbers import (
    MONEY_MAX,
    PRICE_MAX,
    NotRepresentable,
    divide_half_even,
    money_text,
    money_to_decimal,
    price_text,
    price_to_decimal,
    to_money,
    to_price,
)
from tests.builders import PROPERTY

DECIMALS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=45).map(tuple),
    st.integers(-50, 30),
)


def fixed(number: Decimal, digits: int, most: int) -> int | None:
    """Computes the same with fractions; None if the number does not fit."""
    scaled = Fraction(number) * 10**digits
    return int(scaled) if scaled.denominator == 1 and abs(scaled) <= most else None


@pytest.mark.parametrize(("convert", "digits", "most"), [(to_price, 9, PRICE_MAX), (to_money, 18, MONEY_MAX)])
@PROPERTY
@given(number=DECIMALS)
def test_a_decimal_is_held_exactly_or_refused(
    convert: Callable[[Decimal], int], digits: int, most: int, number: Decimal
) -> None:
    expected = fixed(number, digits, most)
    if expected is None:
        with pytest.raises(NotRepresentable):
            convert(number)
    else:
        assert convert(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.000000001", 1),
        ("-0.000000001", -1),
        ("1.2300000000000", 1_230_000_000),
        ("1e3", 1_000_000_000_000),
        ("999999999.999999999", PRICE_MAX),
        ("-999999999.999999999", -PRICE_MAX),
    ],
)
def test_prices(text: str, expected: int) -> None:
    assert to_price(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "0.0000000001",
        "1000000000",
        "-1000000000",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "",
        "ten",
        "1e999999",
        "1e-999999",
    ],
)
def test_what_no_price_can_be(text: str) -> None:
    with pytest.raises(NotRepresentable):
        to_price(text)


def test_more_digits_than_any_price_has_are_refused_as_such() -> None:
    with pytest.raises(NotRepresentable):
        to_price("0." + "1" * 5_000)


@PROPERTY
@given(st.integers(-PRICE_MAX, PRICE_MAX))
def test_prices_come_back_from_decimal_and_text(value: int) -> None:
    assert to_price(price_to_decimal(value)) == value
    assert to_price(price_text(value)) == value
    assert Fraction(price_to_decimal(value)) == Fraction(value, 10**9)


@PROPERTY
@given(st.integers(-MONEY_MAX, MONEY_MAX))
def test_money_comes_back_from_decimal_and_text(value: int) -> None:
    assert to_money(money_to_decimal(value)) == value
    assert to_money(money_text(value)) == value
    assert Fraction(money_to_decimal(value)) == Fraction(value, 10**18)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (100_000_000_000, "100"), (500_000_000, "0.5"), (-3_250_000_000, "-3.25"), (1, "0.000000001")],
)
def test_text_has_no_exponent_and_no_trailing_zeros(value: int, text: str) -> None:
    assert price_text(value) == text


@PROPERTY
@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20))
def test_division_rounds_as_fractions_do(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(1, 2, 0), (3, 2, 2), (5, 2, 2), (-1, 2, 0), (-3, 2, -2), (-5, 2, -2), (7, 3, 2), (8, 3, 3), (0, 5, 0)],
)
def test_a_tie_goes_to_the_even_integer(numerator: int, denominator: int, expected: int) -> None:
    assert divide_half_even(numerator, denominator) == expected
