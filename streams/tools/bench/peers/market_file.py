"""The one file that every engine reads: quotes and orders as arrays. Runs in both environments: numpy alone."""

import os
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class MarketFile(NamedTuple):
    """One symbol's quotes, n by time, and m limit orders by time; prices, sizes 1e-9; times UTC nanoseconds.

    quote_ts, bid_px, bid_sz, ask_px, ask_sz: shape (n,). order_ts, order_side (1 buys, -1 sells), order_px, order_qty,
    cancel_ts: shape (m,); an order reaches the venue latency_ns after order_ts, and if it has not filled it ends at its
    cancel_ts. Single numbers, shape (1,): tick_size, lot_size, latency_ns.
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
        """Reads what write wrote."""
        with np.load(path) as columns:
            return cls(**{name: columns[name] for name in cls._fields})


def digits(step: int) -> int:
    """Digits behind the point of a step in 1e-9."""
    return len(f"{step / 1e9:.9f}".rstrip("0").partition(".")[2])
