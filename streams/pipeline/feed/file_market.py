"""The market of files of any size: read twice, in blocks, merged by time. The first reading checks every line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from streams.pipeline.feed.formats.file_format import OnBytes
from streams.pipeline.feed.market_blocks import ContentId, first_times
from streams.pipeline.feed.read_file import read_blocks
from streams.pipeline.feed.table import BOOK, COLUMNS, LEVEL_COLUMNS, MarketTable

BLOCK_ROWS = 50_000
"""Rows that are gathered into a block; a file's own blocks have about 20,000."""


class FileMarket:
    """The updates of files, merged by time. Rows with equal times stay in the order of the files and of their lines.

    It is a streams.pipeline.feed.market_blocks.Market. Its memory depends on the number of files that have updates at
    one time, not on their size. A file is open only from its first update to its last.
    """

    def __init__(self, paths: Sequence[Path], on_bytes: OnBytes = lambda read: None, symbol: str = "") -> None:
        """Reads all files, and checks them. Raises FeedError as read_file does. symbol: as in read_blocks."""
        self._files = _Files(paths, symbol)
        self._starts: dict[str, int] = {}
        self._rows = 0
        self.last_ns = 0
        content = ContentId()
        for table in self._files.merged(on_bytes):
            content.add(table)
            self._starts = first_times(table) | self._starts
            self._rows += len(table)
            self.last_ns = int(table.time[-1])
        self.content_id = content.text
        self.source = content.source
        self.symbols = tuple(self._starts)

    def __len__(self) -> int:
        return self._rows

    def starts(self, row: int) -> dict[str, int]:
        """See Market. Reads the files if row is not 0."""
        if row == 0:
            return self._starts
        found: dict[str, int] = {}
        for base, table in self.blocks(row):
            found = first_times(table, max(row - base, 0)) | found
        return found

    def blocks(self, row: int) -> Iterator[tuple[int, MarketTable]]:
        """See Market."""
        if row >= len(self):
            return
        base = 0
        codes = {symbol: code for code, symbol in enumerate(self.symbols)}
        for table in self._files.merged(lambda _: None):
            if base + len(table) > row:
                numbers = np.array([codes[symbol] for symbol in table.symbols], np.int32)
                yield base, replace(table, symbols=self.symbols, symbol=numbers[table.symbol], source=self.source)
            base += len(table)


@dataclass(slots=True)
class _Source:
    """A file that is being read. blocks: its rows to come. left: those read and not merged yet; None: none are left."""

    first_ns: int
    open: Callable[[], Iterator[MarketTable]]
    blocks: Iterator[MarketTable] | None = None
    left: MarketTable | None = None

    def begin(self) -> None:
        """Opens the file."""
        self.blocks = self.open()

    def fill(self) -> None:
        """Reads the next block if no row is left."""
        if self.left is None and self.blocks is not None:
            self.left = next(self.blocks, None)

    def take(self, until_ns: int) -> MarketTable | None:
        """Removes and returns the rows up to a time; None if there are none. A block has all rows of its stamps."""
        if self.left is None:
            return None
        cut = int(self.left.time.searchsorted(until_ns, side="right"))
        taken, rest = _rows(self.left, 0, cut), _rows(self.left, cut, len(self.left))
        self.left = rest if len(rest) else None
        return taken if cut else None


class _Files:
    """Files that are read as one."""

    def __init__(self, paths: Sequence[Path], symbol: str) -> None:
        """Looks for the first time of each file, if there are several."""
        self._paths, self._symbol = paths, symbol
        self._firsts = [0] if len(paths) == 1 else [_first_ns(path, symbol) for path in paths]

    def merged(self, on_bytes: OnBytes) -> Iterator[MarketTable]:
        """Yields the updates by time, in blocks of BLOCK_ROWS or somewhat more."""
        gathered: list[MarketTable] = []
        for piece in _pieces(self._sources(on_bytes)):
            gathered.append(piece)
            if sum(map(len, gathered)) >= BLOCK_ROWS:
                yield MarketTable.merged(gathered)
                gathered = []
        if gathered:
            yield MarketTable.merged(gathered)

    def _sources(self, on_bytes: OnBytes) -> list[_Source]:
        read = dict.fromkeys(range(len(self._paths)), 0)

        def note(number: int, count: int) -> None:
            read[number] = count
            on_bytes(sum(read.values()))

        return [
            _Source(first_ns, partial(read_blocks, path, partial(note, number), self._symbol))
            for number, (path, first_ns) in enumerate(zip(self._paths, self._firsts, strict=True))
        ]


def _first_ns(path: Path, symbol: str) -> int:
    return int(next(read_blocks(path, symbol=symbol)).time[0])


def _pieces(sources: Sequence[_Source]) -> Iterator[MarketTable]:
    """Yields the rows of all sources, as far as no source can have an earlier one."""
    while True:
        for source in sources:
            source.fill()
        lasts = [int(source.left.time[-1]) for source in sources if source.left is not None]
        closed = [source for source in sources if source.blocks is None]
        if not lasts and not closed:
            return
        until_ns = min(lasts) if lasts else min(source.first_ns for source in closed)
        if due := [source for source in closed if source.first_ns <= until_ns]:
            for source in due:
                source.begin()
            continue
        taken = [source.take(until_ns) for source in sources]
        yield MarketTable.merged([table for table in taken if table is not None])


def _rows(table: MarketTable, start: int, stop: int) -> MarketTable:
    """Returns rows of a table whose levels are in the order of its rows, with their levels alone."""
    columns: dict[str, Any] = {name: getattr(table, name)[start:stop] for name in ("symbol", *COLUMNS)}
    books = start + np.flatnonzero(columns["kind"] == BOOK)
    first = last = 0
    if len(books):
        end = books[-1]
        first = int(table.bid_px[books[0]])
        last = int(table.bid_px[end] + table.bid_sz[end] + table.ask_px[end])
        columns["bid_px"] = columns["bid_px"] - np.where(columns["kind"] == BOOK, first, 0)
    columns |= {name: getattr(table, name)[first:last] for name in LEVEL_COLUMNS}
    return replace(table, **columns)
