"""The market of a re-simulation in columns, on its way to the execution shards.

A shard gets an update only when something may come of it, or before something else happens in its symbol; then it gets
all updates up to there at once. Its outputs and its state are the same as if it had got each update in its turn.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np

from schemas.records.output import Output
from streams.core.venue.execution_shard import ExecutionShard
from streams.core.venue.market_stretch import MarketStretch
from streams.pipeline.feed.pack import Rows, record_of
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.partitions import partition_of

STRETCH_ROWS = 1_000
"""Most updates that a venue searches at once for those that matter."""
NO_ROW = 2**62


class ColumnMarket:
    """The updates of a table, which is sorted by market time and checked. row: number of those whose turn has come."""

    def __init__(self, table: MarketTable, shards: Sequence[ExecutionShard], by_event: bool) -> None:
        self.row = 0
        by_symbol = np.argsort(table.symbol, kind="stable")
        bounds = np.searchsorted(table.symbol[by_symbol], np.arange(len(table.symbols) + 1)).tolist()
        self._symbols: dict[str, _SymbolUpdates] = {}
        for symbol, first, stop in zip(table.symbols, bounds[:-1], bounds[1:], strict=True):
            if first < stop:
                partition = partition_of(symbol, len(shards))
                updates = _SymbolUpdates(table, symbol, by_symbol[first:stop], partition, shards[partition], by_event)
                self._symbols[symbol] = updates
        self._turns = [(updates.turn, symbol) for symbol, updates in self._symbols.items()]
        heapify(self._turns)
        self._touched: list[_SymbolUpdates] = []

    def next_turn(self) -> int:
        """Returns the first row, from row on, that may cause outputs; NO_ROW if none can."""
        for updates in self._touched:
            self._plan(updates)
        self._touched = []
        while self._turns:
            turn, symbol = self._turns[0]
            updates = self._symbols[symbol]
            if turn != updates.turn:
                heappop(self._turns)
            elif turn > self.row or updates.holds(turn):
                return turn
            else:
                self._settle(updates)
                self._plan(updates)
        return NO_ROW

    def take_turn(self) -> list[Output]:
        """Gives a shard the update of next_turn. Returns its outputs."""
        updates = self._symbols[self._turns[0][1]]
        self.row = updates.turn + 1
        self._touched.append(updates)
        return updates.take(self.row)

    def catch_up(self, partition: int, symbol: str) -> None:
        """Gives a shard all updates of a symbol (empty: of its symbols) whose turn has come, because it takes more."""
        known = self._symbols.get(symbol)
        for updates in [known] if known else self._symbols.values() if not symbol else ():
            if updates.partition == partition:
                self._settle(updates)
                self._touched.append(updates)

    def _settle(self, updates: "_SymbolUpdates") -> None:
        outputs = updates.take(self.row)
        assert not outputs, "updates before the next turn cause no outputs"

    def _plan(self, updates: "_SymbolUpdates") -> None:
        if updates.plan():
            heappush(self._turns, (updates.turn, updates.symbol))


class _SymbolUpdates:
    """The updates of one symbol, a stretch of them at a time. turn: the next row that may cause outputs."""

    def __init__(
        self, table: MarketTable, symbol: str, rows: Rows, partition: int, shard: ExecutionShard, by_event: bool
    ) -> None:
        self.symbol, self.partition = symbol, partition
        self.turn = int(rows[0])
        self._table, self._rows, self._shard, self._by_event = table, rows, shard, by_event
        self._opened = 0
        self._open()

    def _open(self) -> None:
        self._numbers = self._rows[self._opened : self._opened + STRETCH_ROWS]
        self._opened += len(self._numbers)
        self._stretch = MarketStretch(record_of(self._table, self.symbol, self._numbers))

    def holds(self, row: int) -> bool:
        """Returns whether the present stretch goes as far as a row."""
        return row <= int(self._numbers[-1])

    def take(self, row: int) -> list[Output]:
        """Gives the shard all updates before a row."""
        stop = int(self._numbers.searchsorted(row))
        if stop == self._stretch.taken:
            return []
        return self._shard.take_stretch(self._stretch, stop, self._by_event)

    def plan(self) -> bool:
        """Finds the next turn, or the end of the stretch. Returns whether it has changed."""
        before = self.turn
        if self._stretch.taken == len(self._numbers) and self._opened < len(self._rows):
            self._open()
        at = self._shard.next_output(self._stretch)
        if at < len(self._numbers):
            self.turn = int(self._numbers[at])
        else:
            self.turn = int(self._rows[self._opened]) if self._opened < len(self._rows) else NO_ROW
        return self.turn != before
