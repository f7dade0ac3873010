"""Market updates one by one, from tables and from records, for comparisons."""

from __future__ import annotations

from schemas.records.messages import MarketData
from streams.pipeline.feed.table import QUOTE, MarketTable

Row = tuple[str, str, int, tuple[int, ...]]
"""Symbol, kind, time, and the numbers of the kind."""


def rows_of(table: MarketTable) -> list[Row]:
    columns = (table.bid_px, table.bid_sz, table.ask_px, table.ask_sz)
    return [
        (
            table.symbols[table.symbol[row]],
            chr(table.kind[row]),
            int(table.time[row]),
            tuple(int(column[row]) for column in columns[: 4 if table.kind[row] == QUOTE else 3]),
        )
        for row in range(len(table))
    ]


def rows_in(record: MarketData) -> list[Row]:
    quotes = iter(zip(record.bid_px, record.bid_sz, record.ask_px, record.ask_sz, strict=True))
    letters = map(ord, record.aggressors)
    trades = iter(zip(record.trade_px, record.trade_sz, letters, strict=True))
    return [
        (record.symbol, kind, time_ns, next(quotes) if kind == "Q" else next(trades))
        for kind, time_ns in zip(record.kinds, record.times, strict=True)
    ]
