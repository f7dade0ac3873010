"""Blocks of rows that keep together what has one time stamp."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streams.pipeline.feed.table import Flags, Ints


def whole_stamps(blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yields the rows of blocks in their order; all rows with one ts_ns that follow each other are together.

    Each row has a ts_ns, an integer.
    """
    left: pa.Table | None = None
    for block in blocks:
        rows = block if left is None else pa.concat_tables([left, block])
        cut = _last_stamp(rows["ts_ns"].to_numpy())
        yield rows.slice(0, cut)
        left = rows.slice(cut)
    if left is not None:
        yield left


def whole_stamp_arrays(blocks: Iterable[NDArray[Any]], time: str) -> Iterator[NDArray[Any]]:
    """Yields the rows of structured arrays in the same way. time: name of the field with the stamp."""
    left: NDArray[Any] | None = None
    for block in blocks:
        rows = block if left is None else np.concatenate([left, block])
        cut = _last_stamp(rows[time])
        yield rows[:cut]
        left = rows[cut:]
    if left is not None:
        yield left


def stamp_ends(times: Ints, codes: Ints) -> Flags:
    """Returns whether each row is the last of its stamp and code. All rows of a stamp follow each other."""
    stamps = np.cumsum(np.diff(times, prepend=-1) != 0)
    keys = (stamps * (codes.max() + 1) + codes)[::-1]
    _, lasts = np.unique(keys, return_index=True)
    ends = np.zeros(len(keys), bool)
    ends[len(keys) - 1 - lasts] = True
    return ends


def _last_stamp(times: NDArray[Any]) -> int:
    """Returns the first of the rows that share the last row's time."""
    others = np.flatnonzero(times != times[-1:])
    return int(others[-1]) + 1 if len(others) else 0
