"""Writes a file of market data as Parquet or Arrow, block by block, checked as the feed checks it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from streams.errors import FeedError
from streams.pipeline.feed.read_file import checked_columns
from streams.whole_file import whole_file

WRITERS: dict[str, Callable[[str, pa.Schema], Any]] = {
    ".parquet": lambda path, schema: parquet.ParquetWriter(path, schema, compression="zstd"),
    ".arrow": pa.ipc.new_file,
}
"""The writers of tables, by the suffix of the file."""


def convert(path: Path, target: Path, on_bytes: Callable[[int], None] = lambda read: None) -> int:
    """Writes the rows of a file to another one, and returns how many. The target appears only when it is whole.

    on_bytes: takes the number of bytes read of the file. Raises FeedError as read_file does, or for a target that is
    neither .parquet nor .arrow.
    """
    opened = WRITERS.get(target.suffix)
    if opened is None:
        raise FeedError(f"{target}: must end with {' or '.join(WRITERS)}")
    writer, rows = None, 0
    try:
        with whole_file(target) as part:
            for columns, _ in checked_columns(path, on_bytes):
                writer = writer or opened(str(part), columns.schema)
                writer.write_table(columns)
                rows += len(columns)
            assert writer is not None, "a file without data is refused"
            writer.close()
    except OSError as error:
        raise FeedError(f"{target}: {error.strerror or error}") from error
    return rows
