"""Markets with books, and runs of declared strategies over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from streams.core.reference.declarations import InstrumentConfig
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.simulate import ReplayRun, simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import BOOK, QUOTE, MarketTable
from tests.builders import MS, config, px, top_of_book
from tests.evidence.replay.markets import Store

CORE = config(account_partitions=2, execution_partitions=2, simulators=(top_of_book(3),))
LEVELS = 3
TICK = px("0.01")


def book_market(
    seed: int, seconds: float = 4, instruments: tuple[InstrumentConfig, ...] = CORE.instruments
) -> MarketTable:
    """Returns a market of some symbols in which a book of three levels a side follows each fourth quote."""
    table = synthetic(SyntheticMarket(seed, seconds), instruments)
    table = replace(table, time=table.time // (5 * MS) * (5 * MS))
    rows = np.flatnonzero((table.kind == QUOTE) & (table.bid_sz > 0) & (table.ask_sz > 0))[::4]
    steps = np.arange(LEVELS) * TICK
    prices = np.concatenate([[*(table.bid_px[row] - steps), *(table.ask_px[row] + steps)] for row in rows])
    sizes = np.concatenate([[table.bid_sz[row]] * LEVELS + [table.ask_sz[row]] * LEVELS for row in rows])
    count = len(rows)
    books = MarketTable(
        table.symbols,
        table.symbol[rows],
        np.full(count, BOOK, np.uint8),
        table.time[rows],
        np.arange(count) * 2 * LEVELS,
        np.full(count, LEVELS),
        np.full(count, LEVELS),
        np.zeros(count, np.int64),
        prices.astype(np.int64),
        sizes.astype(np.int64),
    )
    return MarketTable.merged([table, books])


def until(table: MarketTable, end_ns: int) -> MarketTable:
    """Returns the updates up to a time."""
    names = ("symbol", "kind", "time", "bid_px", "bid_sz", "ask_px", "ask_sz")
    columns: dict[str, Any] = {name: getattr(table, name)[table.time <= end_ns] for name in names}
    return replace(table, **columns)


def traded(
    table: MarketTable, strategies: dict[str, Any], is_one_by_one: bool = False, core: Any = CORE
) -> tuple[ReplayRun, Store]:
    """Runs strategies over a market, in columns or update by update."""
    store, inputs = Store(), market_only(table, core)
    what_if = WhatIf.parse({"strategies": strategies}, "test")
    return simulate("r", core, list(inputs) if is_one_by_one else inputs, what_if, store), store
