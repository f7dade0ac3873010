"""Order books folded from changes of their price levels, and the levels that are shown of them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from streams.errors import FeedError
from streams.pipeline.feed.check_columns import UPDATE_HEADER
from streams.pipeline.feed.formats.file_format import KindRows
from streams.pipeline.feed.formats.fixed_numbers import fixed_column, text_column

LEVELS_SHOWN = 10
"""Levels of a side that an update of the market shows."""
LEVELS_MAX = 100_000
"""Most levels of a side; a book with more was not made of one market's changes."""
BID, ASK = 0, 1


class BookFold:
    """The price levels of one symbol. Prices and sizes are in 1e-9."""

    def __init__(self) -> None:
        # Bids count as negative prices, so that the best level is the first on either side.
        self._keys: tuple[list[int], list[int]] = ([], [])
        self._sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def change(self, side: int, price: int, size: int) -> None:
        """Gives a level another size; 0 removes it. Raises FeedError if a side has too many levels."""
        key = price if side else -price
        keys, sizes = self._keys[side], self._sizes[side]
        if size:
            if key not in sizes:
                if len(keys) >= LEVELS_MAX:
                    raise FeedError(f"the book has more than {LEVELS_MAX:,} levels of a side; levels are never removed")
                insort(keys, key)
            sizes[key] = size
        elif key in sizes:
            del sizes[key]
            del keys[bisect_left(keys, key)]

    def clear(self, side: int, until: int | None = None) -> None:
        """Removes the levels of a side from the best to a price, which is included; without one, all."""
        keys, sizes = self._keys[side], self._sizes[side]
        cut = len(keys) if until is None else bisect_left(keys, (until if side else -until) + 1)
        for key in keys[:cut]:
            del sizes[key]
        del keys[:cut]

    def shown(self) -> Iterator[tuple[list[int], list[int]]]:
        """Yields prices and sizes of the best LEVELS_SHOWN bids, and of the asks, from the best on."""
        for sign, keys, sizes in zip((-1, 1), self._keys, self._sizes, strict=True):
            best = keys[:LEVELS_SHOWN]
            yield [sign * key for key in best], [sizes[key] for key in best]


class ShownBooks:
    """Books as they are shown one after the other, as rows of levels."""

    def __init__(self) -> None:
        self._heads: list[tuple[int, str, int, int, int]] = []
        self._prices: list[int] = []
        self._sizes: list[int] = []

    def add(self, time_ns: int, symbol: str, place: int, book: BookFold) -> None:
        """Adds the shown levels of a book. place: of the row that completes it. An empty book has no rows."""
        (bids, bid_sizes), (asks, ask_sizes) = book.shown()
        if bids or asks:
            self._heads.append((time_ns, symbol, place, len(bids), len(asks)))
            self._prices += bids + asks
            self._sizes += bid_sizes + ask_sizes

    def rows(self, names: Iterable[tuple[str, str]] = ()) -> list[KindRows]:
        """Returns the rows of all books; nothing if there is none. names: our names of columns and the file's."""
        if not self._heads:
            return []
        times, symbols, places, bids, asks = zip(*self._heads, strict=True)
        known = tuple(dict.fromkeys(symbols))
        numbers = {symbol: number for number, symbol in enumerate(known)}
        counts = np.stack([bids, asks], 1)
        sides = np.repeat(np.tile([BID, ASK], len(times)), counts.ravel())
        books = np.repeat(np.arange(len(times)), counts.sum(1))
        begins = np.repeat(np.cumsum(counts.ravel()) - counts.ravel(), counts.ravel())
        columns = [
            pa.array(np.array(times, np.int64)[books]),
            text_column(known, np.array([numbers[symbol] for symbol in symbols], np.int32)[books]),
            pa.array(books),
            text_column(("B", "A"), sides),
            pa.array(np.arange(len(sides)) - begins + 1),
            fixed_column(np.array(self._prices, np.int64)),
            fixed_column(np.array(self._sizes, np.int64)),
        ]
        return [KindRows(pa.table(columns, UPDATE_HEADER), np.array(places, np.int64)[books], dict(names))]
