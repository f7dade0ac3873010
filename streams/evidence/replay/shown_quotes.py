"""The quotes of a table that strategies watch, shown to them in the order of market time."""

from bisect import bisect_left
from functools import partial

import numpy as np

from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.strategies.strategy import Tick

BLOCK_ROWS = 10_000
"""Most quotes that are held as Python objects."""


class ShownQuotes:
    """The quotes with both sides, of the symbols that strategies of a loop watch."""

    def __init__(self, table: MarketTable, loop: StrategyLoop) -> None:
        self._table, self._loop = table, loop
        self._watching = [loop.watching(symbol) for symbol in table.symbols]
        is_watched = np.array([bool(participants) for participants in self._watching], np.bool_)
        is_shown = (table.kind == QUOTE) & (table.bid_sz != 0) & (table.ask_sz != 0)
        self._rows = np.flatnonzero(is_shown & is_watched[table.symbol])
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
            for participant in watching[codes[at]]:
                requests = participant.strategy.on_tick(tick)
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
        self._ticks: list[Tick] = list(
            map(partial(tuple.__new__, Tick), zip(*(column[rows].tolist() for column in columns), strict=True))
        )
