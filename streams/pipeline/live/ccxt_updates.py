"""Makes updates of ccxt's tickers, trades and books, and refuses what no market can have said."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.live.source import Level, LiveBook, LiveQuote, LiveTrade
from streams.pipeline.live.update_checks import checked_quote, checked_trade, demand_past, number_of, side_of
from streams.pipeline.live.update_refusals import RefusedUpdate

DEPTH = 20
"""Levels of each side that a book update carries."""
AGGRESSORS = {"buy": "B", "sell": "S"}


def time_of(millis: object, received_ns: int) -> int | None:
    """Returns the venue's time in UTC nanoseconds; None if it tells none. Raises RefusedUpdate."""
    if millis is None:
        return None
    if not isinstance(millis, int | float) or isinstance(millis, bool) or not 0 < millis < 1e15:
        raise RefusedUpdate("time", f"{str(millis)[:40]} is not a time in milliseconds since 1970")
    time_ns = int(millis * NANOS_PER_MS)
    demand_past(time_ns, received_ns)
    return time_ns


def quote_of(symbol: str, ticker: Mapping[str, Any], received_ns: int) -> LiveQuote:
    """Returns the best bid and ask of a ticker; a side without price or size is empty. Raises RefusedUpdate."""
    bid = side_of(ticker.get("bid"), ticker.get("bidVolume"))
    ask = side_of(ticker.get("ask"), ticker.get("askVolume"))
    return checked_quote(symbol, time_of(ticker.get("timestamp"), received_ns), received_ns, bid, ask)


def trade_of(symbol: str, trade: Mapping[str, Any], received_ns: int) -> LiveTrade:
    """Returns a trade. Raises RefusedUpdate."""
    side = trade.get("side")
    aggressor = AGGRESSORS.get(side, "-") if isinstance(side, str) else "-"
    time_ns = time_of(trade.get("timestamp"), received_ns)
    return checked_trade(symbol, time_ns, received_ns, trade.get("price"), trade.get("amount"), aggressor)


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
