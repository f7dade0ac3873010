"""The file of a market that hftbacktest reads: changes of price levels, trades and orders as arrays.

This module runs in both environments, so it imports numpy alone.
"""

from typing import NamedTuple

from streams.tools.bench.peers.market_file import Ints

BID, ASK, BUY, SELL = range(4)
"""Kinds of events: a level of a side has another size; a trade by a buyer, by a seller."""


class DepthFile(NamedTuple):
    """One symbol's k events and m limit orders, both by time. Units and orders as in MarketFile.

    Attributes:
        event_ts, event_kind, event_px, event_sz: shape (k,); a level's size is the new one, 0 if it is gone.
        order_ts, order_side, order_px, order_qty, cancel_ts: shape (m,).
        tick_size, lot_size, latency_ns: shape (1,).
    """

    event_ts: Ints
    event_kind: Ints
    event_px: Ints
    event_sz: Ints
    order_ts: Ints
    order_side: Ints
    order_px: Ints
    order_qty: Ints
    cancel_ts: Ints
    tick_size: Ints
    lot_size: Ints
    latency_ns: Ints
