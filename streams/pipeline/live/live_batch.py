"""Packing the rows of a live feed into records of market.data: one for each symbol of a batch, or several."""

from collections.abc import Iterable, Iterator, Sequence

from schemas.records.messages import MarketData
from streams.core.market.market_data import BOOK, QUOTE, TRADE
from streams.pipeline.live.live_rows import LiveRow

ROWS_MAX = 500
"""Most updates of a record."""
NUMBERS_MAX = 40_000
"""Numbers of a record from which on the next update begins another one: some 400 kB."""


def records_of(rows: Iterable[LiveRow], source: str) -> list[MarketData]:
    """Returns the records of a batch. The updates of a symbol keep their order. source: as market.data has it."""
    by_symbol: dict[str, list[LiveRow]] = {}
    for row in rows:
        by_symbol.setdefault(row.symbol, []).append(row)
    return [_record(part, source) for found in by_symbol.values() for part in _parts(found)]


def _parts(rows: Sequence[LiveRow]) -> Iterator[list[LiveRow]]:
    part: list[LiveRow] = []
    numbers = 0
    for row in rows:
        if part and (len(part) == ROWS_MAX or numbers + len(row.numbers) > NUMBERS_MAX):
            yield part
            part, numbers = [], 0
        part.append(row)
        numbers += len(row.numbers)
    yield part


def _record(rows: Sequence[LiveRow], source: str) -> MarketData:
    quotes = [row.numbers for row in rows if row.kind == QUOTE]
    trades = [row.numbers for row in rows if row.kind == TRADE]
    books = [row for row in rows if row.kind == BOOK]
    levels = [number for book in books for number in book.numbers]
    return MarketData(
        symbol=rows[0].symbol,
        ts=rows[-1].time_ns,
        kinds="".join(row.kind for row in rows),
        times=[row.time_ns for row in rows],
        bid_px=[numbers[0] for numbers in quotes],
        bid_sz=[numbers[1] for numbers in quotes],
        ask_px=[numbers[2] for numbers in quotes],
        ask_sz=[numbers[3] for numbers in quotes],
        trade_px=[numbers[0] for numbers in trades],
        trade_sz=[numbers[1] for numbers in trades],
        aggressors="".join(chr(numbers[2]) for numbers in trades),
        book_bids=[book.bids for book in books],
        book_asks=[len(book.numbers) // 2 - book.bids for book in books],
        book_px=levels[::2],
        book_sz=levels[1::2],
        source=source,
    )
