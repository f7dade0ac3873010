"""A market in blocks, for feeds that need not hold all of it, and the id that its content gives it."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol

import numpy as np

from streams.pipeline.feed.pack import levels_of
from streams.pipeline.feed.table import BOOK, COLUMNS, LEVEL_COLUMNS, MarketTable

ID_CHARS = 16
FILE_SOURCE = "file:sha256:"


class Market(Protocol):
    """Market updates, numbered by time from 0."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the whole market, as the blocks count them."""
        ...

    @property
    def content_id(self) -> str:
        """Hash of the updates, whatever their source and blocks."""
        ...

    @property
    def source(self) -> str:
        """Origin of the updates, as market.data has it."""
        ...

    @property
    def last_ns(self) -> int:
        """Time of the last update, UTC nanoseconds."""
        ...

    def __len__(self) -> int: ...

    def starts(self, row: int) -> dict[str, int]:
        """Returns the time of each symbol's first update from a row on, UTC nanoseconds."""
        ...

    def blocks(self, row: int) -> Iterator[tuple[int, MarketTable]]:
        """Yields all blocks with rows from a row on, each with the number of its first row. Raises FeedError."""
        ...


class ContentId:
    """The id of updates, which takes them in blocks."""

    def __init__(self) -> None:
        self._symbols: dict[str, int] = {}
        self._columns = {name: sha256() for name in ("symbol", *COLUMNS, *LEVEL_COLUMNS)}

    def add(self, table: MarketTable) -> None:
        """Adds the next updates."""
        codes, firsts = np.unique(table.symbol, return_index=True)
        numbers = np.zeros(len(table.symbols), np.int32)
        for code in codes[np.argsort(firsts)].tolist():
            numbers[code] = self._symbols.setdefault(table.symbols[code], len(self._symbols))
        self._columns["symbol"].update(numbers[table.symbol].tobytes())
        # The place of a book's levels depends on the block. Their numbers and their order do not.
        books = table.kind == BOOK
        for name in COLUMNS:
            column = getattr(table, name)
            self._columns[name].update((np.where(books, 0, column) if name == "bid_px" else column).tobytes())
        levels = levels_of(table, np.flatnonzero(books))
        for name in LEVEL_COLUMNS:
            self._columns[name].update(getattr(table, name)[levels].tobytes())

    @property
    def text(self) -> str:
        """The id of the updates so far."""
        return self._sha256()[:ID_CHARS]

    @property
    def source(self) -> str:
        """The updates so far as the source of a recorded market: they count, whatever their files are called."""
        return f"{FILE_SOURCE}{self._sha256()}"

    def _sha256(self) -> str:
        whole = sha256("\0".join(self._symbols).encode())
        for column in self._columns.values():
            whole.update(column.digest())
        return whole.hexdigest()


def first_times(table: MarketTable, row: int = 0) -> dict[str, int]:
    """Returns the time of each symbol's first update from a row of the table on, UTC nanoseconds."""
    codes, firsts = np.unique(table.symbol[row:], return_index=True)
    pairs = zip(codes.tolist(), table.time[row + firsts].tolist(), strict=True)
    return {table.symbols[code]: time_ns for code, time_ns in pairs}


class TableMarket:
    """A market in memory: one block."""

    def __init__(self, table: MarketTable) -> None:
        self._table = table
        self.symbols = table.symbols
        self.source = table.source
        self.last_ns = int(table.time[-1])

    @property
    def content_id(self) -> str:
        """See Market."""
        content = ContentId()
        content.add(self._table)
        return content.text

    def __len__(self) -> int:
        return len(self._table)

    def starts(self, row: int) -> dict[str, int]:
        """See Market."""
        return first_times(self._table, row)

    def blocks(self, row: int) -> Iterator[tuple[int, MarketTable]]:
        """See Market."""
        if row < len(self):
            yield 0, self._table
