"""Opening market data files of columns: Parquet or Arrow (IPC), whatever their names say.

Prices and sizes may be decimals, integers or floating point numbers, which count as the shortest decimal that they are
written as. Times may be integers or timestamps, texts may be dictionaries. In a folder named NAME=VALUE all rows of a
file have this value in the column NAME, as in partitioned data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import compute, parquet

from schemas.records.numbers import PRICE_DIGITS
from streams.errors import FeedError
from streams.pipeline.feed.stamp_blocks import whole_stamps

PARQUET, ARROW = b"PAR1", b"ARROW1"
MAGIC_BYTES = 6
BLOCK_ROWS = 20_000
NANOSECONDS = pa.timestamp("ns", "UTC")
FORMS = f"times must be integers or timestamps, prices and sizes numbers with at most {PRICE_DIGITS} decimal places"


class _Opened(NamedTuple):
    """An open file: its schema, its number of rows, and what yields its batches with some columns."""

    schema: pa.Schema
    rows: int
    batches: Callable[[list[str]], Iterator[pa.RecordBatch]]


def is_columnar(path: Path) -> bool:
    """Returns whether a file is Parquet or Arrow. Raises FeedError if it can't be read."""
    return _magic(path) is not None


def column_names(path: Path) -> list[str]:
    """Returns the names of a file's columns, with those of the folders it stands in. Raises FeedError."""
    with _opened(path) as found:
        return [*found.schema.names, *(name for name in partition_of_path(path) if name not in found.schema.names)]


def read_arrow(
    path: Path, types: Mapping[str, pa.DataType], on_bytes: Callable[[int], None] = lambda read: None
) -> Iterator[pa.Table]:
    """Yields the rows of a file in blocks. All rows with one ts_ns that follow each other are in one block.

    types: type of each wanted column; others are not read. on_bytes: takes the share of the file that was read, as
    bytes of it. Raises FeedError.
    """
    yield from whole_stamps(_typed_blocks(path, types, on_bytes))


def _typed_blocks(path: Path, types: Mapping[str, pa.DataType], on_bytes: Callable[[int], None]) -> Iterator[pa.Table]:
    size, constant = path.stat().st_size, partition_of_path(path)
    with _opened(path) as found:
        stored, read = [name for name in types if name in found.schema.names], 0
        for batch in found.batches(stored):
            columns = {
                name: _typed(path, name, batch.column(name), wanted, read)
                if name in stored
                else pa.array([constant[name]] * len(batch), wanted)
                for name, wanted in types.items()
            }
            read += len(batch)
            on_bytes(size * read // max(found.rows, 1))
            yield pa.table(columns)


def _typed(path: Path, name: str, column: pa.Array, wanted: pa.DataType, read: int) -> pa.Array:
    """Returns a column in the wanted type. Raises FeedError if a value does not fit. read: rows before the column."""
    try:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_floating(column.type):
            column = compute.if_else(compute.is_nan(column), None, column).cast(pa.string())
        elif pa.types.is_timestamp(column.type):
            column = column.cast(NANOSECONDS).cast(pa.int64())
        column = column.cast(wanted)
        return column.fill_null("") if wanted == pa.string() else column
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        place = f"{path}: rows {read + 1} to {read + len(column)}: {name}"
        raise FeedError(f"{place}: {error}; {FORMS}") from error


def partition_of_path(path: Path) -> dict[str, str]:
    """Returns the columns that the folders of a file name, as symbol=ABC."""
    pairs = (part.partition("=") for part in path.parts[:-1])
    return {name: value for name, sign, value in pairs if sign and name and value}


def _magic(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            first = file.read(MAGIC_BYTES)
    except FileNotFoundError as error:
        raise FeedError(f"{path}: there is no such file") from error
    except OSError as error:
        raise FeedError(f"{path}: the file can't be read: {error.strerror or error}") from error
    return next((magic for magic in (PARQUET, ARROW) if first.startswith(magic)), None)


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    """Yields an open file. Raises FeedError if it is damaged, also while it is being read."""
    try:
        if _magic(path) == PARQUET:
            with parquet.ParquetFile(path) as file:
                found = file.iter_batches
                yield _Opened(file.schema_arrow, file.metadata.num_rows, lambda names: found(BLOCK_ROWS, columns=names))
        else:
            with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as reader:
                batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
                yield _Opened(reader.schema, sum(map(len, batches)), lambda names: _parts(batches, names))
    except (pa.ArrowException, OSError) as error:
        raise FeedError(f"{path}: the file is damaged or cut off: {error}; fetch or write it again") from error


def _parts(batches: list[pa.RecordBatch], names: list[str]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, len(batch), BLOCK_ROWS):
            yield batch.slice(start, BLOCK_ROWS).select(names)
