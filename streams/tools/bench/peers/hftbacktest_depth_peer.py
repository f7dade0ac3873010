"""Measures the processor time of hftbacktest on files of depth, trades and orders, all compiled before.

The measurement favours hftbacktest as hftbacktest_peer does; its queue model is the one that only trades move up.
"""

import time
from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit
from numpy.typing import NDArray

from streams.tools.bench.peers.depth_file import ASK, BID, BUY, SELL, DepthFile
from streams.tools.bench.peers.hftbacktest_peer import ROUNDS, UNIT, asset, steps_of, take_steps
from streams.tools.bench.peers.market_file import load_arrays
from streams.tools.bench.peers.peer_protocol import pack_flags, read_request, send_answer

SEEN = EXCH_EVENT | LOCAL_EVENT
KINDS = {
    BID: BUY_EVENT | DEPTH_EVENT,
    ASK: SELL_EVENT | DEPTH_EVENT,
    BUY: BUY_EVENT | TRADE_EVENT,
    SELL: SELL_EVENT | TRADE_EVENT,
}


def depth_and_trades(market: DepthFile) -> NDArray[Any]:
    """Returns hftbacktest's events, which venue and strategy see at the same time."""
    kinds = np.array([KINDS[kind] | SEEN for kind in range(len(KINDS))], np.uint64)
    events = np.zeros(len(market.event_ts), event_dtype)
    events["ev"] = kinds[market.event_kind]
    events["exch_ts"] = events["local_ts"] = market.event_ts
    events["px"], events["qty"] = market.event_px / UNIT, market.event_sz / UNIT
    return events


def main() -> None:
    """Answers with the seconds and the flags of filled orders of each file, under its name."""
    compiled, answer = njit(take_steps), dict[str, float | str]()
    files = {name: load_arrays(DepthFile, path) for name, path in read_request()["files"].items()}
    _measure(compiled, next(iter(files.values())))
    for name, market in files.items():
        answer[f"{name}_s"], answer[f"{name}_filled"] = _measure(compiled, market)
    send_answer(**answer)


def _measure(compiled: Any, market: DepthFile) -> tuple[float, str]:
    """Returns the processor time of the fastest round, and which orders filled."""
    events, steps = depth_and_trades(market), steps_of(market)
    orders = market.order_side > 0, market.order_px / UNIT, market.order_qty / UNIT
    filled, spent = np.zeros(len(market.order_ts), bool), []
    for _ in range(ROUNDS):
        hbt = ROIVectorMarketDepthBacktest([asset(market, events, market.event_px)])
        filled[:] = False
        started = time.process_time()
        compiled(hbt, *steps, *orders, filled)
        spent.append(time.process_time() - started)
        hbt.close()
    return min(spent), pack_flags(filled)


if __name__ == "__main__":
    main()
