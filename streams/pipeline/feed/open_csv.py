"""Opening market data files: plain CSV or gzip, whatever their names say, with or without a byte order mark."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv

from schemas.records.numbers import PRICE_DIGITS
from streams.errors import FeedError
from streams.pipeline.feed.stamp_blocks import whole_stamps

GZIP = b"\x1f\x8b"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
HEADER_BYTES_MAX = 1_000
BLOCK_BYTES = 1 << 20
"""Text of a block, unpacked; pyarrow reads 32 blocks ahead."""
FORMS = f"times must be integers, prices and sizes decimals with at most {PRICE_DIGITS} decimal places"
PLACE = re.compile(r"^In CSV column #(\d+): (?:Row #(\d+): )?")
"""The place at which pyarrow found an error; the header line is its row 1."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[pa.NativeFile, BinaryIO]]:
    """Yields the content of a file, unpacked, and the file itself.

    Raises:
        FeedError: there is no such file, or it can't be read or unpacked; also while it is being read.
    """
    packed = False
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
        with path.open("rb") as file, pa.input_stream(file, compression="gzip" if packed else None) as stream:
            yield stream, file
    except FileNotFoundError as error:
        raise FeedError(f"{path}: there is no such file") from error
    except OSError as error:
        if packed:
            raise FeedError(f"{path}: the gzip data are damaged or cut off; fetch or pack the file again") from error
        raise FeedError(f"{path}: the file can't be read: {error.strerror or error}") from error


def header_of(path: Path) -> str:
    """Returns the first line of a file, without quotation marks. Raises FeedError."""
    with opened(path) as (stream, _):
        first = stream.read(HEADER_BYTES_MAX)
    if first.startswith(UTF_16):
        raise FeedError(f"{path}: the file is UTF-16; save it as UTF-8")
    line: str = first.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    return line.replace('"', "").strip()


def read_columns(
    path: Path, types: Mapping[str, pa.DataType], on_bytes: Callable[[int], None] = lambda read: None
) -> Iterator[pa.Table]:
    """Yields the rows of a file in blocks. All rows with one ts_ns that follow each other are in one block.

    types: type of each column. on_bytes: takes the number of bytes read of the file. Raises FeedError.
    """
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[""])
    # One thread, because with several pyarrow does not say in which row an error is.
    reading = csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)
    with opened(path) as (stream, file):
        try:
            yield from whole_stamps(
                _blocks(csv.open_csv(stream, read_options=reading, convert_options=options), file, on_bytes)
            )
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
