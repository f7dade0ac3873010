"""Packing rows of a market table into market.data records, by slicing columns."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.records.messages import Column, MarketData
from streams.pipeline.feed.table import BOOK, DIVIDEND, FUNDING, QUOTE, SETTLEMENT, SPLIT, TRADE, Ints, MarketTable

Rows = NDArray[np.intp]

UPDATES_PER_RECORD = 500


def pack(table: MarketTable, start: int, stop: int) -> Iterator[MarketData]:
    """Packs the rows from start to stop into one record for each symbol, with the symbol's updates in order."""
    codes = table.symbol[start:stop]
    for code in np.unique(codes):
        rows = start + np.flatnonzero(codes == code)
        yield _record(table, table.symbols[code], rows, _as_list)


def record_of(table: MarketTable, symbol: str, rows: Rows) -> MarketData:
    """Returns one record with the updates in some rows, all of a symbol, whose columns are arrays."""
    return _record(table, symbol, rows, _as_array)


def _as_list(column: Ints) -> Column:
    numbers: list[int] = column.tolist()
    return numbers


def _as_array(column: Ints) -> Column:
    return column


def _record(table: MarketTable, symbol: str, rows: Rows, form: Callable[[Ints], Column]) -> MarketData:
    kinds = table.kind[rows]
    quotes, trades = rows[kinds == QUOTE], rows[kinds == TRADE]
    record = MarketData(
        symbol=symbol,
        ts=int(table.time[rows[-1]]),
        kinds=kinds.tobytes().decode(),
        times=form(table.time[rows]),
        bid_px=form(table.bid_px[quotes]),
        bid_sz=form(table.bid_sz[quotes]),
        ask_px=form(table.ask_px[quotes]),
        ask_sz=form(table.ask_sz[quotes]),
        trade_px=form(table.bid_px[trades]),
        trade_sz=form(table.bid_sz[trades]),
        aggressors=table.ask_px[trades].astype(np.uint8).tobytes().decode(),
        source=table.source,
    )
    if len(quotes) + len(trades) == len(rows):
        return record
    books, splits = rows[kinds == BOOK], rows[kinds == SPLIT]
    fundings, dividends = rows[kinds == FUNDING], rows[kinds == DIVIDEND]
    levels = levels_of(table, books)
    return record._replace(
        book_bids=form(table.bid_sz[books]),
        book_asks=form(table.ask_px[books]),
        book_px=form(table.level_px[levels]),
        book_sz=form(table.level_sz[levels]),
        split_to=form(table.bid_px[splits]),
        split_of=form(table.bid_sz[splits]),
        funding_rate=form(table.bid_px[fundings]),
        funding_px=form(table.bid_sz[fundings]),
        dividend=form(table.bid_px[dividends]),
        settlement_px=form(table.bid_px[rows[kinds == SETTLEMENT]]),
    )


def levels_of(table: MarketTable, books: Rows) -> Rows:
    """Returns the indices of all levels of the given books, book by book."""
    counts = table.bid_sz[books] + table.ask_px[books]
    ends = np.cumsum(counts)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    levels: Rows = np.repeat(table.bid_px[books], counts) + within
    return levels


def heartbeat(time_ns: int, source: str = "") -> MarketData:
    """Returns a record that only advances market time, for all symbols of a partition."""
    return MarketData("", time_ns, "", [], [], [], [], [], [], [], "", source=source)
