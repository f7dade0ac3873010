"""Tardis CSV: quotes, trades, book_snapshot_N and incremental_book_L2.

The time of a row is its local_timestamp, when the message arrived, because the exchange's own may step back. The symbol
is SYMBOL.EXCHANGE in capitals. An incremental book is shown when local_timestamp changes; the changes before its first
snapshot are left out. Source: https://docs.tardis.dev/downloadable-csv-files/data-types.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute

from streams.errors import FeedError
from streams.pipeline.feed.check_columns import FIXED, QUOTE_HEADER, TEXT, TRADE_HEADER, UPDATE_HEADER, WHOLE
from streams.pipeline.feed.formats.book_fold import ASK, BID, BookFold, ShownBooks
from streams.pipeline.feed.formats.file_content import FileContent, content_of
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.formats.fixed_numbers import fixed_numbers, text_column
from streams.pipeline.feed.open_csv import read_csv
from streams.pipeline.feed.stamp_blocks import stamp_ends, whole_stamps
from streams.pipeline.feed.table import Ints

HEAD = "exchange,symbol,timestamp,local_timestamp"
QUOTES = f"{HEAD},ask_amount,ask_price,bid_price,bid_amount"
TRADES = f"{HEAD},id,side,price,amount"
CHANGES = f"{HEAD},is_snapshot,side,price,amount"
LEVEL_COLUMNS = ("asks[{0}].price", "asks[{0}].amount", "bids[{0}].price", "bids[{0}].amount")
TYPES = {
    "exchange": TEXT,
    "symbol": TEXT,
    "timestamp": None,
    "local_timestamp": WHOLE,
    "id": None,
    "side": TEXT,
    "is_snapshot": pa.bool_(),
}
"""Types of the columns that hold neither prices nor amounts; None: the column is not read."""
NANOS_PER_MICRO = 1_000
MICROS_MAX = 2**63 // NANOS_PER_MICRO - 1
FIRST_DATA_LINE = 2
TIME_NAME = {"ts_ns": "local_timestamp"}
QUOTE_NAMES = {"bid_px": "bid_price", "bid_sz": "bid_amount", "ask_px": "ask_price", "ask_sz": "ask_amount"} | TIME_NAME
TRADE_NAMES = {"px": "price", "sz": "amount", "aggressor": "side"} | TIME_NAME
SIDES = {"bid": BID, "ask": ASK}


def _knows(content: FileContent) -> bool:
    return content.line in (QUOTES, TRADES, CHANGES) or _depth(content.line) > 0


def _depth(header: str) -> int:
    """Returns the number of levels on a side of a book_snapshot header; 0 if it is none."""
    levels = (header.count(",") + 1 - HEAD.count(",")) // len(LEVEL_COLUMNS)
    wanted = [name.format(level) for level in range(levels) for name in LEVEL_COLUMNS]
    return levels if levels and header == ",".join([HEAD, *wanted]) else 0


def _read(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    header = content_of(path).line
    make: Callable[[pa.Table], list[KindRows]]
    if header == QUOTES:
        make = _quotes
    elif header == TRADES:
        make = _trades
    elif header == CHANGES:
        make = _Books(path).rows
    else:
        make = _snapshots
    types = {name: TYPES.get(name, FIXED) for name in header.split(",")}
    for rows in whole_stamps(_stamped(path, read_csv(path, types, on_bytes))):
        if len(rows):
            yield make(rows.combine_chunks())


def _stamped(path: Path, blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yields rows with their nanoseconds, their place, and the symbol that they have here."""
    first = FIRST_DATA_LINE
    for rows in blocks:
        places = np.arange(first, first + len(rows))
        micros = rows["local_timestamp"].combine_chunks()
        known = compute.and_(compute.greater_equal(micros, 0), compute.less_equal(micros, MICROS_MAX))
        wrong = np.flatnonzero(~compute.fill_null(known, False).to_numpy(zero_copy_only=False))
        if len(wrong):
            raise FeedError(f"{path}: line {places[wrong[0]]}: local_timestamp must be microseconds since 1970")
        exchange = compute.replace_substring(compute.utf8_upper(rows["exchange"]), "-", "_")
        symbol = compute.binary_join_element_wise(rows["symbol"], exchange, ".")
        stamped = rows.set_column(rows.column_names.index("symbol"), "symbol", symbol)
        stamped = stamped.append_column("ts_ns", compute.multiply(micros, NANOS_PER_MICRO))
        yield stamped.append_column("place", pa.array(places))
        first += len(rows)


def _quotes(rows: pa.Table) -> list[KindRows]:
    columns = [rows["ts_ns"], rows["symbol"], *(rows[QUOTE_NAMES[name]] for name in QUOTE_HEADER[2:])]
    return [KindRows(pa.table(columns, QUOTE_HEADER), rows["place"].to_numpy(), QUOTE_NAMES)]


def _trades(rows: pa.Table) -> list[KindRows]:
    side = compute.if_else(compute.equal(rows["side"], "unknown"), "", rows["side"])
    columns = [rows["ts_ns"], rows["symbol"], rows["price"], rows["amount"], side]
    return [KindRows(pa.table(columns, TRADE_HEADER), rows["place"].to_numpy(), TRADE_NAMES)]


def _snapshots(rows: pa.Table) -> list[KindRows]:
    """Returns the levels of books that stand in one row each; a level without price or amount is none."""
    depth = sum(name.startswith("bids[") for name in rows.column_names) // 2
    cells = [(side, level) for side in ("bids", "asks") for level in range(depth)]
    price, amount = (
        pa.concat_arrays([rows[f"{side}[{level}].{what}"].combine_chunks() for side, level in cells])
        for what in ("price", "amount")
    )
    shown = compute.and_(price.is_valid(), compute.fill_null(compute.not_equal(amount, 0), False))
    by_row = np.arange(len(cells) * len(rows)).reshape(len(cells), len(rows)).T.ravel()
    order = by_row[shown.to_numpy(zero_copy_only=False)[by_row]]
    cell, row = np.divmod(order, len(rows))
    side = cell // depth
    begins = np.flatnonzero(np.diff(row * 2 + side, prepend=-1))
    level = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order)))) + 1
    if not len(order):
        return []
    columns = [rows["ts_ns"].take(row), rows["symbol"].take(row), row, text_column(("B", "A"), side), level]
    columns += [price.take(order), amount.take(order)]
    return [KindRows(pa.table(columns, UPDATE_HEADER), rows["place"].to_numpy()[row], TIME_NAME)]


class _Books:
    """The incremental books of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._books: dict[str, BookFold] = {}
        self._in_snapshot: dict[str, bool] = {}

    def rows(self, rows: pa.Table) -> list[KindRows]:
        """Returns the levels of the books as they are at the end of each stamp."""
        shown, places = ShownBooks(), rows["place"].to_numpy()
        changes = zip(
            *(rows[name].to_pylist() for name in ("ts_ns", "symbol", "is_snapshot")),
            self._sides(rows, places),
            *(self._numbers(rows, places, name) for name in ("price", "amount")),
            places.tolist(),
            stamp_ends(rows["ts_ns"].to_numpy(), _codes(rows)).tolist(),
            strict=True,
        )
        for time_ns, symbol, is_snapshot, side, price, size, place, ends in changes:
            begins = is_snapshot and not self._in_snapshot.get(symbol)
            self._in_snapshot[symbol] = is_snapshot
            if begins:
                self._books[symbol] = BookFold()
            book = self._books.get(symbol)
            if book is None:
                continue
            try:
                book.change(side, price, size)
            except FeedError as error:
                raise FeedError(f"{self._path}: line {place}: {symbol}: {error}") from error
            if ends:
                shown.add(time_ns, symbol, place, book)
        return shown.rows(TIME_NAME.items())

    def _sides(self, rows: pa.Table, places: Ints) -> list[int]:
        found = rows["side"].combine_chunks().dictionary_encode()
        words, codes = found.dictionary.to_pylist(), found.indices.to_numpy()
        for number, word in enumerate(words):
            if word not in SIDES:
                place = places[np.argmax(codes == number)]
                raise FeedError(f"{self._path}: line {place}: side is {word[:20]!r}, but must be one of bid, ask")
        sides: list[int] = np.array([SIDES[word] for word in words], np.int64)[codes].tolist()
        return sides

    def _numbers(self, rows: pa.Table, places: Ints, name: str) -> list[int]:
        column = rows[name].combine_chunks()
        least = 0 if name == "amount" else 1
        numbers, fits = fixed_numbers(column)
        wrong = np.flatnonzero(~fits | (numbers < least))
        if len(wrong):
            rule = "must not be negative" if name == "amount" else "must be above 0"
            raise FeedError(
                f"{self._path}: line {places[wrong[0]]}: {name} {rule}, with at most 9 digits before the point"
            )
        found: list[int] = numbers.tolist()
        return found


def _codes(rows: pa.Table) -> Ints:
    """Returns a number for each row's symbol."""
    codes: Ints = rows["symbol"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


TARDIS = FileFormat("Tardis", "line", _knows, _read, " after the header line")
