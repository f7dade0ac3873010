"""Market updates as columns: what files and the synthetic market are read into, and merging them by time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

QUOTE, TRADE = ord("Q"), ord("T")


@dataclass(frozen=True, slots=True)
class MarketTable:
    """One row an update, shape (n,) each, ordered by time; all prices and sizes in 1e-9.

    symbol: index into symbols. kind: QUOTE or TRADE. time: UTC nanoseconds. A quote fills the four columns as in
    market.data (size 0: no such side, -1: unknown); a trade has its price in bid_px, its size in bid_sz and the letter
    of its aggressor in ask_px.
    """

    symbols: tuple[str, ...]
    symbol: NDArray[np.int32]
    kind: Bytes
    time: Ints
    bid_px: Ints
    bid_sz: Ints
    ask_px: Ints
    ask_sz: Ints

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def merged(cls, tables: Sequence[Self]) -> Self:
        """All rows by time; at equal times in the order of the tables, and of the rows within one."""
        symbols = tuple(dict.fromkeys(symbol for table in tables for symbol in table.symbols))
        codes = [np.array([symbols.index(name) for name in table.symbols], np.int32)[table.symbol] for table in tables]
        order = np.argsort(np.concatenate([table.time for table in tables]), kind="stable")
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(table, name) for table in tables])[order] for name in COLUMNS
        }
        return cls(symbols=symbols, symbol=np.concatenate(codes)[order], **columns)


COLUMNS = tuple(field.name for field in fields(MarketTable) if field.name not in ("symbols", "symbol"))
