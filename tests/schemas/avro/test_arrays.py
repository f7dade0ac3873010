"""Tests of column encoding against fastavro: the same bytes, and the same numbers."""

from __future__ import annotations

from io import BytesIO

import fastavro
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.avro.arrays import decode_arrays, decode_longs, encode_array, encode_longs

ARRAY = fastavro.parse_schema({"type": "array", "items": "long"})
EDGES = [sign * (1 << bits) + step for bits in range(63) for sign in (1, -1) for step in (-1, 0)] + [
    2**63 - 1,
    -(2**63),
]
LONGS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from(EDGES), st.integers(-200, 200))
COLUMN = st.lists(LONGS, max_size=40)


def by_fastavro(schema: object, value: object) -> bytes:
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)  # type: ignore[arg-type]
    return buffer.getvalue()


@example(EDGES)
@example([])
@given(COLUMN)
def test_an_array_is_as_fastavro_writes_it(column: list[int]) -> None:
    assert encode_array(np.array(column, np.int64)) == by_fastavro(ARRAY, column)


@example(EDGES)
@given(COLUMN)
def test_the_offsets_are_the_ends_of_the_numbers(column: list[int]) -> None:
    encoded, ends = encode_longs(np.array(column, np.int64))
    starts = [0, *ends.tolist()]
    for number, start, end in zip(column, starts, ends.tolist(), strict=False):
        assert encoded[start:end].tobytes() == by_fastavro("long", number)
    assert len(encoded) == starts[-1]


@example(EDGES, b"", b"")
@given(COLUMN, st.binary(max_size=12), st.binary(max_size=12))
def test_longs_are_read_from_the_middle(column: list[int], before: bytes, behind: bytes) -> None:
    encoded = b"".join(by_fastavro("long", number) for number in column)
    numbers, offset = decode_longs(before + encoded + behind, len(before), len(column))
    assert (numbers.tolist(), offset) == (column, len(before) + len(encoded))


@example([EDGES, [], [0]], b"", b"\xff" * 20)
@given(st.lists(COLUMN, max_size=5), st.binary(max_size=12), st.binary(max_size=12))
def test_arrays_are_read_from_the_middle(columns: list[list[int]], before: bytes, behind: bytes) -> None:
    encoded = b"".join(by_fastavro(ARRAY, column) for column in columns)
    found, offset = decode_arrays(before + encoded + behind, len(before), len(columns))
    assert [column.tolist() for column in found] == columns
    assert offset == len(before) + len(encoded)


def test_arrays_may_be_cut_into_blocks_with_and_without_their_sizes() -> None:
    long = [by_fastavro("long", number) for number in range(-5, 6)]
    sized = by_fastavro("long", -2) + by_fastavro("long", 2) + long[0] + long[1]
    plain = by_fastavro("long", 1) + long[9]
    assert fastavro.schemaless_reader(BytesIO(sized + plain + b"\x00"), ARRAY, None) == [-5, -4, 4]
    found, offset = decode_arrays(sized + plain + b"\x00", 0, 1)
    assert (found[0].tolist(), offset) == ([-5, -4, 4], len(sized + plain) + 1)


@pytest.mark.parametrize("cut", [0, 1, 5, 9, 11])
def test_a_buffer_that_ends_too_early_is_refused(cut: int) -> None:
    encoded = by_fastavro(ARRAY, [2**40, 7, -(2**20)])[:cut]
    with pytest.raises(EOFError, match="0 arrays, not 1"):
        decode_arrays(encoded, 0, 1)
    with pytest.raises(EOFError, match="numbers, not 9"):
        decode_longs(encoded, 0, 9)


@pytest.mark.parametrize("wide", [b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01", b"\x80" * 30 + b"\x00"])
def test_a_number_beyond_64_bits_is_refused_where_it_is_one_of_the_column(wide: bytes) -> None:
    with pytest.raises(ValueError, match="more than 64 bits"):
        decode_arrays(b"\x04\x02" + wide + b"\x00", 0, 1)
    if len(wide) < 12:
        with pytest.raises(ValueError, match="more than 64 bits"):
            decode_longs(b"\x02" + wide, 0, 2)
    assert decode_longs(b"\x02" + wide, 0, 1) == (np.array([1]), 1)
