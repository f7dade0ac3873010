"""Market updates one by one in the order of market time, from records or from files."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from schemas.records.messages import MarketData
from schemas.records.output import RecordRefused
from streams.core.market.market_columns import as_array
from streams.core.market.market_data import check_market_data
from streams.pipeline.feed.pack import pack, record_of
from streams.pipeline.feed.table import (
    BOOK,
    COLUMNS,
    DIVIDEND,
    FUNDING,
    QUOTE,
    SETTLEMENT,
    SPLIT,
    TRADE,
    Ints,
    MarketTable,
)

CHUNK_ROWS = 10_000
LETTERS = {letter: chr(letter) for letter in b"BS-"}


def market_table(records: Iterable[MarketData]) -> MarketTable:
    """Returns the updates of records as one table, in order for each symbol. Refused records are left out."""
    codes, newest = dict[str, int](), dict[str, int]()
    parts, levels, level_count = [], [], 0
    for record in records:
        try:
            check_market_data(record)
        except RecordRefused:
            continue
        if not record.kinds or int(record.times[0]) < newest.get(record.symbol, 0):
            continue
        newest[record.symbol] = int(record.times[-1])
        parts.append(_rows(record, codes.setdefault(record.symbol, len(codes)), level_count))
        if len(record.book_px):
            levels.append((as_array(record.book_px), as_array(record.book_sz)))
            level_count += len(record.book_px)
    nothing = np.zeros(0, np.int64)
    symbol, kind, time_ns, a, b, c, d = map(np.concatenate, zip(*parts, strict=True)) if parts else [nothing] * 7
    level_px, level_sz = map(np.concatenate, zip(*levels, strict=True)) if levels else (nothing, nothing)
    kinds, owners = kind.astype(np.uint8), symbol.astype(np.int32)
    return MarketTable(tuple(codes), owners, kinds, time_ns, a, b, c, d, level_px, level_sz)


def _rows(record: MarketData, code: int, first_level: int) -> list[Ints]:
    """Returns the table's columns of a record: symbol, kind, time and four numbers of each update."""
    kinds = np.frombuffer(record.kinds.encode(), np.uint8)
    numbers = np.zeros((4, len(kinds)), np.int64)
    quotes, trades, books, splits = (kinds == kind for kind in (QUOTE, TRADE, BOOK, SPLIT))
    fundings, dividends = kinds == FUNDING, kinds == DIVIDEND
    for row, column in enumerate((record.bid_px, record.bid_sz, record.ask_px, record.ask_sz)):
        numbers[row, quotes] = as_array(column)
    numbers[0, trades], numbers[1, trades] = as_array(record.trade_px), as_array(record.trade_sz)
    numbers[2, trades] = np.frombuffer(record.aggressors.encode(), np.uint8)
    bids, asks = as_array(record.book_bids), as_array(record.book_asks)
    counts = bids + asks
    numbers[0, books], numbers[1, books], numbers[2, books] = first_level + np.cumsum(counts) - counts, bids, asks
    numbers[0, splits], numbers[1, splits] = as_array(record.split_to), as_array(record.split_of)
    numbers[0, fundings], numbers[1, fundings] = as_array(record.funding_rate), as_array(record.funding_px)
    numbers[0, dividends] = as_array(record.dividend)
    numbers[0, kinds == SETTLEMENT] = as_array(record.settlement_px)
    return [np.full(len(kinds), code), kinds.astype(np.int64), as_array(record.times), *numbers]


def sorted_by_market_time(table: MarketTable) -> MarketTable:
    """Returns the rows sorted by time and symbol. The rows of a symbol keep their order."""
    rank = np.argsort(np.argsort(np.array(table.symbols)))
    order = np.lexsort((rank[table.symbol], table.time)) if len(table) else np.zeros(0, np.intp)
    columns: dict[str, Any] = {name: getattr(table, name)[order] for name in ("symbol", *COLUMNS)}
    return replace(table, **columns)


def check_updates(table: MarketTable) -> None:
    """Checks the updates of each symbol by the rules of market.data. Raises RecordRefused."""
    for code, symbol in enumerate(table.symbols):
        rows = np.flatnonzero(table.symbol == code)
        if len(rows):
            check_market_data(record_of(table, symbol, rows))


def update_records(table: MarketTable) -> Iterator[MarketData]:
    """Yields each update as a record of its own."""
    columns = (table.symbol, table.kind, table.time, table.bid_px, table.bid_sz, table.ask_px, table.ask_sz)
    for start in range(0, len(table), CHUNK_ROWS):
        chunk = zip(*(column[start : start + CHUNK_ROWS].tolist() for column in columns), strict=True)
        for number, (code, kind, time_ns, a, b, c, d) in enumerate(chunk, start):
            symbol = table.symbols[code]
            if kind == QUOTE:
                yield MarketData(symbol, time_ns, "Q", [time_ns], [a], [b], [c], [d], [], [], "")
            elif kind == TRADE:
                yield MarketData(symbol, time_ns, "T", [time_ns], [], [], [], [], [a], [b], LETTERS[c])
            else:
                yield from pack(table, number, number + 1)
