"""The file that every engine reads: quotes and orders as arrays.

This module runs in both environments, so it imports numpy alone.
"""

import os
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class MarketFile(NamedTuple):
    """One symbol's n quotes and m limit orders, both by time.

    Prices and sizes are in 1e-9, times in UTC nanoseconds. An order reaches the venue latency_ns after order_ts, and
    ends at its cancel_ts if it has not filled by then.

    Attributes:
        quote_ts, bid_px, bid_sz, ask_px, ask_sz: shape (n,).
        order_ts, order_side, order_px, order_qty, cancel_ts: shape (m,); order_side is 1 to buy and -1 to sell.
        tick_size, lot_size, latency_ns: shape (1,).
    """

    quote_ts: Ints
    bid_px: Ints
    bid_sz: Ints
    ask_px: Ints
    ask_sz: Ints
    order_ts: Ints
    order_side: Ints
    order_px: Ints
    order_qty: Ints
    cancel_ts: Ints
    tick_size: Ints
    lot_size: Ints
    latency_ns: Ints


File = TypeVar("File", bound=tuple[Any, ...])


def save_arrays(file: Any, path: str | os.PathLike[str]) -> None:
    """Writes a NamedTuple of arrays, uncompressed (.npz)."""
    np.savez(path, **file._asdict())


def load_arrays(kind: type[File], path: str | os.PathLike[str]) -> File:
    """Reads a file that save_arrays has written from a NamedTuple of this kind."""
    with np.load(path) as columns:
        return kind(**dict(columns))


def decimal_places(step: int) -> int:
    """Returns the decimal places of a step in 1e-9."""
    return len(f"{step / 1e9:.9f}".rstrip("0").partition(".")[2])
