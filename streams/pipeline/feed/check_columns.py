"""Checking columns of market data and making updates of them, whatever the format of the file that they come from.

The columns are those of a market data file of our own, of one kind: quotes, trades, levels, splits, trading, funding,
dividends or settlements. Prices and sizes become exact integers of 1e-9.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records.bounds import FUNDING_RATE_MAX, ID_CHARS_MAX, SPLIT_MAX, TIME_MAX_NS
from schemas.records.entry_checks import text_problem
from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_MS, NANOS_PER_S, PRICE_DIGITS, PRICE_MAX
from streams.core.market.order_book import SIZE_UNKNOWN
from streams.errors import FeedError
from streams.pipeline.feed.split_books import book_begins
from streams.pipeline.feed.table import (
    BOOK,
    DIVIDEND,
    FUNDING,
    HALT,
    QUOTE,
    RESUME,
    SETTLEMENT,
    SPLIT,
    TRADE,
    Bytes,
    Ints,
    MarketTable,
)

QUOTE_HEADER = ["ts_ns", "symbol", "bid_px", "bid_sz", "ask_px", "ask_sz"]
TRADE_HEADER = ["ts_ns", "symbol", "px", "sz", "aggressor"]
FIXED = pa.decimal128(38, PRICE_DIGITS)
"""Wider than a price, because pyarrow does not report numbers that are too long for the type."""
LEVEL_HEADER = ["ts_ns", "symbol", "side", "level", "px", "sz"]
UPDATE_HEADER = ["ts_ns", "symbol", "update", "side", "level", "px", "sz"]
SPLIT_HEADER = ["ts_ns", "symbol", "split_to", "split_of"]
TRADING_HEADER = ["ts_ns", "symbol", "trading"]
FUNDING_HEADER = ["ts_ns", "symbol", "rate", "mark_px"]
DIVIDEND_HEADER = ["ts_ns", "symbol", "dividend"]
SETTLEMENT_HEADER = ["ts_ns", "symbol", "settlement_px"]
TEXT, WHOLE = pa.string(), pa.int64()
TYPES = {
    "ts_ns": WHOLE,
    "symbol": TEXT,
    "aggressor": TEXT,
    "side": TEXT,
    "update": WHOLE,
    "level": WHOLE,
    "split_to": WHOLE,
    "split_of": WHOLE,
    "trading": TEXT,
}
"""Types of the columns that hold neither prices nor sizes."""
LETTER_OF_AGGRESSOR = {"buy": ord("B"), "sell": ord("S"), "": ord("-")}
FIRST_TIME_NS = 365 * NANOS_PER_DAY
"""1971-01-01 UTC. Earlier times are counts of a larger unit: today, no such count comes to a year of nanoseconds."""
LARGER_UNITS = {"seconds": NANOS_PER_S, "milliseconds": NANOS_PER_MS, "microseconds": NANOS_PER_MS // 1_000}
SAME_NAMES: Mapping[str, str] = MappingProxyType({})


class ColumnRows(NamedTuple):
    """Rows of one kind that follow each other in a file.

    Attributes:
        columns: those of a header of CHECKS, in its order and in the types of TYPES.
        places: number of each row in the file.
        unit: what the numbers count, as "line".
        after_ns: time of the row before, or 0.
        names: the file's names of columns that have others here.
    """

    path: Path
    columns: pa.Table
    places: range | Ints
    unit: str
    after_ns: int = 0
    names: Mapping[str, str] = SAME_NAMES

    def broken(self, row: int, rule: str) -> FeedError:
        """Returns the error of a row that breaks a rule, whose first word is a column."""
        named = self.names.get(rule.split()[0])
        column = "" if named is None else f"{named}: "
        return FeedError(f"{self.path}: {self.unit} {self.places[row]}: {column}{rule}")


class CheckedRows(NamedTuple):
    """Updates, and for each the index of the first row that it is made of."""

    table: MarketTable
    firsts: Ints


def kind_of(columns: pa.Table) -> str:
    """Returns the kind of rows with these columns: quotes, trades, levels, splits or trading."""
    return KINDS[",".join(columns.column_names)]


def check_columns(rows: ColumnRows) -> CheckedRows:
    """Returns the updates of rows, in their order. Raises FeedError for the first row that breaks a rule."""
    return CHECKS[",".join(rows.columns.column_names)](rows)


def _quotes(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    bid_px, bid_sz = _side(rows, "bid")
    ask_px, ask_sz = _side(rows, "ask")
    kind = np.full(len(time), QUOTE, np.uint8)
    return _each(MarketTable(symbols, codes, kind, time, bid_px, bid_sz, ask_px, ask_sz))


def _side(rows: ColumnRows, side: str) -> tuple[Ints, Ints]:
    """Returns price and size of a side. No price means that the side is empty, no size that the size is unknown."""
    price, no_price = _fixed(rows, f"{side}_px")
    size, no_size = _fixed(rows, f"{side}_sz")
    size = np.where(no_price, 0, np.where(no_size, SIZE_UNKNOWN, size))
    _demand(rows, ((price > 0) | no_price | (size == 0)), f"{side}_px must be above 0")
    _demand(rows, (size >= 0) | no_size, f"{side}_sz must not be negative")
    return np.where(no_price, 0, price), size


def _trades(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    price, no_price = _fixed(rows, "px")
    size, no_size = _fixed(rows, "sz")
    _demand(rows, (price > 0) & ~no_price, "px must be above 0")
    _demand(rows, (size >= 0) & ~no_size, "sz must be given and not negative")
    aggressor = _words(rows, "aggressor", LETTER_OF_AGGRESSOR)
    kind = np.full(len(time), TRADE, np.uint8)
    nothing = np.zeros(len(time), np.int64)
    return _each(MarketTable(symbols, codes, kind, time, price, size, aggressor, nothing))


def _levels(rows: ColumnRows) -> CheckedRows:
    """Makes the order books of lines with side and level."""
    time, symbols, codes = _time_and_symbols(rows)
    price, no_price = _fixed(rows, "px")
    size, no_size = _fixed(rows, "sz")
    _demand(rows, (price > 0) & ~no_price, "px must be above 0")
    _demand(rows, (size > 0) & ~no_size, "sz must be above 0; leave out levels without size")
    asks = _words(rows, "side", {"B": 0, "A": 1})
    level = _whole(rows, "level")
    runs = np.r_[True, (np.diff(time) != 0) | (np.diff(codes) != 0)]
    if "update" in rows.columns.column_names:
        begins = np.flatnonzero(runs | (np.diff(_whole(rows, "update"), prepend=0) != 0))
    else:
        begins = np.flatnonzero(book_begins(runs, asks, level))
    counts = np.diff(np.r_[begins, len(time)])
    book = np.repeat(np.arange(len(begins)), counts)
    order = np.lexsort((level, asks, book))
    price, size, side = price[order], size[order], asks[order]
    same_side = (np.diff(book) == 0) & (np.diff(side) == 0)
    falls = np.where(side[1:] == 0, price[:-1] - price[1:], price[1:] - price[:-1]) > 0
    wrong = np.flatnonzero(same_side & ~falls)
    if len(wrong):
        rule = "px must be worse than on the level before; several books of one stamp need a column update"
        raise rows.broken(int(order[wrong[0] + 1]), rule)
    ask_counts = np.bincount(book, asks, len(begins)).astype(np.int64)
    nothing = np.zeros(len(begins), np.int64)
    kind = np.full(len(begins), BOOK, np.uint8)
    columns = (begins.astype(np.int64), counts - ask_counts, ask_counts, nothing)
    table = MarketTable(symbols, codes[begins], kind, time[begins], *columns, level_px=price, level_sz=size)
    return CheckedRows(table, begins)


def _splits(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    to, of = _whole(rows, "split_to"), _whole(rows, "split_of")
    whole = (to > 0) & (of > 0) & (np.maximum(to, of) <= SPLIT_MAX)
    _demand(rows, whole, f"split_to and split_of must be whole numbers from 1 to {SPLIT_MAX}")
    nothing = np.zeros(len(time), np.int64)
    return _each(MarketTable(symbols, codes, np.full(len(time), SPLIT, np.uint8), time, to, of, nothing, nothing))


def _funding(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    rate, no_rate = _fixed(rows, "rate")
    price, no_price = _fixed(rows, "mark_px")
    _demand(rows, (np.abs(rate) <= FUNDING_RATE_MAX) & ~no_rate, "rate must be a share of the value from -1 to 1")
    _demand(rows, (price > 0) & ~no_price, "mark_px must be above 0")
    nothing = np.zeros(len(time), np.int64)
    kind = np.full(len(time), FUNDING, np.uint8)
    return _each(MarketTable(symbols, codes, kind, time, rate, price, nothing, nothing))


def _dividends(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    cash, no_cash = _fixed(rows, "dividend")
    _demand(rows, (cash > 0) & ~no_cash, "dividend must be above 0, in the instrument's currency a unit")
    nothing = np.zeros(len(time), np.int64)
    kind = np.full(len(time), DIVIDEND, np.uint8)
    return _each(MarketTable(symbols, codes, kind, time, cash, nothing, nothing, nothing))


def _settlements(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    price, no_price = _fixed(rows, "settlement_px")
    _demand(rows, (price > 0) & ~no_price, "settlement_px must be above 0")
    nothing = np.zeros(len(time), np.int64)
    kind = np.full(len(time), SETTLEMENT, np.uint8)
    return _each(MarketTable(symbols, codes, kind, time, price, nothing, nothing, nothing))


def _trading(rows: ColumnRows) -> CheckedRows:
    time, symbols, codes = _time_and_symbols(rows)
    kind = _words(rows, "trading", {"halted": HALT, "resumed": RESUME}).astype(np.uint8)
    nothing = np.zeros(len(time), np.int64)
    return _each(MarketTable(symbols, codes, kind, time, nothing, nothing, nothing, nothing))


def _each(table: MarketTable) -> CheckedRows:
    """Returns updates of which each is made of one row."""
    return CheckedRows(table, np.arange(len(table)))


def _whole(rows: ColumnRows, name: str) -> Ints:
    """Returns a column of integers that must be given."""
    column = rows.columns[name].combine_chunks()
    _demand(rows, column.is_valid().to_numpy(zero_copy_only=False), f"{name} must be given")
    numbers: Ints = column.to_numpy(zero_copy_only=False)
    return numbers


def _words(rows: ColumnRows, name: str, numbers: dict[str, int]) -> Ints:
    """Returns a column of keywords as the numbers that stand for them."""
    encoded = rows.columns[name].combine_chunks().fill_null("").dictionary_encode()
    words, places = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    for place, word in enumerate(words):
        if word not in numbers:
            known = ", ".join(word or "empty" for word in numbers)
            raise rows.broken(int(np.argmax(places == place)), f"{name} is {word[:20]!r}, but must be one of {known}")
    found: Ints = np.array([numbers[word] for word in words], np.int64)[places]
    return found


def _time_and_symbols(rows: ColumnRows) -> tuple[Ints, tuple[str, ...], NDArray[np.int32]]:
    time = _whole(rows, "ts_ns")
    wrong = np.flatnonzero((time < FIRST_TIME_NS) | (time > TIME_MAX_NS))
    if len(wrong):
        raise rows.broken(int(wrong[0]), _time_rule(int(time[wrong[0]])))
    _demand(rows, np.diff(time, prepend=rows.after_ns) >= 0, "ts_ns steps back; sort the file by time")
    encoded = rows.columns["symbol"].combine_chunks().dictionary_encode()
    symbols, codes = tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.int32)
    for code, symbol in enumerate(symbols):
        problem = text_problem(symbol, ID_CHARS_MAX) if symbol else "is empty; name the instrument on every line"
        if problem is not None:
            subject = f"symbol {symbol[:20]!r}" if symbol else "symbol"
            raise rows.broken(int(np.argmax(codes == code)), f"{subject} {problem}")
    return time, symbols, codes


def _time_rule(time_ns: int) -> str:
    """Returns what is wrong with a time out of range: its unit, if a larger one brings it into the range."""
    rule = f"ts_ns is {time_ns}; it must be UTC nanoseconds from 1971 to 2199"
    for unit, nanos in LARGER_UNITS.items():
        if FIRST_TIME_NS <= time_ns * nanos <= TIME_MAX_NS:
            return f"{rule}; if these are {unit}, multiply them by {nanos:,}"
    return rule


def _fixed(rows: ColumnRows, name: str) -> tuple[Ints, Bytes]:
    """Returns the unscaled integers of a decimal column, 0 for empty cells, and the flags of the empty cells."""
    column = rows.columns[name].combine_chunks()
    empty = column.is_null().to_numpy(zero_copy_only=False)
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
    low, high = words[column.offset : column.offset + len(column)].T
    # The lower word of a decimal128 holds the whole value if it has at most 18 digits.
    fits = empty | ((high == low >> 63) & (np.abs(low) <= PRICE_MAX))
    _demand(rows, fits, f"{name} must have at most 9 digits before the point")
    return np.where(empty, 0, low), empty


def _demand(rows: ColumnRows, holds: NDArray[Any], rule: str) -> None:
    wrong = np.flatnonzero(~np.asarray(holds, bool))
    if len(wrong):
        raise rows.broken(int(wrong[0]), rule)


CHECKS: dict[str, Callable[[ColumnRows], CheckedRows]] = {
    ",".join(QUOTE_HEADER): _quotes,
    ",".join(TRADE_HEADER): _trades,
    ",".join(LEVEL_HEADER): _levels,
    ",".join(UPDATE_HEADER): _levels,
    ",".join(SPLIT_HEADER): _splits,
    ",".join(TRADING_HEADER): _trading,
    ",".join(FUNDING_HEADER): _funding,
    ",".join(DIVIDEND_HEADER): _dividends,
    ",".join(SETTLEMENT_HEADER): _settlements,
}
"""The check of each kind of rows, by their header line."""
NAMES = ("quotes", "trades", "levels", "levels", "splits", "trading", "funding", "dividends", "settlements")
KINDS = dict(zip(CHECKS, NAMES, strict=True))
"""The kind of the rows, by their header line."""
