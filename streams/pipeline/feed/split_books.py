"""Telling apart the order books of a levels file: by stamp and symbol, and within one stamp by their best levels."""

import numpy as np

from streams.pipeline.feed.table import Bytes, Ints

BEST = 1


def book_begins(runs: Bytes, asks: Ints, level: Ints) -> Bytes:
    """Returns for each line of a levels file whether it begins a book.

    A book has one best level on a side, so the second best level of a side begins the next book of the same stamp.

    Args:
        runs: whether the line has another stamp or symbol than the line before.
        asks: 1 for a line of the ask side, 0 for the bid side.
        level: level of the line; 1 is the best.
    """
    best = np.flatnonzero(level == BEST)
    first = np.diff(np.cumsum(runs)[best], prepend=-1) != 0
    # Between two lines of the same side in a row the sides alternate, so each second line has both sides before it.
    stretch = first | (np.diff(asks[best], prepend=-1) == 0)
    place = np.arange(len(best))
    since = place - np.maximum.accumulate(np.where(stretch, place, 0))
    begins = runs.copy()
    begins[best[(since % 2 == 0) & ~first]] = True
    return begins
