"""Formats the numbers of a report: amounts, ratios, metrics by their unit. An undefined number is a dash."""

from datetime import date, datetime
from decimal import Decimal
from math import floor, log10
from typing import Any

from schemas.records.numbers import plain

DIGITS_MAX = 8
NONE = "–"  # noqa: RUF001 - a dash as typographers set it


def amount(value: Any, digits: int = 2) -> str:
    """Formats money with separators: 1,234.50."""
    return NONE if value is None else f"{value:,.{digits}f}"


def percent(value: Any) -> str:
    """Formats a ratio in percent with three decimals, or with as many as show two digits of a small ratio."""
    if value is None:
        return NONE
    digits = 3 if value == 0 else min(max(3, 1 - floor(log10(abs(100 * value)))), DIGITS_MAX)
    return f"{100 * value:,.{digits}f} %"


def price(value: Any) -> str:
    """Formats a price with all its digits and no trailing zeros."""
    return NONE if value is None else plain(value)


def axis_number(value: float, step: float) -> str:
    """Formats a value on an axis with the decimals that the step between two values needs."""
    return f"{value:,.{max(0, -floor(log10(step) + 1e-9))}f}"


def axis_percent(value: float, step: float) -> str:
    """Formats a ratio on an axis in percent."""
    return f"{axis_number(100 * value, 100 * step)} %"


def metric(value: Any, unit: str) -> str:
    """Formats a metric by its unit."""
    if value is None:
        return NONE
    if isinstance(value, date):
        return value.isoformat()
    if unit.startswith("currency"):
        return amount(value)
    if unit.startswith("ratio") or unit == "probability":
        return percent(value)
    if isinstance(value, Decimal):
        return plain(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"


def shown_unit(unit: str, currency: str) -> str:
    """Returns the unit beside a metric as metric() shows it: a ratio is in percent already."""
    return unit.removeprefix("ratio").removeprefix("probability").strip().replace("currency", currency)


def moment(value: datetime | None) -> str:
    """Formats a time in UTC to the second."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def is_loss(value: Any) -> bool:
    """Returns whether a value is a number below zero."""
    return isinstance(value, int | float | Decimal) and value < 0
