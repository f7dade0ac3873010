"""Market updates as columns, from files or the synthetic market, and their merging by time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

QUOTE, TRADE, BOOK, HALT, RESUME, SPLIT, FUNDING, DIVIDEND, SETTLEMENT = map(ord, "QTBHRSFDE")


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class MarketTable:
    """Market updates, one a row, ordered by time. Columns have shape (n,); prices and sizes are in 1e-9.

    symbol: index into symbols. kind: a letter of market.data. time: UTC nanoseconds. The columns bid_px, bid_sz,
    ask_px, ask_sz depend on the kind:
    - quote: prices and sizes as in market.data (size 0: the side is empty, -1: unknown size);
    - trade: price, size, letter of the aggressor, 0;
    - book: index of its first level in level_px and level_sz, number of bids, number of asks, 0;
    - split: shares after, shares before, 0, 0;
    - funding: rate, mark price, 0, 0;
    - dividend: cash of a unit, 0, 0, 0;
    - settlement: price, 0, 0, 0;
    - halt, resumption: all 0.
    level_px, level_sz: shape (m,); for each book its bids, then its asks, each from the best level on.
    source: origin of the updates, as market.data has it; empty if it is not known.
    """

    symbols: tuple[str, ...]
    symbol: NDArray[np.int32]
    kind: Bytes
    time: Ints
    bid_px: Ints
    bid_sz: Ints
    ask_px: Ints
    ask_sz: Ints
    level_px: Ints = field(default_factory=_none)
    level_sz: Ints = field(default_factory=_none)
    source: str = ""

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def merged(cls, tables: Sequence[Self]) -> Self:
        """Merges tables by time. Rows with equal times stay in the order of the tables and of their rows.

        The source is the one of all tables; empty if they have several.
        """
        return cls.joined(tables, np.argsort(np.concatenate([table.time for table in tables]), kind="stable"))

    @classmethod
    def joined(cls, tables: Sequence[Self], order: NDArray[np.intp]) -> Self:
        """Returns the rows of tables in an order: indices into the rows of all tables, one table after the other.

        The source is the one of all tables; empty if they have several.
        """
        symbols = tuple(dict.fromkeys(symbol for table in tables for symbol in table.symbols))
        codes = [np.array([symbols.index(name) for name in table.symbols], np.int32)[table.symbol] for table in tables]
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(table, name) for table in tables])[order] for name in COLUMNS
        }
        # Level indices shift by the levels of the tables before.
        starts = np.cumsum([0, *(len(table.level_px) for table in tables)])
        shift = np.repeat(starts[:-1], [len(table) for table in tables])[order]
        columns["bid_px"] = columns["bid_px"] + np.where(columns["kind"] == BOOK, shift, 0)
        levels = {name: np.concatenate([getattr(table, name) for table in tables]) for name in LEVEL_COLUMNS}
        sources = {table.source for table in tables}
        source = sources.pop() if len(sources) == 1 else ""
        return cls(symbols=symbols, symbol=np.concatenate(codes)[order], source=source, **columns, **levels)


COLUMNS = ("kind", "time", "bid_px", "bid_sz", "ask_px", "ask_sz")
LEVEL_COLUMNS = ("level_px", "level_sz")
