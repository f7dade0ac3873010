"""Which is the first update of a record that can matter? All before it may be passed over at once."""

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from streams.domain.book import Book, Level
from streams.domain.columns import as_ints, as_list
from streams.domain.market_data import BOOK, QUOTE, TRADE
from streams.domain.messages import Column, Ints, MarketData
from streams.domain.watch import NEVER_HIGH, NEVER_LOW, SideWatch, Watch

Rows = NDArray[np.intp]


class Ahead:
    """Looks ahead in a record that keeps the rules. Arrays are made when they are first asked for."""

    def __init__(self, record: MarketData) -> None:
        self.rows = len(record.kinds)
        self.times = as_list(record.times)
        self._record = record
        self._bid = _Side(record.bid_px, record.bid_sz)
        self._ask = _Side(record.ask_px, record.ask_sz)
        self._quotes = self._trades = self._books = self._others = _NONE
        self._only_quotes = len(record.bid_px) == self.rows
        if not self._only_quotes:
            kinds = np.frombuffer(record.kinds.encode(), np.uint8)
            self._quotes, self._trades, self._books = (np.flatnonzero(kinds == ord(kind)) for kind in _MARKET)
            if len(self._quotes) + len(self._trades) + len(self._books) < self.rows:
                self._others = np.flatnonzero(~np.isin(kinds, list(map(ord, _MARKET))))

    def due(self, row: int, time_ns: int | None) -> int:
        """First update from row on that is not before a time; the number of rows where none is."""
        if time_ns is None or self.times[-1] < time_ns:
            return self.rows
        return bisect_left(self.times, time_ns, row)

    def idle(self, row: int, end: int, book: Book) -> int:
        """First update from row on, before end, that must be stepped through where no order works; end: none.

        Of books that nobody has taken from the last one alone tells what stands there.
        """
        if self._only_quotes and not book.is_deep:
            return end
        end = _first(self._others, row, end)
        if not len(self._books) and not book.is_deep:
            return end
        if not book.is_untouched:
            return row
        newest = int(self._books.searchsorted(end)) - 1
        if newest >= 0 and self._books[newest] >= row:
            return int(self._books[newest])
        return row if book.is_deep else end

    def watched(self, row: int, end: int, watch: Watch, book: Book) -> int:
        """First update from row on, before end, that can matter to the orders of a watch; end: none."""
        watch.look()
        if watch.stale or watch.always or book.is_deep:
            return row
        if self._only_quotes:
            return self._quote(row, end, watch, book)
        end = _first(self._others, row, _first(self._books, row, end))
        start, stop = (int(self._quotes.searchsorted(at)) for at in (row, end))
        found = self._quote(start, stop, watch, book)
        end = end if found == stop else int(self._quotes[found])
        start, stop = (int(self._trades.searchsorted(at)) for at in (row, end))
        found = self._trade(start, stop, watch)
        return end if found == stop else int(self._trades[found])

    def _quote(self, start: int, stop: int, watch: Watch, book: Book) -> int:
        """As watched, in rows of the quote columns."""
        stop = self._ask.first(start, stop, watch.ask, book.asks)
        return self._bid.first(start, stop, watch.bid, book.bids)

    def _trade(self, start: int, stop: int, watch: Watch) -> int:
        """As watched, in rows of the trade columns."""
        if start == stop or (watch.trade_low == NEVER_LOW and watch.trade_high == NEVER_HIGH):
            return stop
        prices = as_ints(self._record.trade_px[start:stop])
        return _first_true((prices <= watch.trade_low) | (prices >= watch.trade_high), start, stop)


_MARKET = (QUOTE, TRADE, BOOK)
_NONE: Rows = np.zeros(0, np.intp)


class _Side:
    """Prices and sizes of one side of the quotes."""

    def __init__(self, px: Column, sz: Column) -> None:
        self._px, self._sz = px, sz
        self._lowest: Ints | None = None
        self._highest: Ints | None = None
        self._has_gaps: bool | None = None

    def first(self, start: int, stop: int, watch: SideWatch, levels: list[Level]) -> int:
        """First row from start on, before stop, that a watch is for; stop: none."""
        if start == stop:
            return stop
        if watch.low != NEVER_LOW and self._falls_to(start, watch.low):
            stop = self._first_there(self._slice(self._px, start, stop) <= watch.low, start, stop)
        if watch.high != NEVER_HIGH and self._rises_to(start, watch.high):
            stop = self._first_there(self._slice(self._px, start, stop) >= watch.high, start, stop)
        if watch.gone:
            stop = _first_true(self._slice(self._sz, start, stop) == 0, start, stop)
        if watch.moves:
            px, sz = self._slice(self._px, start, stop), self._slice(self._sz, start, stop)
            shown = (px != levels[0].px) | (sz != levels[0].sz) if levels else sz != 0
            stop = _first_true(shown, start, stop)
        return stop

    def _first_there(self, reached: NDArray[np.bool_], start: int, stop: int) -> int:
        """First true row in which the side is there: without a size the price says nothing."""
        if self._has_gaps is None:
            self._has_gaps = not np.logical_and.reduce(as_ints(self._sz))
        if self._has_gaps:
            reached = reached & (self._slice(self._sz, start, stop) != 0)
        return _first_true(reached, start, stop)

    def _falls_to(self, row: int, px: int) -> bool:
        """Whether a price from row on is at most px; a row without the side counts, whatever its price says."""
        if self._lowest is None:
            self._lowest = np.minimum.accumulate(as_ints(self._px)[::-1])[::-1]
        return self._lowest.item(row) <= px

    def _rises_to(self, row: int, px: int) -> bool:
        """Whether a price from row on is at least px, likewise."""
        if self._highest is None:
            self._highest = np.maximum.accumulate(as_ints(self._px)[::-1])[::-1]
        return self._highest.item(row) >= px

    @staticmethod
    def _slice(column: Column, start: int, stop: int) -> Ints:
        return as_ints(column[start:stop])


def _first(rows: Rows, row: int, end: int) -> int:
    """The first of some rows from row on, before end; end: none."""
    if not len(rows):
        return end
    at = int(rows.searchsorted(row))
    return min(int(rows[at]), end) if at < len(rows) else end


def _first_true(found: NDArray[np.bool_], start: int, stop: int) -> int:
    at = int(found.argmax()) if len(found) else 0
    return start + at if len(found) and found[at] else stop
