"""Columns of market.data records: lists as they are decoded, or int64 arrays in records long enough to search."""

from operator import gt
from typing import Any

import numpy as np

from schemas.records.messages import Column, Ints, MarketData

BULK_ROWS = 16
"""Number of updates from which on arrays are faster than lists."""
NUMBERS = (
    "times",
    "bid_px",
    "bid_sz",
    "ask_px",
    "ask_sz",
    "trade_px",
    "trade_sz",
    "book_bids",
    "book_asks",
    "book_px",
    "book_sz",
    "split_to",
    "split_of",
    "funding_rate",
    "funding_px",
    "dividend",
    "settlement_px",
)
"""Columns of numbers. Listed by hand, because compiled classes keep no annotations."""


def with_arrays(record: MarketData) -> MarketData:
    """Returns the record with arrays as columns; a short record, or one that has arrays, is returned unchanged.

    Raises OverflowError if a number has more than 64 bits.
    """
    if len(record.kinds) < BULK_ROWS or isinstance(record.times, np.ndarray):
        return record
    columns: dict[str, Any] = {name: as_array(getattr(record, name)) for name in NUMBERS if len(getattr(record, name))}
    return record._replace(**columns)


def as_array(column: Column) -> Ints:
    """Returns the column as an int64 array."""
    return np.asarray(column, np.int64)


def as_list(column: Column) -> list[int]:
    """Returns the column as a list of Python's integers."""
    found: list[int] = column.tolist() if isinstance(column, np.ndarray) else list(column)
    return found


def lowest(column: Column) -> int:
    """Returns the smallest number of a column that is not empty."""
    return column.item(column.argmin()) if isinstance(column, np.ndarray) else min(column)


def highest(column: Column) -> int:
    """Returns the largest number of a column that is not empty."""
    return column.item(column.argmax()) if isinstance(column, np.ndarray) else max(column)


def steps_back(column: Column) -> bool:
    """Returns whether any number is below the one before it."""
    if isinstance(column, np.ndarray):
        return bool(np.count_nonzero(column[1:] < column[:-1]))
    return any(map(gt, column, column[1:]))
