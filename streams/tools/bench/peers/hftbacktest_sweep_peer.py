"""Sweeps EMA crosses with hftbacktest, its way: a compiled loop over every quote for each combination, in processes.

The rule is that of examples/ema_cross.py. hftbacktest has no stops, so the loop leaves at a target or a stop itself.
A bar counts changes of the best bid or ask, which is what its book is fed with.
"""

import multiprocessing
import resource
import time
from itertools import product
from typing import Any

import numpy as np
from hftbacktest import GTC, MARKET, ROIVectorMarketDepthBacktest
from numba import njit

from streams.tools.bench.peers.hftbacktest_peer import asset, depth_events
from streams.tools.bench.peers.market_file import MarketFile, load_arrays
from streams.tools.bench.peers.peer_protocol import read_request, send_answer

BYTES_PER_KB, BYTES_PER_MB = 1_024, 1_000_000
FOREVER_NS = 10**15


def trade(hbt: Any, fast: int, slow: int, bar_ticks: int, distance: float, quantity: float) -> int:
    """Trades the rule. Returns the number of orders."""
    count = bars = orders = 0
    averages = (0.0, 0.0)
    position = 0.0
    target = stop = 0.0
    while hbt.wait_next_feed(False, FOREVER_NS) == 2:
        depth = hbt.depth(0)
        if not depth.best_bid < depth.best_ask:
            continue
        mid = (depth.best_bid + depth.best_ask) / 2
        hbt.clear_inactive_orders(0)
        position = hbt.position(0)
        waits = len(hbt.orders(0)) > 0
        if position and not waits:
            price = depth.best_bid if position > 0 else depth.best_ask
            sign = 1.0 if position > 0 else -1.0
            if sign * (price - target) >= 0 or sign * (price - stop) <= 0:
                orders += 1
                if position > 0:
                    hbt.submit_sell_order(0, orders, price, quantity, GTC, MARKET, False)
                else:
                    hbt.submit_buy_order(0, orders, price, quantity, GTC, MARKET, False)
                waits = True
        count += 1
        if count % bar_ticks:
            continue
        bars += 1
        before = averages if bars > 1 else (mid, mid)
        averages = (
            before[0] + (mid - before[0]) * 2 / (fast + 1),
            before[1] + (mid - before[1]) * 2 / (slow + 1),
        )
        is_above = averages[0] > averages[1]
        if bars > slow and (before[0] > before[1]) != is_above and not waits and not position:
            orders += 1
            sign = 1.0 if is_above else -1.0
            target, stop = mid + sign * mid * distance, mid - sign * mid * distance
            if is_above:
                hbt.submit_buy_order(0, orders, depth.best_ask, quantity, GTC, MARKET, False)
            else:
                hbt.submit_sell_order(0, orders, depth.best_bid, quantity, GTC, MARKET, False)
    return orders


_market: list[Any] = []


def _open(path: str) -> None:
    market = load_arrays(MarketFile, path)
    _market.extend((market, depth_events(market), njit(trade)))


def _run(terms: tuple[int, int, int, float, float]) -> tuple[int, float]:
    market, events, compiled = _market
    hbt = ROIVectorMarketDepthBacktest([asset(market, events, np.concatenate([market.bid_px, market.ask_px]))])
    orders = compiled(hbt, *terms)
    hbt.close()
    return int(orders), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_KB / BYTES_PER_MB


def main() -> None:
    """Answers with seconds, compiling in each process included, peak memory of a process in megabytes, and orders."""
    request = read_request()
    (bar_ticks,), (distance_bps,), (quantity,) = (request[name] for name in ("bar_ticks", "distance_bps", "quantity"))
    points = [
        (fast, slow, bar_ticks, distance_bps / 10_000, float(quantity))
        for fast, slow in product(request["fast"], request["slow"])
    ]
    started = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(request["jobs"][0], _open, (request["market"],)) as pool:
        found = pool.map(_run, points, chunksize=1)
    seconds = time.perf_counter() - started
    send_answer(seconds=seconds, process_mb=max(peak for _, peak in found), orders=sum(count for count, _ in found))


if __name__ == "__main__":
    main()
