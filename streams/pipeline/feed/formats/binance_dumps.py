"""Binance's public data dumps: trades, aggTrades and bookTicker, in a zip file or unpacked, with or without a header.

Times are milliseconds, in spot files since 2025 microseconds. The symbol stands in the name of the file, before the
first hyphen. Sources: https://github.com/binance/binance-public-data, https://data.binance.vision.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from schemas.records.numbers import NANOS_PER_MS
from streams.errors import FeedError
from streams.pipeline.feed.check_columns import FIXED, QUOTE_HEADER, TRADE_HEADER, WHOLE
from streams.pipeline.feed.formats.file_content import FileContent, content_of
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.formats.symbol_of_file import symbol_of_file
from streams.pipeline.feed.open_csv import read_csv
from streams.pipeline.feed.stamp_blocks import whole_stamps

TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
GROUPED_TRADES = ("id", "price", "qty", "first_trade_id", "last_trade_id", "time", "is_buyer_maker")
TICKER = ("update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "time", "event_time")
BEST_MATCH = "is_best_match"
LAYOUTS = (TRADES, (*TRADES, BEST_MATCH), GROUPED_TRADES, (*GROUPED_TRADES, BEST_MATCH), TICKER)
HEADERS = {
    "id,price,qty,quote_qty,time,is_buyer_maker": TRADES,
    "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match": (*TRADES, BEST_MATCH),
    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker": GROUPED_TRADES,
    "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time": TICKER,
}
"""The columns of files with a header line."""
WHOLE_CELL, DECIMAL_CELL, FLAG_CELL = r"\d{1,19}", r"\d+(?:\.\d+)?", r"(?:[Tt]rue|TRUE|[Ff]alse|FALSE)"
CELLS = {
    **dict.fromkeys(("id", "first_trade_id", "last_trade_id", "update_id"), WHOLE_CELL),
    **dict.fromkeys(("time", "event_time"), r"\d{13,16}"),
    **dict.fromkeys(("is_buyer_maker", BEST_MATCH), FLAG_CELL),
}
"""Forms of the columns that hold no decimals, by which a file without a header line is known."""
TYPES = {"time": WHOLE, "is_buyer_maker": pa.bool_()}
READ = {"price", "qty", "time", "is_buyer_maker", *TICKER[1:6]}
FIRST_MICROS = 9 * 10**12
"""Smaller times are milliseconds: they end in the year 2255, and microseconds begin in April 1970."""
NANOS_PER_MICRO = 1_000
QUOTE_NAMES = dict(zip(QUOTE_HEADER[2:], TICKER[1:5], strict=True))
TRADE_NAMES = {"px": "price", "sz": "qty"}


class _Layout(NamedTuple):
    """The columns of a file. has_header: whether its first line names them."""

    columns: tuple[str, ...]
    has_header: bool


def _layout(line: str) -> _Layout | None:
    if line in HEADERS:
        return _Layout(HEADERS[line], True)
    for columns in LAYOUTS:
        if re.fullmatch(",".join(CELLS.get(name, DECIMAL_CELL) for name in columns), line):
            return _Layout(columns, False)
    return None


def _knows(content: FileContent) -> bool:
    return _layout(content.line) is not None


def _read(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    layout = _layout(content_of(path).line)
    assert layout is not None, "the format of a file is known before it is read"
    named = symbol_of_file(path, symbol, path.name.partition("-")[0] if "-" in path.name else "")
    make: Callable[[pa.Table, str], KindRows] = _quotes if layout.columns == TICKER else _trades
    types = {name: TYPES.get(name, FIXED) if name in READ else None for name in layout.columns}
    headers = int(layout.has_header)
    blocks = read_csv(path, types, on_bytes, named_here=True, skipped_lines=headers)
    for rows in whole_stamps(_stamped(path, blocks, 1 + headers)):
        if len(rows):
            yield [make(rows, named)]


def _stamped(path: Path, blocks: Iterator[pa.Table], first: int) -> Iterator[pa.Table]:
    """Yields rows with their nanoseconds and their place."""
    for rows in blocks:
        places = np.arange(first, first + len(rows))
        times = rows["time"].combine_chunks()
        known = compute.and_(compute.greater(times, 0), compute.less(times, 2**63 // NANOS_PER_MICRO))
        wrong = np.flatnonzero(~compute.fill_null(known, False).to_numpy(zero_copy_only=False))
        if len(wrong):
            raise FeedError(f"{path}: line {places[wrong[0]]}: time must be milliseconds or microseconds since 1970")
        counts = times.to_numpy()
        nanos = counts * np.where(counts < FIRST_MICROS, NANOS_PER_MS, NANOS_PER_MICRO)
        yield rows.append_column("ts_ns", pa.array(nanos)).append_column("place", pa.array(places))
        first += len(rows)


def _quotes(rows: pa.Table, symbol: str) -> KindRows:
    columns = [rows["ts_ns"], pa.repeat(symbol, len(rows)), *(rows[QUOTE_NAMES[name]] for name in QUOTE_HEADER[2:])]
    return KindRows(pa.table(columns, QUOTE_HEADER), rows["place"].to_numpy(), QUOTE_NAMES)


def _trades(rows: pa.Table, symbol: str) -> KindRows:
    """Returns trades; the taker sells if the buyer was the maker."""
    aggressor = compute.if_else(rows["is_buyer_maker"], "sell", "buy")
    columns = [rows["ts_ns"], pa.repeat(symbol, len(rows)), rows["price"], rows["qty"], aggressor]
    return KindRows(pa.table(columns, TRADE_HEADER), rows["place"].to_numpy(), TRADE_NAMES)


BINANCE_DUMPS = FileFormat("Binance's dumps (trades, aggTrades, bookTicker)", "line", _knows, _read)
