"""Writes a file of market data as Parquet or Arrow, block by block, checked as the feed checks it."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from streams.errors import FeedError
from streams.pipeline.feed.check_columns import kind_of
from streams.pipeline.feed.read_file import checked_columns
from streams.whole_file import whole_file, whole_folder

WRITERS: dict[str, Callable[[str, pa.Schema], Any]] = {
    ".parquet": lambda path, schema: parquet.ParquetWriter(path, schema, compression="zstd"),
    ".arrow": pa.ipc.new_file,
}
"""The writers of tables, by the suffix of the file."""
ORDER = ("trading", "splits", "dividends", "funding", "settlements", "trades", "quotes", "levels")
FILES = {kind: f"{place}-{kind}" for place, kind in enumerate(ORDER, 1)}
"""Names of the files of a folder. Of equal stamps they are read in this order: a trade before what it leaves."""


def convert(path: Path, target: Path, on_bytes: Callable[[int], None] = lambda read: None, symbol: str = "") -> int:
    """Writes the rows of a file to another one, and returns how many. The target appears only when it is whole.

    A target without a suffix becomes a folder with a Parquet file for each kind of rows.

    on_bytes: takes the number of bytes read of the file. symbol: the one that all rows get; empty: as the file says.
    Raises FeedError as read_file does, or for a target that is neither .parquet nor .arrow nor a new folder.
    """
    if target.suffix and target.suffix not in WRITERS:
        raise FeedError(f"{target}: must end with {' or '.join(WRITERS)}, or be a new folder, without a suffix")
    if not target.suffix and target.exists():
        raise FeedError(f"{target}: exists; name a new folder")
    try:
        with (whole_file if target.suffix else whole_folder)(target) as part:
            return _write(path, part, target, on_bytes, symbol)
    except OSError as error:
        raise FeedError(f"{target}: {error.strerror or error}") from error


def _write(path: Path, part: Path, target: Path, on_bytes: Callable[[int], None], symbol: str) -> int:
    rows, writers = 0, dict[str, Any]()
    with ExitStack() as stack:
        for tables, _ in checked_columns(path, on_bytes, symbol):
            for columns in tables:
                kind = kind_of(columns)
                if kind not in writers:
                    if target.suffix and writers:
                        both = " and ".join(sorted([kind, *writers]))
                        raise FeedError(
                            f"{path}: the file has {both}, and a file holds one kind; name a folder, as "
                            f"{target.with_suffix('')}"
                        )
                    place = part if target.suffix else part / f"{FILES[kind]}.parquet"
                    opened = WRITERS[target.suffix or ".parquet"]
                    writers[kind] = stack.enter_context(opened(str(place), columns.schema))
                writers[kind].write_table(columns)
                rows += len(columns)
    return rows
