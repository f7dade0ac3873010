"""hftbacktest on the market file: quotes as changes of a book of one level, orders sent by a compiled loop.

Kind to it: its fastest book (a vector of the prices that occur), no event for a quote that changes nothing, fastest of
some runs; compiling is stated apart.
"""

import time
from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    FILLED,
    GTC,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit
from numpy.typing import NDArray

from streams.bench.peers.answer import Flags, packed, reply, request
from streams.bench.peers.market_file import Ints, MarketFile

UNIT = 1e9
ROUNDS = 3
HOUR_NS = 3_600 * 10**9
LOOK, CANCEL, SEND = range(3)
"""Kinds of steps, in their order at one time."""
DEPTH = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT


def depth_events(market: MarketFile) -> NDArray[Any]:
    """Each quote as what it changes of the depth.

    A side's new level comes before the old one goes, and a side that makes room before the one that follows, so that
    the book is never empty and never crosses by the order of events alone. After a locked quote both levels are told
    anew: hftbacktest drops the level that another one meets.
    """
    met = np.concatenate([[False], (market.bid_px >= market.ask_px)[:-1]])
    bid, ask = _side(market.bid_px, market.bid_sz, met), _side(market.ask_px, market.ask_sz, met)
    rises = (np.diff(market.bid_px, prepend=0) > 0)[:, None]
    keep, px, size = (
        np.where(rises, np.hstack([b, a]), np.hstack([a, b])).ravel() for a, b in zip(bid, ask, strict=True)
    )
    kind = np.where(rises, [[SELL_EVENT] * 2 + [BUY_EVENT] * 2], [[BUY_EVENT] * 2 + [SELL_EVENT] * 2]).ravel()
    events = np.zeros(np.count_nonzero(keep), event_dtype)
    events["ev"] = kind[keep] | DEPTH
    events["exch_ts"] = events["local_ts"] = np.repeat(market.quote_ts, 4)[keep]
    events["px"], events["qty"] = px[keep] / UNIT, size[keep] / UNIT
    return events


def _side(px: Ints, size: Ints, again: Flags) -> tuple[Flags, Ints, Ints]:
    """Of each quote the new level and the removal of the old one: whether there is one, its price, its size."""
    before = np.concatenate([[0], px[:-1]])
    moved = px != before
    shown = moved | (np.diff(size, prepend=0) != 0) | again
    removed = moved & (before > 0)
    return np.stack([shown, removed], 1), np.stack([px, before], 1), np.stack([size, np.zeros_like(size)], 1)


def steps_of(market: MarketFile) -> tuple[Ints, Ints, Ints]:
    """Time, number of the order and kind of all steps by time: it is sent, canceled, and looked at when it has ended.

    A cancel is sent so early that it reaches the venue at the order's cancel_ts.
    """
    orders = np.arange(len(market.order_ts))
    times = np.concatenate([market.cancel_ts, market.cancel_ts - market.latency_ns, market.order_ts])
    kinds = np.repeat([LOOK, CANCEL, SEND], len(orders))
    order = np.lexsort((kinds, times))
    return times[order], np.tile(orders, 3)[order], kinds[order]


def _run(hbt: Any, at: Ints, number: Ints, kind: Ints, buys: Flags, px: Any, qty: Any, filled: Flags) -> None:
    """Takes the steps. Ended orders are forgotten only before one is sent: a canceled one still stands at its look."""
    hbt.elapse(0)
    for step in range(len(at)):
        if at[step] > hbt.current_timestamp:
            hbt.elapse(at[step] - hbt.current_timestamp)
        n = number[step]
        if kind[step] == SEND:
            hbt.clear_inactive_orders(0)
            if buys[n]:
                hbt.submit_buy_order(0, n, px[n], qty[n], GTC, LIMIT, False)
            else:
                hbt.submit_sell_order(0, n, px[n], qty[n], GTC, LIMIT, False)
            continue
        order = hbt.orders(0).get(n)
        if kind[step] == LOOK:
            filled[n] = order is None or order.status == FILLED
        elif order is not None and order.cancellable:
            hbt.cancel(0, n, False)
    while hbt.elapse(HOUR_NS) == 0:
        pass


def main() -> None:
    """Answers with quotes a second, seconds of loading and compiling, and which orders have filled."""
    market = MarketFile.read(request()["market"])
    started = time.perf_counter()
    events = depth_events(market)
    steps = steps_of(market)
    order_columns = market.order_side > 0, market.order_px / UNIT, market.order_qty / UNIT
    load_s = time.perf_counter() - started
    compiled, spent = njit(_run), []
    filled = np.zeros(len(market.order_ts), bool)
    for _ in range(ROUNDS + 1):
        hbt = ROIVectorMarketDepthBacktest([_asset(market, events)])
        filled[:] = False
        started = time.perf_counter()
        compiled(hbt, *steps, *order_columns, filled)
        spent.append(time.perf_counter() - started)
        hbt.close()
    best = min(spent[1:])
    reply(
        quotes_per_s=len(market.quote_ts) / best,
        compile_s=spent[0] - best,
        load_s=load_s,
        events=len(events),
        filled=packed(filled),
    )


def _asset(market: MarketFile, events: NDArray[Any]) -> Any:
    tick, lot = float(market.tick_size[0]) / UNIT, float(market.lot_size[0]) / UNIT
    low, high = float(market.bid_px.min()) / UNIT, float(market.ask_px.max()) / UNIT
    asset = BacktestAsset().data([events]).linear_asset(1.0).constant_order_latency(int(market.latency_ns[0]), 0)
    asset = asset.risk_adverse_queue_model().no_partial_fill_exchange().last_trades_capacity(0)
    return asset.tick_size(tick).lot_size(lot).roi_lb(low - tick).roi_ub(high + tick)


if __name__ == "__main__":
    main()
