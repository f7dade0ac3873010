"""Finds the source of a venue by its name: what installed packages add, Alpaca, and every exchange that ccxt streams.

A package adds a source under the entry point group paper.sources: the entry's name is the venue's, its object is called
with the addresses that replace the venue's own, and returns a Source.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points

from infra.build.extras import ALPACA, LIVE, bring
from streams.errors import FeedError
from streams.pipeline.live.alpaca_keys import ALPACA_VENUE
from streams.pipeline.live.source import Source

GROUP = "paper.sources"

MakeSource = Callable[[Mapping[str, str]], Source]


def open_source(venue: str, urls: Mapping[str, str] | None = None) -> Source:
    """Returns the source of a venue, not yet connected.

    urls: addresses that replace the venue's own; see streams.pipeline.live.ccxt_urls and alpaca_source.

    Raises:
        FeedError: no source has this name.
        MissingExtra: ccxt or alpaca-py is absent and can't be installed.
    """
    added = {entry.name: entry for entry in entry_points(group=GROUP)}
    if venue in added:
        make: MakeSource = added[venue].load()
        return make(urls or {})
    if venue == ALPACA_VENUE:
        bring(ALPACA)
        from streams.pipeline.live.alpaca_source import AlpacaSource

        return AlpacaSource(urls or {})
    bring(LIVE)
    demand_exchange(venue, tuple(added))
    from streams.pipeline.live.ccxt_source import CcxtSource

    return CcxtSource(venue, urls or {})


def demand_exchange(venue: str, others: Sequence[str] = ()) -> None:
    """Raises FeedError with the nearest names if ccxt streams no exchange of this name. others: further names."""
    import ccxt.pro

    if venue not in ccxt.pro.exchanges:
        near = get_close_matches(venue.lower(), [*others, *ccxt.pro.exchanges]) or ["binance", "kraken", "okx"]
        raise FeedError(f"venue {venue}: no source has this name; near it are {', '.join(near)}")
