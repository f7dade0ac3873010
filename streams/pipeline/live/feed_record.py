"""Recording a live feed: Parquet files with the columns of market data files, one for each hour, symbol and kind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from schemas.records.numbers import NANOS_PER_HOUR, NANOS_PER_MS, NANOS_PER_S
from streams.core.market.market_data import BOOK, HALT, QUOTE, RESUME, TRADE
from streams.core.market.order_book import SIZE_UNKNOWN
from streams.errors import FeedError
from streams.pipeline.feed.check_columns import FIXED
from streams.pipeline.feed.table import Flags, Ints
from streams.pipeline.live.frame_record import FrameRecording
from streams.pipeline.live.live_rows import LiveRow
from streams.whole_file import whole_file

BUFFERED_ROWS = 10_000
"""Rows of a file that are held in memory before they are written."""
NAME_OF_AGGRESSOR = {ord("B"): "buy", ord("S"): "sell", ord("-"): ""}
Columns = dict[str, pa.Array]


class FeedRecording:
    """A folder of recordings. A file appears when it is whole: at the end of its hour, and at the end of the block.

    Files are named by the time of their first update, the symbol as in a URL, and their kind. The rows of a file have
    times that rise, so files that are fed again give the same updates. A process that is killed loses the files of its
    hour; market.data has their updates.
    """

    def __init__(self, folder: Path, frames: FrameRecording | None = None) -> None:
        """Makes the folder. frames: written and ended with it. Raises FeedError if it can't be written."""
        self._folder = folder
        self._frames = frames
        self._files: dict[tuple[str, str], _File] = {}
        self._hour = 0
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, rows: Sequence[LiveRow]) -> None:
        """Adds rows, those of a symbol in their order. Raises FeedError if they can't be written."""
        with _told(self._folder):
            if self._frames is not None:
                self._frames.write()
            for row in rows:
                hour = row.time_ns // NANOS_PER_HOUR
                if hour > self._hour:
                    self._end_files()
                    self._hour = hour
                self._file_of(row).add(row)

    def _file_of(self, row: LiveRow) -> "_File":
        name, columns_of = FORMS[row.kind]
        file = self._files.get((row.symbol, name))
        if file is None:
            moment = datetime.fromtimestamp(row.time_ns // NANOS_PER_S, UTC)
            micros = row.time_ns % NANOS_PER_S * 1_000 // NANOS_PER_MS
            path = self._folder / f"{moment:%Y%m%dT%H%M%S}.{micros:06}Z-{quote(row.symbol, safe='')}-{name}.parquet"
            file = self._files[row.symbol, name] = _File(path, columns_of)
        return file

    def _end_files(self) -> None:
        files, self._files = self._files, {}
        for file in files.values():
            file.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _told(self._folder):
            self._end_files()
            if self._frames is not None:
                self._frames.end()


class _File:
    """A file that is being written."""

    def __init__(self, path: Path, columns_of: Callable[[Sequence[LiveRow]], Columns]) -> None:
        self._columns_of = columns_of
        self._rows: list[LiveRow] = []
        self._stack = ExitStack()
        self._part = self._stack.enter_context(whole_file(path))
        self._writer: parquet.ParquetWriter | None = None

    def add(self, row: LiveRow) -> None:
        self._rows.append(row)
        if len(self._rows) == BUFFERED_ROWS:
            self._write()

    def _write(self) -> None:
        table = pa.table(self._columns_of(self._rows))
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._part, table.schema, compression="zstd")
        self._writer.write_table(table)
        self._rows = []

    def end(self) -> None:
        with self._stack:
            if self._rows:
                self._write()
            if self._writer is not None:
                self._writer.close()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FeedError(
            f"{folder}: the recording can't be written: {error.strerror or error}; market.data has all updates"
        ) from error


def _quotes(rows: Sequence[LiveRow]) -> Columns:
    bid_px, bid_sz, ask_px, ask_sz = np.array([row.numbers for row in rows], np.int64).T
    return {
        **_heads(rows),
        "bid_px": _fixed(bid_px, bid_px == 0),
        "bid_sz": _fixed(bid_sz, bid_sz == SIZE_UNKNOWN),
        "ask_px": _fixed(ask_px, ask_px == 0),
        "ask_sz": _fixed(ask_sz, ask_sz == SIZE_UNKNOWN),
    }


def _trades(rows: Sequence[LiveRow]) -> Columns:
    px, sz, letters = np.array([row.numbers for row in rows], np.int64).T
    aggressors = [NAME_OF_AGGRESSOR[letter] for letter in letters.tolist()]
    return {**_heads(rows), "px": _fixed(px), "sz": _fixed(sz), "aggressor": pa.array(aggressors)}


def _levels(rows: Sequence[LiveRow]) -> Columns:
    counts = [(row.bids, len(row.numbers) // 2 - row.bids) for row in rows]
    lines = [row for row, sides in zip(rows, counts, strict=True) for _ in range(sum(sides))]
    numbers = np.array([number for row in rows for number in row.numbers], np.int64)
    return {
        **_heads(lines),
        "side": pa.array([side for bids, asks in counts for side in "B" * bids + "A" * asks]),
        "level": pa.array([level for sides in counts for count in sides for level in range(1, count + 1)], pa.int64()),
        "px": _fixed(numbers[::2]),
        "sz": _fixed(numbers[1::2]),
    }


def _trading(rows: Sequence[LiveRow]) -> Columns:
    return {**_heads(rows), "trading": pa.array(["halted" if row.kind == HALT else "resumed" for row in rows])}


def _heads(rows: Sequence[LiveRow]) -> Columns:
    return {
        "ts_ns": pa.array([row.time_ns for row in rows], pa.int64()),
        "symbol": pa.array([row.symbol for row in rows], pa.string()),
    }


def _fixed(numbers: Ints, empty: Flags | None = None) -> pa.Array:
    """Returns integers of 1e-9 as decimals; those that are flagged as empty cells."""
    words = np.stack([numbers, numbers >> 63], axis=1)
    column = pa.Array.from_buffers(FIXED, len(numbers), [None, pa.py_buffer(words.tobytes())])
    return column if empty is None else compute.if_else(pa.array(empty), pa.scalar(None, FIXED), column)


FORMS: dict[str, tuple[str, Callable[[Sequence[LiveRow]], Columns]]] = {
    QUOTE: ("quotes", _quotes),
    TRADE: ("trades", _trades),
    BOOK: ("levels", _levels),
    HALT: ("trading", _trading),
    RESUME: ("trading", _trading),
}
"""Name and columns of the files that hold a kind of update."""
