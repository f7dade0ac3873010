"""Columns of market.data: lists as they are decoded, arrays of int64 where a record is long enough to search in it."""

from operator import gt
from typing import Any

import numpy as np

from schemas.records.messages import Column, Ints, MarketData

BULK_ROWS = 16
"""Updates from which on arrays pay: below it building and asking them costs more than stepping through."""
NAMES = (
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
)
"""Those that are columns of numbers. Written out: compiled code keeps no annotation to find them by."""


def in_bulk(record: MarketData) -> MarketData:
    """The record with arrays for its columns; a short one, or one that has them, as it stands.

    Raises OverflowError where a number is beyond 64 bits.
    """
    if len(record.kinds) < BULK_ROWS or isinstance(record.times, np.ndarray):
        return record
    columns: dict[str, Any] = {name: as_ints(getattr(record, name)) for name in NAMES if len(getattr(record, name))}
    return record._replace(**columns)


def as_ints(column: Column) -> Ints:
    """The column as an array."""
    return np.asarray(column, np.int64)


def lowest(column: Column) -> int:
    """Smallest number of a column that is not empty."""
    return column.item(column.argmin()) if isinstance(column, np.ndarray) else min(column)


def highest(column: Column) -> int:
    """Largest number of a column that is not empty."""
    return column.item(column.argmax()) if isinstance(column, np.ndarray) else max(column)


def falls(column: Column) -> bool:
    """Whether a number is below the one before it."""
    if isinstance(column, np.ndarray):
        return bool(np.count_nonzero(column[1:] < column[:-1]))
    return any(map(gt, column, column[1:]))
