"""How a report writes its numbers: amounts, ratios, metrics by their unit; undefined is a dash."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from streams.domain.numbers import plain

NONE = "–"  # noqa: RUF001 - a dash as typographers set it


def amount(value: Any, digits: int = 2) -> str:
    """Money with separators: 1,234.50."""
    return NONE if value is None else f"{value:,.{digits}f}"


def percent(value: Any, digits: int = 3) -> str:
    """A ratio in percent."""
    return NONE if value is None else f"{100 * value:,.{digits}f} %"


def price(value: Any) -> str:
    """All digits that it has, and no more."""
    return NONE if value is None else plain(value)


def axis_price(value: float) -> str:
    """A price on an axis: five significant digits at least."""
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.5g}"


def metric(value: Any, unit: str) -> str:
    """A metric as its unit asks for."""
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


def moment(value: datetime | None) -> str:
    """UTC to the second."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def is_loss(value: Any) -> bool:
    """Whether a number is below zero."""
    return isinstance(value, int | float | Decimal) and value < 0
