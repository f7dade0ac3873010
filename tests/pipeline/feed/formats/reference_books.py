"""A plain fold of price levels, and the books of a table, for comparisons."""

from __future__ import annotations

from decimal import Decimal

from schemas.records.numbers import to_price
from streams.pipeline.feed.table import BOOK, MarketTable

Levels = list[tuple[int, int]]
Book = tuple[str, int, Levels, Levels]
"""Symbol, time, bids and asks, each from the best on; prices and sizes in 1e-9."""
SHOWN = 10


class ReferenceBook:
    """The levels of a book as two dictionaries that are sorted whenever they are looked at."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}

    def change(self, side: str, price: str, size: str) -> None:
        levels = self.bids if side == "bid" else self.asks
        levels[Decimal(price)] = Decimal(size)
        if not Decimal(size):
            del levels[Decimal(price)]

    def shown(self) -> tuple[Levels, Levels]:
        bids, asks = sorted(self.bids, reverse=True)[:SHOWN], sorted(self.asks)[:SHOWN]
        return [(to_price(px), to_price(self.bids[px])) for px in bids], [
            (to_price(px), to_price(self.asks[px])) for px in asks
        ]


def books_of(table: MarketTable) -> list[Book]:
    found = []
    for row in range(len(table)):
        if table.kind[row] == BOOK:
            first, bids, asks = (int(column[row]) for column in (table.bid_px, table.bid_sz, table.ask_px))
            levels = list(
                zip(
                    table.level_px[first : first + bids + asks].tolist(),
                    table.level_sz[first : first + bids + asks].tolist(),
                    strict=True,
                )
            )
            found.append((table.symbols[table.symbol[row]], int(table.time[row]), levels[:bids], levels[bids:]))
    return found
