"""Look-ahead in a market data record: finds the first update that can matter, so that all before it are skipped."""

import numpy as np
from numpy.typing import NDArray

from schemas.records.messages import MarketData
from streams.core.market.market_columns import as_array
from streams.core.market.market_data import BOOK, QUOTE, TRADE
from streams.core.market.order_book import OrderBook, PriceLevel, Quotes
from streams.core.venue.price_watch import PriceWatch, SideWatch
from streams.core.venue.triggers import NEVER_HIGH, NEVER_LOW

Rows = NDArray[np.intp]


class LookAhead:
    """A search over the updates of one valid record. Row numbers count all updates unless stated otherwise."""

    def __init__(self, record: MarketData) -> None:
        self.rows = len(record.kinds)
        self.bids = as_array(record.bid_px), as_array(record.bid_sz)
        self.asks = as_array(record.ask_px), as_array(record.ask_sz)
        self._record, self._times = record, as_array(record.times)
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
        """Returns the time of an update, UTC nanoseconds."""
        return self._times.item(row)

    def times(self, start: int, stop: int) -> list[int]:
        """Returns the times of the updates in [start, stop), UTC nanoseconds."""
        found: list[int] = self._times[start:stop].tolist()
        return found

    def due(self, row: int, time_ns: int | None) -> int:
        """Returns the first row from row on whose time is not before time_ns; the number of rows if none is."""
        if time_ns is None or self._last_ns < time_ns:
            return self.rows
        if time_ns != self._due_ns:
            self._due_ns, self._due_row = time_ns, int(self._times.searchsorted(time_ns))
        return max(row, self._due_row)

    def row_at(self, time_ns: int) -> int:
        """Returns the first row whose time is not before time_ns; the number of rows if none is."""
        return self.rows if self._last_ns < time_ns else int(self._times.searchsorted(time_ns))

    def first_other(self, row: int, end: int) -> int:
        """Returns the first row in [row, end) that is neither quote, trade nor book; end if none is."""
        return end if self._only_quotes else _first(self._others, row, end)

    def first_without_orders(self, row: int, end: int, book: OrderBook) -> int:
        """Returns the first row in [row, end) that must be processed if no order works; end if none must be.

        If no simulated order has taken from the book, only its last full update counts.
        """
        if self._only_quotes and not book.has_depth:
            return end
        end = _first(self._others, row, end)
        if not len(self._books) and not book.has_depth:
            return end
        if not book.is_untouched:
            return row
        newest = int(self._books.searchsorted(end)) - 1
        if newest >= 0 and self._books[newest] >= row:
            return int(self._books[newest])
        return row if book.has_depth else end

    def first_watched(self, row: int, end: int, watch: PriceWatch, book: OrderBook) -> int:
        """Returns the first row in [row, end) that can matter to the orders of a watch; end if none can."""
        if watch.every_update or book.has_depth:
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

    def _quote(self, start: int, stop: int, watch: PriceWatch, book: OrderBook) -> int:
        """Does the same as first_watched, in rows of the quote columns."""
        stop = self._ask.first(start, stop, watch.ask_watch(book), book.asks)
        return self._bid.first(start, stop, watch.bid_watch(book), book.bids)

    def _trade(self, start: int, stop: int, watch: PriceWatch) -> int:
        """Does the same as first_watched, in rows of the trade columns."""
        low, high = watch.trade_low, watch.trade_high
        if start == stop or (low == NEVER_LOW and high == NEVER_HIGH):
            return stop
        prices = as_array(self._record.trade_px[start:stop])
        return _first_true((prices <= low) | (prices >= high), start, stop)


_MARKET = (QUOTE, TRADE, BOOK)
_NONE: Rows = np.zeros(0, np.intp)


class _Side:
    """One side of the quotes of a record."""

    def __init__(self, quotes: Quotes) -> None:
        self._px, self._sz = quotes
        self._low, self._high = _PriceSearch(quotes, falling=True), _PriceSearch(quotes, falling=False)

    def first(self, start: int, stop: int, watch: SideWatch, levels: list[PriceLevel]) -> int:
        """Returns the first row in [start, stop) that a watch asks for; stop if none is."""
        if watch.low != NEVER_LOW:
            stop = min(stop, self._low.first(start, watch.low))
        if watch.high != NEVER_HIGH:
            stop = min(stop, self._high.first(start, watch.high))
        if watch.on_absence:
            stop = _first_true(self._sz[start:stop] == 0, start, stop)
        if watch.on_change:
            px, sz = self._px[start:stop], self._sz[start:stop]
            changed = (px != levels[0].px) | (sz != levels[0].sz) if levels else sz != 0
            stop = _first_true(changed, start, stop)
        return stop


class _PriceSearch:
    """A search for the first quote of a side at or below a price (falling), or at or above it. Rows must rise.

    The last answer stays valid until its row is passed, so that repeated calls cost nothing.
    """

    def __init__(self, quotes: Quotes, falling: bool) -> None:
        self._px, self._sz = quotes
        self._falling = falling
        self._limit = self._row = -1

    def first(self, start: int, limit: int) -> int:
        """Returns the first row from start on at or beyond limit; the number of rows if none is."""
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
    """Returns the first of the given rows in [row, end); end if none is."""
    if not len(rows):
        return end
    at = int(rows.searchsorted(row))
    return min(int(rows[at]), end) if at < len(rows) else end


def _first_true(found: NDArray[np.bool_], start: int, stop: int) -> int:
    """Returns the row of the first true value for rows [start, stop); stop if all are false."""
    if start == stop:
        return stop
    at = int(found.argmax())
    return start + at if found[at] else stop
