"""Makes updates of ccxt's tickers, trades and books, and refuses what no market can have said.

ccxt gives floats. repr of a float is the shortest text that reads back as the same float, so it is the venue's own text
for up to 15 digits, which prices and sizes have.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_MS, PRICE_MAX, NotRepresentable, to_price
from streams.pipeline.live.ccxt_refusals import RefusedUpdate
from streams.pipeline.live.source import Level, LiveBook, LiveQuote, LiveTrade

DEPTH = 20
"""Levels of each side that a book update carries."""
NUMBERS_KEPT = 65_536
AGGRESSORS = {"buy": "B", "sell": "S"}
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


def time_of(millis: object, received_ns: int) -> int | None:
    """Returns the venue's time in UTC nanoseconds; None if it tells none. Raises RefusedUpdate."""
    if millis is None:
        return None
    if not isinstance(millis, int | float) or isinstance(millis, bool) or not 0 < millis < 1e15:
        raise RefusedUpdate("time", f"{str(millis)[:40]} is not a time in milliseconds since 1970")
    time_ns = int(millis * NANOS_PER_MS)
    if time_ns > received_ns + NANOS_PER_DAY:
        raise RefusedUpdate("time", f"{time_ns} ns is more than a day ahead of this computer's clock")
    return time_ns


def quote_of(symbol: str, ticker: Mapping[str, Any], received_ns: int) -> LiveQuote:
    """Returns the best bid and ask of a ticker; a side without price or size is empty. Raises RefusedUpdate."""
    bid, bid_size = _side(ticker, "bid")
    ask, ask_size = _side(ticker, "ask")
    if bid and ask and bid > ask:
        raise RefusedUpdate("quote", f"bid {bid} is above ask {ask}")
    time_ns = time_of(ticker.get("timestamp"), received_ns)
    return LiveQuote(symbol, time_ns, received_ns, bid, bid_size, ask, ask_size)


def _side(ticker: Mapping[str, Any], side: str) -> Level:
    price = number_of(ticker.get(side), "quote")
    size = number_of(ticker.get(f"{side}Volume"), "quote")
    return (price, size) if price and size else (NOTHING, NOTHING)


def trade_of(symbol: str, trade: Mapping[str, Any], received_ns: int) -> LiveTrade:
    """Returns a trade. Raises RefusedUpdate."""
    price, size = number_of(trade.get("price"), "trade"), number_of(trade.get("amount"), "trade")
    if not (price and size):
        raise RefusedUpdate("trade", f"price {price}, size {size}: both must be above 0")
    side = trade.get("side")
    aggressor = AGGRESSORS.get(side, "-") if isinstance(side, str) else "-"
    return LiveTrade(symbol, time_of(trade.get("timestamp"), received_ns), received_ns, price, size, aggressor)


def book_of(symbol: str, book: Mapping[str, Any], received_ns: int) -> LiveBook:
    """Returns the best levels of a book. Raises RefusedUpdate."""
    bids, asks = _levels(book["bids"], -1), _levels(book["asks"], 1)
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise RefusedUpdate("book", f"best bid {bids[0][0]} is not below best ask {asks[0][0]}")
    return LiveBook(symbol, time_of(book.get("timestamp"), received_ns), received_ns, bids, asks)


def _levels(side: Sequence[Sequence[object]], direction: int) -> tuple[Level, ...]:
    """Returns the best levels, best first. direction: 1 if prices must rise, -1 if they must fall."""
    found: list[Level] = []
    for index in range(min(len(side), DEPTH)):
        level = side[index]
        price, size = number_of(level[0], "book"), number_of(level[1], "book")
        if not (price and size):
            raise RefusedUpdate("book", f"level {index} has price {price} and size {size}: both must be above 0")
        if found and (price - found[-1][0]) * direction <= 0:
            raise RefusedUpdate("book", f"level {index} at {price} is out of order after {found[-1][0]}")
        found.append((price, size))
    return tuple(found)
