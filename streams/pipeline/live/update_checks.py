"""Checks what a venue says: numbers that are exact in 1e-9 units, times, quotes and trades that a market can have.

Venues' clients give floats. repr of a float is the shortest text that reads back as the same float, so it is the
venue's own text for up to 15 digits, which prices and sizes have.
"""

from decimal import Decimal
from functools import lru_cache

from schemas.records.numbers import NANOS_PER_DAY, PRICE_MAX, NotRepresentable, to_price
from streams.pipeline.live.source import Level, LiveQuote, LiveTrade
from streams.pipeline.live.update_refusals import RefusedUpdate

NUMBERS_KEPT = 65_536
NOTHING = Decimal(0)


@lru_cache(maxsize=NUMBERS_KEPT, typed=True)
def _number(value: float | int | str) -> Decimal:
    """Returns a finite number that fits 1e-9 units, exactly. Raises NotRepresentable."""
    number = Decimal(repr(value) if isinstance(value, float) else value)
    to_price(number)
    return number


def number_of(value: object, kind: str) -> Decimal:
    """Returns a number of the venue that is 0 or more. None counts as 0. Raises RefusedUpdate."""
    if value is None:
        return NOTHING
    if not isinstance(value, float | int | str) or isinstance(value, bool):
        raise RefusedUpdate(kind, f"{str(value)[:40]!r} is not a number")
    if isinstance(value, int) and abs(value) > PRICE_MAX:
        raise RefusedUpdate(kind, "a whole number is out of range")
    try:
        number = _number(value)
    except (NotRepresentable, ArithmeticError) as error:
        raise RefusedUpdate(kind, f"{str(value)[:40]} does not fit units of 1e-9: {str(error)[:80]}") from error
    if number < 0:
        raise RefusedUpdate(kind, f"{number} is negative")
    return number


def demand_past(time_ns: int, received_ns: int) -> None:
    """Demands that a venue's time is not more than a day ahead of this computer's. Raises RefusedUpdate."""
    if time_ns > received_ns + NANOS_PER_DAY:
        raise RefusedUpdate("time", f"{time_ns} ns is more than a day ahead of this computer's clock")


def side_of(price: object, size: object) -> Level:
    """Returns the best level of a side; a side without price or size is empty. Raises RefusedUpdate."""
    exact_price, exact_size = number_of(price, "quote"), number_of(size, "quote")
    return (exact_price, exact_size) if exact_price and exact_size else (NOTHING, NOTHING)


def checked_quote(symbol: str, exchange_ns: int | None, received_ns: int, bid: Level, ask: Level) -> LiveQuote:
    """Returns a quote. Raises RefusedUpdate if it is crossed."""
    if bid[0] and ask[0] and bid[0] > ask[0]:
        raise RefusedUpdate("quote", f"bid {bid[0]} is above ask {ask[0]}")
    return LiveQuote(symbol, exchange_ns, received_ns, *bid, *ask)


def checked_trade(
    symbol: str, exchange_ns: int | None, received_ns: int, price: object, size: object, aggressor: str
) -> LiveTrade:
    """Returns a trade. aggressor: as LiveTrade has it. Raises RefusedUpdate."""
    exact_price, exact_size = number_of(price, "trade"), number_of(size, "trade")
    if not (exact_price and exact_size):
        raise RefusedUpdate("trade", f"price {exact_price}, size {exact_size}: both must be above 0")
    return LiveTrade(symbol, exchange_ns, received_ns, exact_price, exact_size, aggressor)
