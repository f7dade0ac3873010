"""Quotes as changes of a book that holds one level a side, which is how hftbacktest reads a market. numpy alone."""

from typing import NamedTuple

import numpy as np

from streams.tools.bench.peers.market_file import Ints, MarketFile
from streams.tools.bench.peers.peer_protocol import Flags

CHANGES = 4
"""Most that a quote changes: a level comes and one goes, on each side."""


class Changes(NamedTuple):
    """Shape (k,), in their order: quote, whether of its bid, price and size of the level (1e-9); size 0 removes it."""

    quote: Ints
    bid: Flags
    px: Ints
    size: Ints


def depth_changes(market: MarketFile) -> Changes:
    """What each quote changes; nothing where it repeats the one before.

    A side's new level comes before the old one goes, and a side that makes room before the one that follows, so that
    the book is never empty and never crosses by the order of changes alone. After a locked or crossed quote both levels
    are told anew: hftbacktest drops the level that another one meets.
    """
    met = np.concatenate([[False], (market.bid_px >= market.ask_px)[:-1]])
    sides = zip(_side(market.bid_px, market.bid_sz, met), _side(market.ask_px, market.ask_sz, met), strict=True)
    ask_first = (np.diff(market.bid_px, prepend=0) > 0)[:, None]
    keep, px, size = (
        np.where(ask_first, np.hstack([of_ask, of_bid]), np.hstack([of_bid, of_ask])).ravel()
        for of_bid, of_ask in sides
    )
    bid = np.where(ask_first, [[False, False, True, True]], [[True, True, False, False]]).ravel()
    quote = np.repeat(np.arange(len(market.quote_ts)), CHANGES)
    return Changes(quote[keep], bid[keep], px[keep], size[keep])


def _side(px: Ints, size: Ints, again: Flags) -> tuple[Flags, Ints, Ints]:
    """Of each quote the new level and the removal of the old one: whether there is one, its price, its size."""
    before = np.concatenate([[0], px[:-1]])
    moved = px != before
    shown = moved | (np.diff(size, prepend=0) != 0) | again
    removed = moved & (before > 0)
    return np.stack([shown, removed], 1), np.stack([px, before], 1), np.stack([size, np.zeros_like(size)], 1)
