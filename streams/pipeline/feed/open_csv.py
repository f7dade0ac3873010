"""Reading the rows of CSV files in blocks, plain or packed, with or without a byte order mark."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv

from schemas.records.numbers import PRICE_DIGITS
from streams.errors import FeedError
from streams.pipeline.feed.open_packed import opened

BLOCK_BYTES = 1 << 20
"""Text of a block, unpacked; pyarrow reads 32 blocks ahead."""
FORMS = f"times must be integers, prices and sizes decimals with at most {PRICE_DIGITS} decimal places"
PLACE = re.compile(r"^In CSV column #(\d+): (?:Row #(\d+): )?")
"""The place at which pyarrow found an error; the header line is its row 1."""


def read_csv(
    path: Path,
    types: Mapping[str, pa.DataType | None],
    on_bytes: Callable[[int], None] = lambda read: None,
    named_here: bool = False,
    skipped_lines: int = 0,
) -> Iterator[pa.Table]:
    """Yields the rows of a file in blocks.

    types: type of each column of the file, in its order; None: the column is left out. on_bytes: takes the number of
    bytes read of the file. named_here: the file's columns get these names; else its first line has them. skipped_lines:
    lines before the first row. Raises FeedError.
    """
    wanted = {name: kind for name, kind in types.items() if kind is not None}
    options = csv.ConvertOptions(
        column_types=wanted, include_columns=[*wanted], strings_can_be_null=False, null_values=[""]
    )
    # One thread, because with several pyarrow does not say in which row an error is.
    names = [*types] if named_here else None
    reading = csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=skipped_lines)
    with opened(path) as (stream, file):
        try:
            yield from _blocks(csv.open_csv(stream, read_options=reading, convert_options=options), file, on_bytes)
        except pa.ArrowInvalid as error:
            raise FeedError(f"{path}: {_placed(str(error), list(types))}; {FORMS}") from error


def _blocks(batches: Iterable[pa.RecordBatch], file: BinaryIO, on_bytes: Callable[[int], None]) -> Iterator[pa.Table]:
    for batch in batches:
        on_bytes(file.tell())
        yield pa.Table.from_batches([batch])


def _placed(error: str, names: list[str]) -> str:
    """Returns an error of pyarrow with line and name of the column in place of its numbers."""
    found = PLACE.match(error)
    if found is None:
        return error
    line = f"line {found[2]}: " if found[2] else ""
    return f"{line}{names[int(found[1])]}: {error[found.end() :]}"
