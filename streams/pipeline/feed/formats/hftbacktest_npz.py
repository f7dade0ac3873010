"""Files of hftbacktest: an npz with a structured array of events, read as the strategy sees them.

The events with LOCAL_EVENT count, at their local_ts; the others repeat them for the exchange. Depth is folded into a
book, which is shown at the end of each stamp. Events of best quotes alone (DEPTH_BBO_EVENT) and of own kinds are left
out; those of single orders (Level 3) are refused. The symbol is given, or stands in the file's name before the first
underscore, hyphen or point. Source: https://hftbacktest.readthedocs.io/en/latest/data.html, hftbacktest.types.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streams.errors import FeedError
from streams.pipeline.feed.check_columns import TRADE_HEADER
from streams.pipeline.feed.formats.book_fold import ASK, BID, BookFold, ShownBooks
from streams.pipeline.feed.formats.file_content import FileContent
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.formats.fixed_numbers import fixed_floats, fixed_numbers, text_column
from streams.pipeline.feed.formats.symbol_of_file import symbol_of_file
from streams.pipeline.feed.open_packed import DAMAGED
from streams.pipeline.feed.stamp_blocks import whole_stamp_arrays
from streams.pipeline.feed.table import Ints

DEPTH, TRADE, DEPTH_CLEAR, DEPTH_SNAPSHOT = 1, 2, 3, 4
ORDER_EVENTS = range(10, 14)
KIND_BITS = 0xFF
LOCAL, BUY, SELL = 1 << 30, 1 << 29, 1 << 28
FIELDS = ("ev", "exch_ts", "local_ts", "px", "qty")
MEMBER = "data.npy"
BLOCK_ROWS = 20_000
HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
NAMES = {"ts_ns": "local_ts", "sz": "qty", "aggressor": "ev"}


def _knows(content: FileContent) -> bool:
    return MEMBER in content.members


def _read(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    named = symbol_of_file(path, symbol, re.split(r"[_.-]", path.name)[0])
    events = _Events(path, named)
    for block in whole_stamp_arrays(_local_events(path, on_bytes), "local_ts"):
        if len(block):
            yield events.rows(block)


def _local_events(path: Path, on_bytes: OnBytes) -> Iterator[NDArray[Any]]:
    """Yields the events that the strategy sees, in blocks, with their place in the array, counted from 1."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive, archive.open(MEMBER) as member:
            kind, count = _header(path, member)
            for first in range(0, count, BLOCK_ROWS):
                rows = min(BLOCK_ROWS, count - first)
                data = member.read(rows * kind.itemsize)
                if len(data) < rows * kind.itemsize:
                    raise EOFError(f"{path} ends early")
                block = np.frombuffer(data, kind)
                on_bytes(file.tell())
                yield _seen(block, first)
    except DAMAGED as error:
        raise FeedError(f"{path}: the npz data are damaged or cut off; fetch or write the file again") from error


def _header(path: Path, member: Any) -> tuple[np.dtype[Any], int]:
    """Returns the type of the events and their number. Raises FeedError for other arrays."""
    try:
        shape, _, kind = HEADER_READERS[np.lib.format.read_magic(member)](member)
    except (ValueError, KeyError) as error:
        raise FeedError(f"{path}: {MEMBER} is no array of numpy: {error}; write it with numpy.savez") from error
    names = kind.names or ()
    if kind.hasobject or len(shape) != 1 or not set(FIELDS).issubset(names):
        raise FeedError(
            f"{path}: {MEMBER} has the fields {', '.join(names) or 'of no structured array'}; hftbacktest's events "
            f"have {', '.join(FIELDS)}"
        )
    return kind, shape[0]


def _seen(block: NDArray[Any], first: int) -> NDArray[Any]:
    wanted = [("ev", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"), ("place", "<i8")]
    chosen = np.flatnonzero(block["ev"].astype(np.int64) & LOCAL)
    events = np.empty(len(chosen), wanted)
    for name, _ in wanted[:-1]:
        events[name] = block[name][chosen]
    events["place"] = first + chosen + 1
    return events


class _Events:
    """The events of a file and the book that they make."""

    def __init__(self, path: Path, symbol: str) -> None:
        self._path, self._symbol = path, symbol
        self._book = BookFold()

    def rows(self, block: NDArray[Any]) -> list[KindRows]:
        """Returns the trades of a block, and the book at the end of each stamp that has depth."""
        kinds = block["ev"] & KIND_BITS
        orders = np.flatnonzero(np.isin(kinds, ORDER_EVENTS))
        if len(orders):
            raise self._broken(block, orders[0], "ev is an event of a single order (Level 3); only Level 2 is read")
        trades, depth = block[kinds == TRADE], block[np.isin(kinds, (DEPTH, DEPTH_CLEAR, DEPTH_SNAPSHOT))]
        found = [self._trades(trades)] if len(trades) else []
        return found + (self._books(depth) if len(depth) else [])

    def _trades(self, block: NDArray[Any]) -> KindRows:
        aggressor = np.select([(block["ev"] & BUY) != 0, (block["ev"] & SELL) != 0], [0, 1], 2)
        columns = [
            pa.array(block["local_ts"]),
            pa.repeat(self._symbol, len(block)),
            *(self._decimals(block, name) for name in ("px", "qty")),
            text_column(("buy", "sell", ""), aggressor),
        ]
        return KindRows(pa.table(columns, TRADE_HEADER), block["place"].copy(), NAMES)

    def _books(self, block: NDArray[Any]) -> list[KindRows]:
        shown, book = ShownBooks(), self._book
        kinds = block["ev"] & KIND_BITS
        clears = kinds == DEPTH_CLEAR
        sides = np.select([(block["ev"] & BUY) != 0, (block["ev"] & SELL) != 0], [BID, ASK], -1)
        unsided = np.flatnonzero((sides < 0) & ~clears)
        if len(unsided):
            raise self._broken(block, unsided[0], "ev must have BUY_EVENT or SELL_EVENT: depth has a side")
        price, size = self._numbers(block, "px", clears), self._numbers(block, "qty", clears)
        ends = np.diff(block["local_ts"], append=-1) != 0
        columns = (kinds, sides, price, size, block["local_ts"], block["place"], ends)
        for kind, side, px, qty, time_ns, place, is_end in zip(*(column.tolist() for column in columns), strict=True):
            if kind == DEPTH_CLEAR:
                for cleared in (BID, ASK) if side < 0 else (side,):
                    book.clear(cleared, px if px > 0 and side >= 0 else None)
            else:
                try:
                    book.change(side, px, qty)
                except FeedError as error:
                    raise FeedError(f"{self._path}: row {place}: {error}") from error
            if is_end:
                shown.add(time_ns, self._symbol, place, book)
        return shown.rows(NAMES.items())

    def _numbers(self, block: NDArray[Any], name: str, clears: NDArray[np.bool_]) -> Ints:
        numbers, fits = fixed_numbers(self._decimals(block, name))
        least = 0 if name == "qty" else 1
        wrong = np.flatnonzero((~fits | (numbers < least)) & ~clears)
        if len(wrong):
            rule = "must not be negative" if name == "qty" else "must be above 0"
            raise self._broken(block, wrong[0], f"{name} {rule}, with at most 9 digits before the point")
        return np.where(fits, numbers, 0)

    def _decimals(self, block: NDArray[Any], name: str) -> pa.Array:
        try:
            return fixed_floats(block[name])
        except pa.ArrowInvalid as error:
            places = f"rows {block['place'][0]} to {block['place'][-1]}"
            raise FeedError(f"{self._path}: {places}: {name}: {error}; at most 9 decimal places are read") from error

    def _broken(self, block: NDArray[Any], row: int, rule: str) -> FeedError:
        return FeedError(f"{self._path}: row {block['place'][row]}: {rule}")


HFTBACKTEST = FileFormat("hftbacktest (npz)", "row", _knows, _read)
