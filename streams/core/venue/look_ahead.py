"""Which is the first update of a record that can matter? All before it may be passed over at once."""

import numpy as np
from numpy.typing import NDArray

from schemas.records.messages import MarketData
from streams.core.market.columns import as_ints
from streams.core.market.market_data import BOOK, QUOTE, TRADE
from streams.core.market.order_book import Book, Level, Quotes
from streams.core.venue.price_watch import NEVER_HIGH, NEVER_LOW, SideWatch, Watch

Rows = NDArray[np.intp]


class Ahead:
    """Looks ahead in a record that keeps the rules. Arrays are made when they are first asked for."""

    def __init__(self, record: MarketData) -> None:
        self.rows = len(record.kinds)
        self.bids = as_ints(record.bid_px), as_ints(record.bid_sz)
        self.asks = as_ints(record.ask_px), as_ints(record.ask_sz)
        self._record, self._times = record, as_ints(record.times)
        self._bid, self._ask = _Side(self.bids), _Side(self.asks)
        self._last_ns = self.time_ns(self.rows - 1)
        self._due_ns, self._due_row = self._last_ns + 1, self.rows
        self._quotes = self._trades = self._books = self._others = _NONE
        self._only_quotes = len(record.bid_px) == self.rows
        if not self._only_quotes:
            kinds = np.frombuffer(record.kinds.encode(), np.uint8)
            self._quotes, self._trades, self._books = (np.flatnonzero(kinds == ord(kind)) for kind in _MARKET)
            if len(self._quotes) + len(self._trades) + len(self._books) < self.rows:
                self._others = np.flatnonzero(~np.isin(kinds, list(map(ord, _MARKET))))

    def time_ns(self, row: int) -> int:
        """When an update was told."""
        return self._times.item(row)

    def due(self, row: int, time_ns: int | None) -> int:
        """First update from row on that is not before a time; the number of rows where none is."""
        if time_ns is None or self._last_ns < time_ns:
            return self.rows
        if time_ns != self._due_ns:
            self._due_ns, self._due_row = time_ns, int(self._times.searchsorted(time_ns))
        return max(row, self._due_row)

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

    def __init__(self, told: Quotes) -> None:
        self._px, self._sz = told
        self._low, self._high = _Reached(told, falling=True), _Reached(told, falling=False)

    def first(self, start: int, stop: int, watch: SideWatch, levels: list[Level]) -> int:
        """First row from start on, before stop, that a watch is for; stop: none."""
        if watch.low != NEVER_LOW:
            stop = min(stop, self._low.first(start, watch.low))
        if watch.high != NEVER_HIGH:
            stop = min(stop, self._high.first(start, watch.high))
        if watch.gone:
            stop = _first_true(self._sz[start:stop] == 0, start, stop)
        if watch.moves:
            px, sz = self._px[start:stop], self._sz[start:stop]
            shown = (px != levels[0].px) | (sz != levels[0].sz) if levels else sz != 0
            stop = _first_true(shown, start, stop)
        return stop


class _Reached:
    """Where a side is first seen at a price or beyond it. Rows are asked for in their order.

    The answer for a price holds until its row is passed, however often it is asked for.
    """

    def __init__(self, told: Quotes, falling: bool) -> None:
        self._px, self._sz = told
        self._falling = falling
        self._limit = self._row = -1

    def first(self, start: int, limit: int) -> int:
        """First row from start on that is at most limit, for one that rises at least; the number of rows: none is."""
        if limit != self._limit or self._row < start:
            self._limit, self._row = limit, self._find(start, limit)
        return self._row

    def _find(self, start: int, limit: int) -> int:
        rows, px = len(self._px), self._px[start:]
        reached = px <= limit if self._falling else px >= limit
        found = _first_true(reached, start, rows)
        if found < rows and self._sz.item(found) == 0:
            return _first_true(reached & (self._sz[start:] != 0), start, rows)
        return found


def _first(rows: Rows, row: int, end: int) -> int:
    """The first of some rows from row on, before end; end: none."""
    if not len(rows):
        return end
    at = int(rows.searchsorted(row))
    return min(int(rows[at]), end) if at < len(rows) else end


def _first_true(found: NDArray[np.bool_], start: int, stop: int) -> int:
    """The row of the first that is true, of rows start to stop; stop: none."""
    if start == stop:
        return stop
    at = int(found.argmax())
    return start + at if found[at] else stop
