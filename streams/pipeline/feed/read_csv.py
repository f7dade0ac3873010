"""Reading recorded market data: CSV with a header line, plain or gzip. Prices and sizes become exact integers of 1e-9.

quotes: ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz      trades: ts_ns,symbol,px,sz,aggressor
levels: ts_ns,symbol,side,level,px,sz                 splits: ts_ns,symbol,split_to,split_of
trading: ts_ns,symbol,trading

levels: all lines with the same ts_ns and symbol make one order book; side is B or A, level 1 is the best.
splits: each split_of shares become split_to shares. trading: halted or resumed.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from schemas.records.bounds import ID_CHARS_MAX, SPLIT_MAX, TIME_MAX_NS
from schemas.records.entry_checks import text_problem
from schemas.records.numbers import PRICE_DIGITS, PRICE_MAX
from streams.core.market.order_book import SIZE_UNKNOWN
from streams.errors import FeedError
from streams.pipeline.feed.table import BOOK, HALT, QUOTE, RESUME, SPLIT, TRADE, Bytes, Ints, MarketTable

QUOTE_HEADER = ["ts_ns", "symbol", "bid_px", "bid_sz", "ask_px", "ask_sz"]
TRADE_HEADER = ["ts_ns", "symbol", "px", "sz", "aggressor"]
FIXED = pa.decimal128(38, PRICE_DIGITS)
"""Wider than a price, because pyarrow does not report numbers that are too long for the type."""
LEVEL_HEADER = ["ts_ns", "symbol", "side", "level", "px", "sz"]
SPLIT_HEADER = ["ts_ns", "symbol", "split_to", "split_of"]
TRADING_HEADER = ["ts_ns", "symbol", "trading"]
TEXT, WHOLE = pa.string(), pa.int64()
TYPES = {
    "ts_ns": WHOLE,
    "symbol": TEXT,
    "aggressor": TEXT,
    "side": TEXT,
    "level": WHOLE,
    "split_to": WHOLE,
    "split_of": WHOLE,
    "trading": TEXT,
}
"""Types of the columns that hold neither prices nor sizes."""
FIRST_DATA_LINE = 2
LETTER_OF_AGGRESSOR = {"buy": ord("B"), "sell": ord("S"), "": ord("-")}


def read_file(path: Path) -> MarketTable:
    """Reads all updates of a file, in its order.

    Raises:
        FeedError: the file breaks a rule; names the file, the line if there is one, the rule and the remedy.
    """
    table = _read_columns(path)
    if len(table) == 0:
        raise FeedError(f"{path}: the file has no data after the header line")
    reader = READERS.get(",".join(table.column_names))
    if reader is None:
        raise FeedError(
            f"{path}: the header is {','.join(table.column_names)}; it must be one of {' | '.join(READERS)}"
        )
    return reader(path, table)


def is_market_file(path: Path) -> bool:
    """Returns whether read_file knows a file's header line."""
    with pa.input_stream(str(path), compression="detect") as stream:
        first = stream.read(max(map(len, READERS)) + 2).split(b"\n")[0].strip().decode(errors="replace")
    return first in READERS


def _read_columns(path: Path) -> pa.Table:
    names = {name for header in READERS for name in header.split(",")}
    options = csv.ConvertOptions(
        column_types={name: TYPES.get(name, FIXED) for name in names}, strings_can_be_null=False, null_values=[""]
    )
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            return csv.read_csv(stream, convert_options=options)
    except FileNotFoundError as error:
        raise FeedError(f"{path}: there is no such file") from error
    except (pa.ArrowInvalid, OSError) as error:
        rule = f"times must be integers, prices and sizes decimals with at most {PRICE_DIGITS} decimal places"
        raise FeedError(f"{path}: {error}; {rule}") from error


def _quotes(path: Path, table: pa.Table) -> MarketTable:
    time, symbols, codes = _time_and_symbols(path, table)
    bid_px, bid_sz = _side(path, table, "bid")
    ask_px, ask_sz = _side(path, table, "ask")
    kind = np.full(len(time), QUOTE, np.uint8)
    return MarketTable(symbols, codes, kind, time, bid_px, bid_sz, ask_px, ask_sz)


def _side(path: Path, table: pa.Table, side: str) -> tuple[Ints, Ints]:
    """Returns price and size of a side. No price means that the side is empty, no size that the size is unknown."""
    price, no_price = _fixed(path, table, f"{side}_px")
    size, no_size = _fixed(path, table, f"{side}_sz")
    size = np.where(no_price, 0, np.where(no_size, SIZE_UNKNOWN, size))
    _demand(path, ((price > 0) | no_price | (size == 0)), f"{side}_px must be above 0")
    _demand(path, (size >= 0) | no_size, f"{side}_sz must not be negative")
    return np.where(no_price, 0, price), size


def _trades(path: Path, table: pa.Table) -> MarketTable:
    time, symbols, codes = _time_and_symbols(path, table)
    price, no_price = _fixed(path, table, "px")
    size, no_size = _fixed(path, table, "sz")
    _demand(path, (price > 0) & ~no_price, "px must be above 0")
    _demand(path, (size >= 0) & ~no_size, "sz must be given and not negative")
    aggressor = _words(path, table, "aggressor", LETTER_OF_AGGRESSOR)
    kind = np.full(len(time), TRADE, np.uint8)
    return MarketTable(symbols, codes, kind, time, price, size, aggressor, np.zeros(len(time), np.int64))


def _levels(path: Path, table: pa.Table) -> MarketTable:
    """Makes an order book of each run of lines with the same time and symbol."""
    time, symbols, codes = _time_and_symbols(path, table)
    price, no_price = _fixed(path, table, "px")
    size, no_size = _fixed(path, table, "sz")
    _demand(path, (price > 0) & ~no_price, "px must be above 0")
    _demand(path, (size > 0) & ~no_size, "sz must be above 0; leave out levels without size")
    asks = _words(path, table, "side", {"B": 0, "A": 1})
    level = table["level"].to_numpy()
    begins = np.flatnonzero(np.r_[True, (np.diff(time) != 0) | (np.diff(codes) != 0)])
    counts = np.diff(np.r_[begins, len(time)])
    book = np.repeat(np.arange(len(begins)), counts)
    order = np.lexsort((level, asks, book))
    price, size, side = price[order], size[order], asks[order]
    same_side = (np.diff(book) == 0) & (np.diff(side) == 0)
    falls = np.where(side[1:] == 0, price[:-1] - price[1:], price[1:] - price[:-1]) > 0
    wrong = np.flatnonzero(same_side & ~falls)
    if len(wrong):
        line = int(order[wrong[0] + 1]) + FIRST_DATA_LINE
        raise FeedError(f"{path}: line {line}: px must be worse than on the level before")
    ask_counts = np.bincount(book, asks, len(begins)).astype(np.int64)
    nothing = np.zeros(len(begins), np.int64)
    kind = np.full(len(begins), BOOK, np.uint8)
    columns = (begins.astype(np.int64), counts - ask_counts, ask_counts, nothing)
    return MarketTable(symbols, codes[begins], kind, time[begins], *columns, level_px=price, level_sz=size)


def _splits(path: Path, table: pa.Table) -> MarketTable:
    time, symbols, codes = _time_and_symbols(path, table)
    to, of = table["split_to"].to_numpy(), table["split_of"].to_numpy()
    whole = (to > 0) & (of > 0) & (np.maximum(to, of) <= SPLIT_MAX)
    _demand(path, whole, f"split_to and split_of must be whole numbers from 1 to {SPLIT_MAX}")
    nothing = np.zeros(len(time), np.int64)
    return MarketTable(symbols, codes, np.full(len(time), SPLIT, np.uint8), time, to, of, nothing, nothing)


def _trading(path: Path, table: pa.Table) -> MarketTable:
    time, symbols, codes = _time_and_symbols(path, table)
    kind = _words(path, table, "trading", {"halted": HALT, "resumed": RESUME}).astype(np.uint8)
    nothing = np.zeros(len(time), np.int64)
    return MarketTable(symbols, codes, kind, time, nothing, nothing, nothing, nothing)


def _words(path: Path, table: pa.Table, name: str, numbers: dict[str, int]) -> Ints:
    """Returns a column of keywords as the numbers that stand for them."""
    encoded = table[name].combine_chunks().fill_null("").dictionary_encode()
    words = encoded.dictionary.to_pylist()
    unknown = sorted(set(words) - numbers.keys())
    if unknown:
        known = ", ".join(word or "empty" for word in numbers)
        raise FeedError(f"{path}: {name} is {unknown[0]!r}, but must be one of {known}")
    found: Ints = np.array([numbers[word] for word in words], np.int64)[encoded.indices.to_numpy()]
    return found


def _time_and_symbols(path: Path, table: pa.Table) -> tuple[Ints, tuple[str, ...], NDArray[np.int32]]:
    if table["ts_ns"].null_count or table["symbol"].null_count:
        raise FeedError(f"{path}: every line must have ts_ns and symbol")
    time = table["ts_ns"].to_numpy()
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        line = int(back[0]) + FIRST_DATA_LINE + 1
        raise FeedError(f"{path}: line {line}: ts_ns steps back; sort the file by time")
    _demand(path, (time > 0) & (time <= TIME_MAX_NS), "ts_ns must be UTC nanoseconds after 1970 and before 2200")
    encoded = table["symbol"].combine_chunks().dictionary_encode()
    symbols = tuple(encoded.dictionary.to_pylist())
    for symbol in symbols:
        problem = text_problem(symbol, ID_CHARS_MAX)
        if problem is not None:
            raise FeedError(f"{path}: symbol {symbol[:20]!r} {problem}")
    return time, symbols, encoded.indices.to_numpy().astype(np.int32)


def _fixed(path: Path, table: pa.Table, name: str) -> tuple[Ints, Bytes]:
    """Returns the unscaled integers of a decimal column, 0 for empty cells, and the flags of the empty cells."""
    column = table[name].combine_chunks()
    empty = column.is_null().to_numpy(zero_copy_only=False)
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
    low, high = words[column.offset : column.offset + len(column)].T
    # The lower word of a decimal128 holds the whole value if it has at most 18 digits.
    fits = empty | ((high == low >> 63) & (np.abs(low) <= PRICE_MAX))
    _demand(path, fits, f"{name} must have at most 9 digits before the point")
    return np.where(empty, 0, low), empty


def _demand(path: Path, holds: Bytes, rule: str) -> None:
    wrong = np.flatnonzero(~np.asarray(holds, bool))
    if len(wrong):
        raise FeedError(f"{path}: line {int(wrong[0]) + FIRST_DATA_LINE}: {rule}")


READERS: dict[str, Callable[[Path, pa.Table], MarketTable]] = {
    ",".join(QUOTE_HEADER): _quotes,
    ",".join(TRADE_HEADER): _trades,
    ",".join(LEVEL_HEADER): _levels,
    ",".join(SPLIT_HEADER): _splits,
    ",".join(TRADING_HEADER): _trading,
}
"""The reader of each kind of file, by its header line."""
