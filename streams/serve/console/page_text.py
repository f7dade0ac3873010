"""Renders the console's templates, with numbers, times and signs as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from schemas.records.numbers import NANOS_PER_S, money_to_decimal, plain, price_to_decimal, to_price

NOTHING = "\u2013"
MINUS = "\u2212"
MS_PER_S = 1_000


def money(value: int | None) -> str:
    """Returns an amount (1e-18) with two decimals and thousands."""
    return NOTHING if value is None else _readable(f"{money_to_decimal(value).quantize(Decimal('0.01')):,}")


def gain(value: int | None) -> str:
    """Returns an amount (1e-18) with its sign, so that colour is not alone in saying it."""
    return NOTHING if value is None else ("+" if value > 0 else "") + money(value)


def price(value: int | None) -> str:
    """Returns a price or a quantity (1e-9)."""
    if value is None:
        return NOTHING
    sign = "-" if value < 0 else ""
    whole, dot, decimals = plain(price_to_decimal(abs(value))).partition(".")
    return _readable(f"{sign}{int(whole):,}{dot}{decimals}")


def average(value: int | None) -> str:
    """Returns an average price (1e-9) to four decimals."""
    return NOTHING if value is None else _readable(f"{price_to_decimal(value).quantize(Decimal('0.0001')):,}")


def amount(value: Decimal | None) -> str:
    """Returns an amount of ClickHouse with its sign, two decimals and thousands."""
    return NOTHING if value is None else _readable(f"{value.quantize(Decimal('0.01')):+,}")


def total(value: Decimal | None) -> str:
    """Returns an amount of ClickHouse that is no gain, two decimals and thousands."""
    return NOTHING if value is None else _readable(f"{value.quantize(Decimal('0.01')):,}")


def percent(value: float | None) -> str:
    """Returns a ratio as a percentage with its sign."""
    return NOTHING if value is None else _readable(f"{100 * value:+.3f} %")


def share(part: int | None, whole: int | None) -> str:
    """Returns a part as a percentage of a whole."""
    return NOTHING if part is None or not whole else _readable(f"{100 * part / whole:.2f} %")


def tone(value: int | Decimal | None) -> str:
    """Returns the class of a gain or a loss."""
    return "" if not value else "gain" if value > 0 else "loss"


def moment_of(time_ns: int | None, css: str = "") -> Markup:
    """Returns a time (UTC nanoseconds) as an element that a script turns into the reader's zone; UTC on hover.

    css: exact, for a time that is shown with its milliseconds.
    """
    if not time_ns:
        return Markup(NOTHING)
    at = datetime.fromtimestamp(time_ns / NANOS_PER_S, UTC)
    utc = f"{at:%Y-%m-%d %H:%M:%S}.{time_ns // 1_000_000 % 1000:03d} UTC"
    return Markup('<time datetime="{}" title="{}" class="{}">{}</time>').format(
        f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", utc, css, utc
    )


def instant(at: datetime | None, css: str = "") -> Markup:
    """Returns a time of ClickHouse, which is UTC, as moment_of does."""
    if at is None:
        return Markup(NOTHING)
    known = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return moment_of(round(known.timestamp() * MS_PER_S) * (NANOS_PER_S // MS_PER_S), css)


def exact(at: datetime | None) -> Markup:
    """Returns a time of ClickHouse with its milliseconds."""
    return instant(at, "exact")


def decimal(value: Decimal | None) -> str:
    """Returns a decimal number with thousands."""
    return NOTHING if value is None else price(to_price(value))


def age(seconds: float | None) -> str:
    """Returns a span of time in words."""
    return NOTHING if seconds is None else f"{seconds:,.1f} s"


def words(name: str) -> str:
    """Returns the name of an enumeration as words."""
    return name.replace("_", " ").lower()


def _readable(text: str) -> str:
    return text.replace("-", MINUS)


def environment() -> Environment:
    """Returns the environment of the templates. A name that a template lacks is an error."""
    found = Environment(
        loader=PackageLoader("streams.serve.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "money": money,
        "gain": gain,
        "price": price,
        "average": average,
        "amount": amount,
        "total": total,
        "percent": percent,
        "zip": zip,
        "tone": tone,
        "moment": moment_of,
        "instant": instant,
        "exact": exact,
        "decimal": decimal,
        "age": age,
        "words": words,
    }
    found.filters.update(filters)
    found.globals["share"] = share
    return found
