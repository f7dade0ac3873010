"""The updates of a table that strategies watch, shown to them in the order of market time."""

from bisect import bisect_left
from functools import partial

import numpy as np

from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.pipeline.feed.pack import record_of
from streams.pipeline.feed.table import BOOK, QUOTE, SETTLEMENT, SPLIT, TRADE, MarketTable
from streams.strategies.market_view import TradeUpdate, Update, updates_of
from streams.strategies.strategy import Tick

A_TRADE = TradeUpdate(0, 0, "-", 0)
BLOCK_ROWS = 10_000
"""Most quotes that are held as Python objects."""


class ShownQuotes:
    """The updates that strategies of a loop watch: quotes with both sides; for some also trades, books and events."""

    def __init__(self, table: MarketTable, loop: StrategyLoop) -> None:
        self._table, self._loop = table, loop
        watching = [loop.watching(symbol) for symbol in table.symbols]
        others = [[each for each in found if each.sees(A_TRADE)] for found in watching]
        names = table.symbols * 2
        self._watching = [
            [(each, each.caller(names[at])) for each in found] for at, found in enumerate(watching + others)
        ]
        is_watched, is_watched_whole = (
            np.array([bool(found) for found in each], np.bool_) for each in (watching, others)
        )
        is_quote = (table.kind == QUOTE) & (table.bid_sz != 0) & (table.ask_sz != 0)
        is_other = np.isin(table.kind, (TRADE, BOOK, SPLIT, SETTLEMENT)) & is_watched_whole[table.symbol]
        self._rows = np.flatnonzero(is_quote & is_watched[table.symbol] | is_other)
        self._read = self._at = 0
        self._read_block()

    def show(self, stop: int) -> int:
        """Shows the quotes before a row, as far as no request must be sent before. Returns the row it came to."""
        stop = self._before_requests(stop)
        while self._at < (end := bisect_left(self._numbers, stop, self._at)):
            if self._show_until(end):
                stop = self._before_requests(stop)
            if self._at == len(self._numbers):
                self._read_block()
        return stop

    def _show_until(self, end: int) -> bool:
        """Shows the quotes of the block up to one upon which a request follows. Returns whether there is one."""
        ticks, codes, watching, loop = self._ticks, self._codes, self._watching, self._loop
        for at in range(self._at, end):
            tick, asks = ticks[at], False
            for participant, call in watching[codes[at]]:
                requests = call(tick)
                if requests:
                    loop.keep(participant.stamped(requests, tick.ts))
                    asks = True
            if asks:
                self._at = at + 1
                return True
        self._at = end
        return False

    def _before_requests(self, stop: int) -> int:
        """Returns the first row before which a request must be sent, or stop if that is earlier."""
        due_ns = self._loop.due_ns
        return stop if due_ns is None else min(stop, int(self._table.time.searchsorted(due_ns, side="right")))

    def _read_block(self) -> None:
        rows, table = self._rows[self._read : self._read + BLOCK_ROWS], self._table
        self._read += len(rows)
        self._at = 0
        self._numbers: list[int] = rows.tolist()
        self._codes: list[int] = table.symbol[rows].tolist()
        columns = (table.bid_px, table.bid_sz, table.ask_px, table.ask_sz, table.time)
        self._ticks: list[Update] = list(
            map(partial(tuple.__new__, Tick), zip(*(column[rows].tolist() for column in columns), strict=True))
        )
        for at in np.flatnonzero(table.kind[rows] != QUOTE).tolist():
            symbol = table.symbols[self._codes[at]]
            (self._ticks[at],) = updates_of(record_of(table, symbol, rows[at : at + 1]))
            self._codes[at] += len(table.symbols)
