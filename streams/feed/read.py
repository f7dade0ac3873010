"""Reading recorded files: CSV with a header line, plain or gzip, prices and sizes as exact integers of 1e-9.

quotes: ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz      trades: ts_ns,symbol,px,sz,aggressor
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from streams.domain.numbers import PRICE_DIGITS, PRICE_MAX
from streams.domain.quote import SIZE_UNKNOWN
from streams.errors import FeedError
from streams.feed.table import QUOTE, TRADE, Bytes, Ints, MarketTable

QUOTE_HEADER = ["ts_ns", "symbol", "bid_px", "bid_sz", "ask_px", "ask_sz"]
TRADE_HEADER = ["ts_ns", "symbol", "px", "sz", "aggressor"]
FIXED = pa.decimal128(38, PRICE_DIGITS)
"""Wider than a price may be: pyarrow does not mind a number that is too long for its type."""
TYPES = {"ts_ns": pa.int64(), "symbol": pa.string(), "aggressor": pa.string()}
FIRST_DATA_LINE = 2
LETTER_OF_AGGRESSOR = {"buy": ord("B"), "sell": ord("S"), "": ord("-")}


def read_file(path: Path) -> MarketTable:
    """All updates of a file in its order.

    Raises:
        FeedError: names the file, the line where one is to blame, the rule and the remedy.
    """
    table = _read_columns(path)
    if len(table) == 0:
        raise FeedError(f"{path}: no data behind the header line")
    header = table.column_names
    if header == QUOTE_HEADER:
        return _quotes(path, table)
    if header == TRADE_HEADER:
        return _trades(path, table)
    raise FeedError(
        f"{path}: the header is {','.join(header)}; it must be {','.join(QUOTE_HEADER)} for quotes "
        f"or {','.join(TRADE_HEADER)} for trades"
    )


def is_quotes_or_trades(path: Path) -> bool:
    """Whether a file's header line is one of the two."""
    with pa.input_stream(str(path), compression="detect") as stream:
        header = stream.read(len(",".join(QUOTE_HEADER)) + 1).split(b"\n")[0].strip().decode(errors="replace")
    return header in (",".join(QUOTE_HEADER), ",".join(TRADE_HEADER))


def _read_columns(path: Path) -> pa.Table:
    names = dict.fromkeys(QUOTE_HEADER + TRADE_HEADER)
    options = csv.ConvertOptions(
        column_types={name: TYPES.get(name, FIXED) for name in names}, strings_can_be_null=False, null_values=[""]
    )
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            return csv.read_csv(stream, convert_options=options)
    except FileNotFoundError as error:
        raise FeedError(f"{path}: there is no such file") from error
    except (pa.ArrowInvalid, OSError) as error:
        rule = f"times are integers, prices and sizes decimals with at most {PRICE_DIGITS} digits behind the point"
        raise FeedError(f"{path}: {error}; {rule}") from error


def _quotes(path: Path, table: pa.Table) -> MarketTable:
    time, symbols, codes = _time_and_symbols(path, table)
    bid_px, bid_sz = _side(path, table, "bid")
    ask_px, ask_sz = _side(path, table, "ask")
    kind = np.full(len(time), QUOTE, np.uint8)
    return MarketTable(symbols, codes, kind, time, bid_px, bid_sz, ask_px, ask_sz)


def _side(path: Path, table: pa.Table, side: str) -> tuple[Ints, Ints]:
    """Price and size of a side: no price means no such side, a price without size means size unknown."""
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
    _demand(path, (size >= 0) & ~no_size, "sz must be there and not negative")
    aggressor = _aggressors(path, table)
    kind = np.full(len(time), TRADE, np.uint8)
    return MarketTable(symbols, codes, kind, time, price, size, aggressor, np.zeros(len(time), np.int64))


def _aggressors(path: Path, table: pa.Table) -> Ints:
    encoded = table["aggressor"].combine_chunks().fill_null("").dictionary_encode()
    words = encoded.dictionary.to_pylist()
    unknown = sorted(set(words) - LETTER_OF_AGGRESSOR.keys())
    if unknown:
        raise FeedError(f"{path}: aggressor {unknown[0]!r} is none of buy, sell and empty")
    letters: Ints = np.array([LETTER_OF_AGGRESSOR[word] for word in words], np.int64)
    indices: Ints = encoded.indices.to_numpy()
    aggressors: Ints = letters[indices]
    return aggressors


def _time_and_symbols(path: Path, table: pa.Table) -> tuple[Ints, tuple[str, ...], NDArray[np.int32]]:
    if table["ts_ns"].null_count or table["symbol"].null_count:
        raise FeedError(f"{path}: ts_ns and symbol must stand in every line")
    time = table["ts_ns"].to_numpy()
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        line = int(back[0]) + FIRST_DATA_LINE + 1
        raise FeedError(f"{path}: line {line}: ts_ns steps back; sort the file by time")
    encoded = table["symbol"].combine_chunks().dictionary_encode()
    return time, tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.int32)


def _fixed(path: Path, table: pa.Table, name: str) -> tuple[Ints, Bytes]:
    """Unscaled integers of a decimal column, 0 where empty, and where it is empty."""
    column = table[name].combine_chunks()
    empty = column.is_null().to_numpy(zero_copy_only=False)
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
    low, high = words[column.offset : column.offset + len(column)].T
    # A decimal128 of at most 18 digits has its value in the lower of its two words.
    fits = empty | ((high == low >> 63) & (np.abs(low) <= PRICE_MAX))
    _demand(path, fits, f"{name} must have at most 9 digits before the point")
    return np.where(empty, 0, low), empty


def _demand(path: Path, holds: Bytes, rule: str) -> None:
    wrong = np.flatnonzero(~np.asarray(holds, bool))
    if len(wrong):
        raise FeedError(f"{path}: line {int(wrong[0]) + FIRST_DATA_LINE}: {rule}")
