"""Asks a venue which of its symbols it trades: one that is delisted falls silent, and no connection tells why."""

import asyncio
from collections.abc import Mapping, Sequence

from streams.pipeline.live.ccxt_exchange import listing_of

LISTING_EVERY_S = 60.0
"""Seconds from one look at the venue's list of symbols to the next."""
STATUS_CHARS = 40


def untraded_symbols(venue: str, urls: Mapping[str, str], symbols: Sequence[str]) -> dict[str, str]:
    """Returns which of the symbols the venue does not trade now, and why. Raises FeedError if it can't be asked.

    Has an event loop of its own for a thread of its own: some venues list thousands of symbols, and reading them would
    hold up the feed. urls: see ccxt_urls.
    """
    return asyncio.run(_untraded(venue, urls, symbols))


async def _untraded(venue: str, urls: Mapping[str, str], symbols: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    async with listing_of(venue, urls) as exchange:
        for symbol in symbols:
            market = exchange.markets.get(symbol)
            if market is None:
                found[symbol] = "the venue lists it no more"
            elif market.get("active") is False:
                told = (market.get("info") or {}).get("status")
                status = told[:STATUS_CHARS] if isinstance(told, str) else "inactive"
                found[symbol] = f"the venue's status of it is {status}"
    return found
