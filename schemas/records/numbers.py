"""Fixed-point numbers: prices and quantities in 1e-9, money in 1e-18, both exact integers."""

from decimal import Decimal, InvalidOperation
from typing import Final

PRICE_DIGITS: Final = 9
MONEY_DIGITS: Final = 18
PRICE_SCALE: Final = 10**9
MONEY_SCALE: Final = 10**18
PRICE_MAX: Final = 10**18 - 1
"""Largest price or quantity: decimal(18, 9) on the topics and in ClickHouse."""
MONEY_MAX = 10**38 - 1
"""Largest amount of money: decimal(38, 18)."""
NUMERALS_MAX = 1_000
"""Most digits of a decimal that are converted; Python refuses text of more than 4,300."""
NANOS_PER_MS: Final = 1_000_000
NANOS_PER_S: Final = 1_000_000_000
NANOS_PER_HOUR: Final = 3600 * NANOS_PER_S
NANOS_PER_DAY: Final = 24 * NANOS_PER_HOUR


class NotRepresentable(ValueError):
    """A number has more decimals or digits than its fixed-point form can hold."""


def _to_fixed(value: Decimal | str | int, digits: int, limit: int) -> int:
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise NotRepresentable(f"{value!r} is not a decimal number") from error
    if not number.is_finite():
        raise NotRepresentable(f"{value} is not a finite number")
    if abs(number.adjusted()) > 60:
        raise NotRepresentable(f"{value} is out of range")
    sign, numerals, exponent = number.as_tuple()
    if len(numerals) > NUMERALS_MAX:
        raise NotRepresentable(f"a number of {len(numerals)} digits is out of range")
    assert isinstance(exponent, int)
    coefficient: int = int("".join(map(str, numerals)))
    shift = exponent + digits
    scaled: int = coefficient * 10 ** max(shift, 0)
    unit: int = 10 ** max(-shift, 0)
    fixed, remainder = divmod(scaled, unit)
    if remainder:
        raise NotRepresentable(f"{value} has more than {digits} decimals")
    if fixed > limit:
        raise NotRepresentable(f"{value} is out of range")
    return -fixed if sign else fixed


def to_price(value: Decimal | str | int) -> int:
    """Converts a price or quantity to an integer of 1e-9. Raises NotRepresentable."""
    return _to_fixed(value, PRICE_DIGITS, PRICE_MAX)


def to_money(value: Decimal | str | int) -> int:
    """Converts an amount of money to an integer of 1e-18. Raises NotRepresentable."""
    return _to_fixed(value, MONEY_DIGITS, MONEY_MAX)


def price_to_decimal(fixed: int) -> Decimal:
    """Converts an integer of 1e-9 to the exact Decimal."""
    return _scaled(fixed, PRICE_DIGITS)


def money_to_decimal(fixed: int) -> Decimal:
    """Converts an integer of 1e-18 to the exact Decimal."""
    return _scaled(fixed, MONEY_DIGITS)


def _scaled(fixed: int, digits: int) -> Decimal:
    return Decimal((1 if fixed < 0 else 0, tuple(map(int, str(abs(fixed)))), -digits))


def plain(number: Decimal) -> str:
    """Returns decimal text without exponent or trailing zeros: 100, 0.5, -3.25."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(fixed: int) -> str:
    """Returns the shortest decimal text of an integer of 1e-9."""
    return plain(price_to_decimal(fixed))


def money_text(fixed: int) -> str:
    """Returns the shortest decimal text of an integer of 1e-18."""
    return plain(money_to_decimal(fixed))


def divide_half_even(numerator: int, denominator: int) -> int:
    """Returns the quotient rounded to the nearest integer, ties to even. denominator > 0."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient
