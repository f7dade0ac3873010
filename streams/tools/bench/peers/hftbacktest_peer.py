"""Measures hftbacktest on the market file: quotes are changes of a book of one level, a compiled loop sends the orders.

The measurement favours hftbacktest: it uses its fastest book (a vector of the prices that occur), makes no event for a
quote that changes nothing, and takes the fastest of several runs. Compiling is reported separately.
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

from streams.tools.bench.peers.depth_changes import depth_changes
from streams.tools.bench.peers.depth_file import DepthFile
from streams.tools.bench.peers.market_file import Ints, MarketFile, load_arrays
from streams.tools.bench.peers.peer_protocol import Flags, pack_flags, read_request, send_answer

UNIT = 1e9
ROUNDS = 3
ELAPSE_NS = 3_600 * 10**9
"""Market time of one call of elapse after the last order."""
CHECK, CANCEL, SEND = range(3)
"""Kinds of steps, in the order in which steps of the same time are taken."""
DEPTH = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT


def depth_events(market: MarketFile) -> NDArray[Any]:
    """Returns the quotes as hftbacktest's events, which venue and strategy see at the same time."""
    changes = depth_changes(market)
    events = np.zeros(len(changes.quote), event_dtype)
    events["ev"] = np.where(changes.bid, BUY_EVENT, SELL_EVENT) | DEPTH
    events["exch_ts"] = events["local_ts"] = market.quote_ts[changes.quote]
    events["px"], events["qty"] = changes.px / UNIT, changes.size / UNIT
    return events


def steps_of(market: MarketFile | DepthFile) -> tuple[Ints, Ints, Ints]:
    """Returns time, order number and kind of all steps by time: each order is sent, canceled, and checked at its end.

    A cancel is sent latency_ns before the order's cancel_ts, so that it reaches the venue then.
    """
    orders = np.arange(len(market.order_ts))
    times = np.concatenate([market.cancel_ts, market.cancel_ts - market.latency_ns, market.order_ts])
    kinds = np.repeat([CHECK, CANCEL, SEND], len(orders))
    order = np.lexsort((kinds, times))
    return times[order], np.tile(orders, 3)[order], kinds[order]


def take_steps(hbt: Any, at: Ints, number: Ints, kind: Ints, buys: Flags, px: Any, qty: Any, filled: Flags) -> None:
    """Takes the steps. Ended orders are cleared only before one is sent: one that is gone when checked has filled."""
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
        if kind[step] == CHECK:
            filled[n] = order is None or order.status == FILLED
        elif order is not None and order.cancellable:
            hbt.cancel(0, n, False)
    while hbt.elapse(ELAPSE_NS) == 0:
        pass


def main() -> None:
    """Answers with quotes a second, seconds of loading and compiling, and the flags of filled orders."""
    market = load_arrays(MarketFile, read_request()["market"])
    started = time.perf_counter()
    events = depth_events(market)
    steps = steps_of(market)
    order_columns = market.order_side > 0, market.order_px / UNIT, market.order_qty / UNIT
    load_s = time.perf_counter() - started
    compiled, spent = njit(take_steps), []
    filled = np.zeros(len(market.order_ts), bool)
    for _ in range(ROUNDS + 1):
        hbt = ROIVectorMarketDepthBacktest([asset(market, events, np.concatenate([market.bid_px, market.ask_px]))])
        filled[:] = False
        started = time.perf_counter()
        compiled(hbt, *steps, *order_columns, filled)
        spent.append(time.perf_counter() - started)
        hbt.close()
    best = min(spent[1:])
    send_answer(
        quotes_per_s=len(market.quote_ts) / best,
        compile_s=spent[0] - best,
        load_s=load_s,
        events=len(events),
        filled=pack_flags(filled),
    )


def asset(market: MarketFile | DepthFile, events: NDArray[Any], prices: Ints) -> Any:
    """Returns hftbacktest's asset: whole fills by a queue that only trades move up. prices: all that occur, 1e-9."""
    tick, lot = float(market.tick_size[0]) / UNIT, float(market.lot_size[0]) / UNIT
    low, high = float(prices.min()) / UNIT, float(prices.max()) / UNIT
    made = BacktestAsset().data([events]).linear_asset(1.0).constant_order_latency(int(market.latency_ns[0]), 0)
    made = made.risk_adverse_queue_model().no_partial_fill_exchange().last_trades_capacity(0)
    return made.tick_size(tick).lot_size(lot).roi_lb(low - tick).roi_ub(high + tick)


if __name__ == "__main__":
    main()
