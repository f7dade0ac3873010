"""Our EMA cross on the recorded day against NautilusTrader's: the same trades, and why some entries come later there.

ema_oracle.py made nautilus_ema_trades.csv with NautilusTrader 1.221.0: its bars, averages, brackets, triggers, fills.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from pathlib import Path

import pytest

from schemas.records.enums import Side
from schemas.records.messages import Fill
from schemas.records.numbers import NANOS_PER_MS, to_price
from streams.pipeline.feed.infer_instruments import infer_instruments
from streams.pipeline.feed.table import MarketTable
from tests.builders import config, top_of_book
from tests.evidence.replay.markets import over_files
from tests.oracle.ema_oracle import LATENCY_MS, PARAMETERS, OracleFill, oracle_market, read_trades


@pytest.fixture(scope="module")
def market(market_data_folder: Path) -> MarketTable:
    return oracle_market(market_data_folder)


@pytest.fixture(scope="module")
def pairs(market: MarketTable) -> list[tuple[Fill, OracleFill]]:
    """Returns our fills, each with NautilusTrader's."""
    core = config(
        simulators=(top_of_book(LATENCY_MS),), instruments=infer_instruments(market), mark_interval_ms=600_000
    )
    told = {"strategy": "examples.ema_cross:EmaCross", "symbol": market.symbols[0], "cash": "1000000"}
    _, store = over_files(core, market, {"strategies": {"ema": told | {"parameters": PARAMETERS}}})
    ours, theirs = store.messages("fills"), read_trades()
    assert len(ours) == len(theirs) > 70
    return list(zip(ours, theirs, strict=True))


def test_both_trade_the_same(pairs: list[tuple[Fill, OracleFill]]) -> None:
    for ours, theirs in pairs:
        assert (ours.side, ours.quantity) == (Side[theirs.side], to_price(theirs.quantity)), theirs


def test_targets_and_stops_fill_at_the_same_time_and_price(pairs: list[tuple[Fill, OracleFill]]) -> None:
    exits = [(ours, theirs) for ours, theirs in pairs if theirs.kind in ("target", "stop")]
    assert {theirs.kind for _, theirs in exits} == {"target", "stop"}
    for ours, theirs in exits:
        assert (ours.ts, ours.price) == (theirs.time_ns, to_price(theirs.price)), theirs


def test_market_orders_fill_at_the_next_quote_there(market: MarketTable, pairs: list[tuple[Fill, OracleFill]]) -> None:
    """NautilusTrader looks at orders that have arrived when the next quote comes, and fills them at that quote.

    Our venue fills them when they arrive, at the quote that stands then. So the time differs, and the price does if the
    next quote has another one.
    """
    times = market.time.tolist()
    different, newest_ns = 0, 0
    for ours, theirs in pairs:
        if theirs.kind in ("entry", "leave"):
            # It leaves upon a refusal, which comes with the entry's fill.
            arrived_ns = ours.ts if theirs.kind == "entry" else newest_ns + LATENCY_MS * NANOS_PER_MS
            touch = market.ask_px if ours.side is Side.BUY else market.bid_px
            standing, following = bisect_right(times, ours.ts) - 1, bisect_left(times, arrived_ns)
            assert ours.price == touch[standing], theirs
            assert (theirs.time_ns, to_price(theirs.price)) == (times[following], touch[following]), theirs
            different += ours.price != touch[following]
        newest_ns = theirs.time_ns
    assert different <= 2, "prices differ by a tick at most where the market moved in these milliseconds"
