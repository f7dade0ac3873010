"""Columns of exact numbers of 1e-9, from integers and from floating point numbers."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records.numbers import PRICE_MAX, PRICE_SCALE
from streams.pipeline.feed.check_columns import FIXED
from streams.pipeline.feed.table import Flags, Ints

EXACT_MAX = 2**53
"""Whole numbers below this are floating point numbers, and a quotient of two of them is the nearest to its decimal."""


def fixed_column(numbers: Ints, absent: Flags | None = None) -> pa.Array:
    """Returns numbers of 1e-9 as a column of decimals. absent: those that become null."""
    words = np.empty((len(numbers), 2), np.int64)
    words[:, 0], words[:, 1] = numbers, numbers >> 63
    valid = None if absent is None else pa.array(~absent).buffers()[1]
    return pa.Array.from_buffers(FIXED, len(numbers), [valid, pa.py_buffer(words)])


def fixed_numbers(column: pa.Array) -> tuple[Ints, Flags]:
    """Returns the numbers of 1e-9 of a column of decimals, and which cells hold one that a price can be."""
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
    # The lower word of a decimal128 holds the whole value if it has at most 18 digits.
    low, high = words[column.offset : column.offset + len(column)].T
    given = column.is_valid().to_numpy(zero_copy_only=False)
    return low, given & (high == low >> 63) & (np.abs(low) <= PRICE_MAX)


def fixed_floats(floats: NDArray[Any]) -> pa.Array:
    """Returns floating point numbers as decimals: the shortest that they are written as. NaN becomes null.

    Raises pa.ArrowInvalid for a number with more than 9 decimal places, or one that is infinite.
    """
    absent = np.isnan(floats)
    with np.errstate(over="ignore"):
        scaled = np.where(absent, 0.0, floats) * PRICE_SCALE
    if (np.abs(scaled) < EXACT_MAX).all():
        numbers = np.rint(scaled).astype(np.int64)
        if (absent | (numbers / PRICE_SCALE == floats)).all():
            return fixed_column(numbers, absent)
    texts = pa.array(floats, from_pandas=True).cast(pa.string())
    return texts.cast(FIXED)


def text_column(names: tuple[str, ...], codes: NDArray[Any]) -> pa.Array:
    """Returns a column of texts. codes: index into the names for each row."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string())).dictionary_decode()
