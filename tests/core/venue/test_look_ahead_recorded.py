"""Tests of look-ahead on recorded markets, with orders of every type: skipping changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.table import BOOK, COLUMNS, QUOTE, MarketTable
from tests.builders import config, instrument, mock_config, px, top_of_book
from tests.core.simulators.long_markets import Traded, request
from tests.core.simulators.rich_stories import LATENCY

MARKETS = {
    "AAPL": ("AAPL.US", "0.01", "1"),
    "AIG": ("AIG.US", "0.01", "1"),
    "BTCUSDT": ("BTCUSDT.BINANCE_USDM", "0.1", "0.001"),
    "ETHUSDT": ("ETHUSDT.BINANCE_SPOT", "0.01", "0.0001"),
    "EURUSD": ("EURUSD.OANDA", "0.00001", "1"),
}
"""Symbol, tick and lot by the beginning of the files' names."""
INSTRUMENTS = tuple(instrument(name, tick_size=tick, lot_size=lot) for name, tick, lot in MARKETS.values())
CORES: dict[str, CoreConfig] = {
    "touch": config(instruments=INSTRUMENTS, simulators=(top_of_book(5),), mark_interval_ms=1_000),
    "trade-through": config(instruments=INSTRUMENTS, simulators=(top_of_book(fill={"model": "trade-through"}),)),
    "queue": config(
        instruments=INSTRUMENTS,
        simulators=(top_of_book(fill={"model": "queue"}, queue={"model": "power"}, latency=LATENCY),),
    ),
    "mock": mock_config(latency_ms_max=20, slippage_bps="2", failure_rate="0.01", instruments=INSTRUMENTS),
}
WINDOW, EVERY, RECORD = 3_000, 25, 500
"""Number of updates of a window, for each request, and of a record."""


def messages(table: MarketTable, traded: Traded, first: int, last: int) -> Iterator[Message]:
    """Yields the market from first to last in records, and before each record the requests of its time."""
    draw, known = Random(first), list[str]()
    times, middles = table.time, np.where(table.kind == QUOTE, table.bid_px, 0)
    for start in range(first, last, RECORD):
        stop = min(start + RECORD, last)
        rows = sorted(draw.sample(range(start, stop), (stop - start) // EVERY))
        for row in rows:
            middle = int(middles[row])
            if middle:
                yield request(draw, traded, f"o{row}", known, middle, int(times[row]))
                known.append(f"o{row}")
        yield from pack(table, start, stop)


def of_market(folder: Path, begins: str) -> MarketTable:
    return MarketTable.merged([read_file(path) for path in sorted(folder.glob(f"{begins}*.csv.gz"))])


def compare(table: MarketTable, begins: str, core: CoreConfig, first: int, last: int) -> int:
    """Compares both shards record by record; returns the number of outputs."""
    symbol, tick, lot = MARKETS[begins]
    exact, skipping = ExecutionShard(core, 0, exact=True), ExecutionShard(core, 0)
    count = 0
    for message in messages(table, Traded(symbol, px(tick), px(lot)), first, last):
        expected = exact.apply(message, None)
        assert repr(skipping.apply(message, None)) == repr(expected)
        count += len(expected)
    assert skipping.to_state() == exact.to_state()
    return count


@pytest.mark.parametrize("begins", MARKETS)
def test_skipping_is_exact_on_recorded_markets(market_data_folder: Path, begins: str) -> None:
    table = of_market(market_data_folder, begins)
    for number, core in enumerate(CORES.values(), 1):
        first = min(len(table) * number // 6, max(len(table) - WINDOW, 0))
        assert compare(table, begins, core, first, min(first + WINDOW, len(table))) > WINDOW // EVERY // 2
        if begins == "BTCUSDT":
            quotes = without_books(table)
            assert compare(quotes, begins, core, first // 2, first // 2 + WINDOW) > WINDOW // EVERY // 2


def without_books(table: MarketTable) -> MarketTable:
    """Returns the quotes and trades alone, as from a source without depth."""
    rows = np.flatnonzero(table.kind != BOOK)
    columns = {name: getattr(table, name)[rows] for name in COLUMNS}
    return MarketTable(table.symbols, table.symbol[rows], **columns)
