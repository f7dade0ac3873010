"""Sweeps EMA crosses with vectorbt, its way: all combinations as columns of one table of bars, in one process.

The bars are the closes of a number of quotes. Entries, targets and stops are vectorbt's, at the closes of bars.
"""

import resource
import time
from itertools import product

import numpy as np
import vectorbt as vbt

from streams.tools.bench.peers.market_file import MarketFile, load_arrays
from streams.tools.bench.peers.peer_protocol import read_request, send_answer

UNIT = 1e9
BYTES_PER_KB, BYTES_PER_MB = 1_024, 1_000_000


def main() -> None:
    """Answers with seconds, seconds of the second time, peak memory in megabytes, and trades of all combinations."""
    request = read_request()
    market = load_arrays(MarketFile, request["market"])
    started = time.perf_counter()
    trades = _sweep(market, request)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    _sweep(market, request)
    again = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_KB / BYTES_PER_MB
    send_answer(seconds=seconds, warm_seconds=again, process_mb=peak, orders=trades)


def _sweep(market: MarketFile, request: dict[str, list[int]]) -> int:
    (bar_ticks,), (distance_bps,) = request["bar_ticks"], request["distance_bps"]
    ends = slice(bar_ticks - 1, None, bar_ticks)
    mid = (market.bid_px[ends] + market.ask_px[ends]) / 2 / UNIT
    pairs = list(product(request["fast"], request["slow"]))
    fast, slow = (vbt.MA.run(mid, [pair[at] for pair in pairs], ewm=True).ma.to_numpy() for at in (0, 1))
    above = fast > slow
    crossed = np.zeros_like(above)
    crossed[1:] = above[1:] != above[:-1]
    for column, (_, period) in enumerate(pairs):
        crossed[:period, column] = False
    share = distance_bps / 10_000
    portfolio = vbt.Portfolio.from_signals(
        np.repeat(mid[:, np.newaxis], len(pairs), axis=1),
        entries=crossed & above,
        short_entries=crossed & ~above,
        size=request["quantity"][0],
        sl_stop=share,
        tp_stop=share,
        upon_opposite_entry="ignore",
        init_cash=1_000_000,
    )
    return int(portfolio.trades.count().sum())


if __name__ == "__main__":
    main()
