"""The file that every engine reads: quotes and orders as arrays.

This module runs in both environments, so it imports numpy alone.
"""

import os
from typing import NamedTuple, Self

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

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, uncompressed (.npz)."""
        np.savez(path, **self._asdict())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a file that write has written."""
        with np.load(path) as columns:
            return cls(**{name: columns[name] for name in cls._fields})


def decimal_places(step: int) -> int:
    """Returns the decimal places of a step in 1e-9."""
    return len(f"{step / 1e9:.9f}".rstrip("0").partition(".")[2])
