"""Blocks of rows that keep together what has one time stamp."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa


def whole_stamps(blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yields the rows of blocks in their order; all rows with one ts_ns that follow each other are together.

    Each row has a ts_ns, an integer.
    """
    left: pa.Table | None = None
    for block in blocks:
        rows = block if left is None else pa.concat_tables([left, block])
        cut = _last_stamp(rows)
        yield rows.slice(0, cut)
        left = rows.slice(cut)
    if left is not None:
        yield left


def _last_stamp(rows: pa.Table) -> int:
    """Returns the first of the rows that share the last row's ts_ns."""
    times = rows["ts_ns"].to_numpy()
    others = np.flatnonzero(times != times[-1:])
    return int(others[-1]) + 1 if len(others) else 0
