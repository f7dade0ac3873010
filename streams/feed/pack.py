"""Packing table rows into market.data records: columns are sliced, never taken apart into objects."""

from collections.abc import Iterator

import numpy as np

from streams.domain.messages import MarketData
from streams.feed.table import QUOTE, MarketTable


def pack(table: MarketTable, start: int, stop: int) -> Iterator[MarketData]:
    """Rows start to stop as one record for each symbol, every symbol's updates in their order."""
    codes = table.symbol[start:stop]
    for code in np.unique(codes):
        rows = start + np.flatnonzero(codes == code)
        yield _record(table, table.symbols[code], rows)


def _record(table: MarketTable, symbol: str, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> MarketData:
    kinds = table.kind[rows]
    quotes, trades = rows[kinds == QUOTE], rows[kinds != QUOTE]
    return MarketData(
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
    )


def heartbeat(time_ns: int) -> MarketData:
    """Market time alone, for all symbols of a partition."""
    return MarketData("", time_ns, "", [], [], [], [], [], [], [], "")
