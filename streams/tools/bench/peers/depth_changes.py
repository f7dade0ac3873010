"""Quotes as changes of a book with one level on each side, the form in which hftbacktest reads a market.

This module runs in both environments, so it imports numpy alone.
"""

from typing import NamedTuple

import numpy as np

from streams.tools.bench.peers.market_file import Ints, MarketFile
from streams.tools.bench.peers.peer_protocol import Flags

CHANGES = 4
"""Most changes of a quote: on each side a level is added and one is removed."""


class DepthChanges(NamedTuple):
    """The changes of a book in their order; all arrays have shape (k,).

    Attributes:
        quote: number of the quote that makes the change.
        bid: True for the bid side.
        px: price of the level, 1e-9.
        size: new size of the level, 1e-9; 0 removes the level.
    """

    quote: Ints
    bid: Flags
    px: Ints
    size: Ints


def depth_changes(market: MarketFile) -> DepthChanges:
    """Returns the changes of each quote; a quote that repeats the one before has none.

    A side's new level is added before its old one is removed, and the side that makes room changes first. So the book
    is never empty, and the order of changes alone never crosses it. After a locked or crossed quote both levels are
    sent again, because hftbacktest drops a level that another one meets.
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
    return DepthChanges(quote[keep], bid[keep], px[keep], size[keep])


def _side(px: Ints, size: Ints, again: Flags) -> tuple[Flags, Ints, Ints]:
    """Returns for each quote the new level and the removal of the old one: whether it is needed, price and size."""
    before = np.concatenate([[0], px[:-1]])
    moved = px != before
    shown = moved | (np.diff(size, prepend=0) != 0) | again
    removed = moved & (before > 0)
    return np.stack([shown, removed], 1), np.stack([px, before], 1), np.stack([size, np.zeros_like(size)], 1)
