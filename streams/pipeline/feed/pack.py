"""Packing rows of a market table into market.data records, by slicing columns."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.records.messages import MarketData
from streams.pipeline.feed.table import BOOK, QUOTE, SPLIT, TRADE, MarketTable

Rows = NDArray[np.intp]

UPDATES_PER_RECORD = 500


def pack(table: MarketTable, start: int, stop: int) -> Iterator[MarketData]:
    """Packs the rows from start to stop into one record for each symbol, with the symbol's updates in order."""
    codes = table.symbol[start:stop]
    for code in np.unique(codes):
        rows = start + np.flatnonzero(codes == code)
        yield _record(table, table.symbols[code], rows)


def _record(table: MarketTable, symbol: str, rows: Rows) -> MarketData:
    kinds = table.kind[rows]
    quotes, trades = rows[kinds == QUOTE], rows[kinds == TRADE]
    record = MarketData(
        symbol=symbol,
        ts=int(table.time[rows[-1]]),
        kinds=kinds.tobytes().decode(),
        times=table.time[rows].tolist(),
        bid_px=table.bid_px[quotes].tolist(),
        bid_sz=table.bid_sz[quotes].tolist(),
        ask_px=table.ask_px[quotes].tolist(),
        ask_sz=table.ask_sz[quotes].tolist(),
        trade_px=table.bid_px[trades].tolist(),
        trade_sz=table.bid_sz[trades].tolist(),
        aggressors=table.ask_px[trades].astype(np.uint8).tobytes().decode(),
        source=table.source,
    )
    if len(quotes) + len(trades) == len(rows):
        return record
    books, splits = rows[kinds == BOOK], rows[kinds == SPLIT]
    levels = levels_of(table, books)
    return record._replace(
        book_bids=table.bid_sz[books].tolist(),
        book_asks=table.ask_px[books].tolist(),
        book_px=table.level_px[levels].tolist(),
        book_sz=table.level_sz[levels].tolist(),
        split_to=table.bid_px[splits].tolist(),
        split_of=table.bid_sz[splits].tolist(),
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
