"""Opens an exchange of ccxt: its addresses, its list of markets, and the symbols that a user asks for."""

import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import Any

from streams.errors import FeedError
from streams.pipeline.live.ccxt_errors import feed_error
from streams.pipeline.live.ccxt_urls import set_urls

KEEP_ALIVE_MS = 10_000
"""A connection without an answer to a ping for twice this time is lost."""
OPTIONS: dict[str, dict[str, Any]] = {
    # USD-M futures send every change of the book at once: stream depth@0ms.
    "binanceusdm": {"watchOrderBookRate": "0"},
}
"""Options of an exchange that differ from ccxt's own."""


def make_exchange(venue: str) -> Any:
    """Returns ccxt's object of a venue, not yet connected; whoever takes it must close it."""
    exchange = getattr(importlib.import_module("ccxt.pro"), venue)(
        {"enableRateLimit": True, "options": OPTIONS.get(venue, {})}
    )
    exchange.streaming["keepAlive"] = KEEP_ALIVE_MS
    # ccxt asks three times at once for a snapshot that is refused; our back-off heeds the venue's Retry-After.
    exchange.fetch_rest_order_book_safe = exchange.fetch_order_book
    return exchange


async def load_markets(venue: str, exchange: Any, urls: Mapping[str, str]) -> None:
    """Fetches the list of the venue's markets. Raises FeedError if an address is none, or the venue refuses.

    urls: addresses that replace the venue's own, from here on; see ccxt_urls.
    """
    import ccxt

    set_urls(venue, exchange.urls["api"], urls)
    try:
        await exchange.load_markets()
    except ccxt.BaseError as error:
        raise feed_error(venue, error) from error


@asynccontextmanager
async def listing_of(venue: str, urls: Mapping[str, str]) -> AsyncIterator[Any]:
    """Opens a venue only to read its list of markets. Raises as load_markets does."""
    exchange = make_exchange(venue)
    try:
        await load_markets(venue, exchange, urls)
        yield exchange
    finally:
        await close_exchange(exchange)


async def close_exchange(exchange: Any) -> None:
    """Closes all connections for good: a request that waits for its turn would open them again."""
    exchange.open = _refuse
    await exchange.close()


def _refuse() -> None:
    raise ConnectionError("the exchange is closed")


def known_symbols(venue: str, markets: Mapping[str, Any], symbols: Sequence[str]) -> list[str]:
    """Returns symbols in upper case, each once. Raises FeedError if one is unknown or not traded."""
    found: list[str] = []
    for symbol in dict.fromkeys(symbol.upper() for symbol in symbols):
        market = markets.get(symbol)
        if market is None:
            near = get_close_matches(symbol, markets) or sorted(markets)[:3]
            raise FeedError(f"{venue} has no symbol {symbol}; near it are {', '.join(near) or 'none'}")
        if market.get("active") is False:
            raise FeedError(f"{venue} {symbol}: the venue does not trade it now; choose another symbol")
        found.append(symbol)
    return found
