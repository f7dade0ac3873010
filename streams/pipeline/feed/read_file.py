"""Reading recorded market data of any known format, in blocks of bounded size; every row is checked.

The formats stand in streams/pipeline/feed/formats. Each gives the rows of a file as columns of our own files, which are
checked by the same rules.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from streams.errors import FeedError
from streams.pipeline.feed.check_columns import CHECKS, ColumnRows, check_columns
from streams.pipeline.feed.formats.catalog import FORMATS
from streams.pipeline.feed.formats.file_content import FileContent, content_of
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.table import MarketTable

SHOWN_CHARS = 200


def read_file(path: Path, symbol: str = "") -> MarketTable:
    """Reads all updates of a file, in its order. symbol: as in read_blocks.

    Raises:
        FeedError: the file breaks a rule; names the file, the line if there is one, the rule and the remedy.
    """
    return MarketTable.merged(list(read_blocks(path, symbol=symbol)))


def read_blocks(path: Path, on_bytes: OnBytes = lambda read: None, symbol: str = "") -> Iterator[MarketTable]:
    """Yields the updates of a file in its order, in blocks of bounded size. All updates of a stamp are in one block.

    on_bytes: takes the number of bytes read of the file. symbol: the one that all updates get; empty: as the file says.
    Raises FeedError as read_file does.
    """
    for _, block in checked_columns(path, on_bytes, symbol):
        yield block


def checked_columns(
    path: Path, on_bytes: OnBytes = lambda read: None, symbol: str = ""
) -> Iterator[tuple[list[pa.Table], MarketTable]]:
    """Yields the same blocks as read_blocks, each with its rows, a table for each kind of them.

    The rows have the columns of our own files, whose headers stand in streams/pipeline/feed/check_columns.py.
    """
    found = _format_of(path)
    after_ns, before = 0, set[str]()
    for kinds in found.read(path, symbol, on_bytes):
        if symbol:
            kinds = [_renamed(path, kind, symbol, before) for kind in kinds]
        if kinds:
            block = _checked(path, found, kinds, after_ns)
            yield [kind.columns for kind in kinds], block
            after_ns = int(block.time[-1])
    if not after_ns:
        raise FeedError(f"{path}: the file has no data{found.where_data_would_be}")


def is_market_file(path: Path) -> bool:
    """Returns whether read_file knows a file's format. Raises FeedError if the file can't be read or unpacked."""
    return _known(content_of(path)) is not None


def _format_of(path: Path) -> FileFormat:
    content = content_of(path)
    found = _known(content)
    if found is None:
        others = ", ".join(known.name for known in FORMATS if known.name)
        raise FeedError(
            f"{path}: {content.shown[:SHOWN_CHARS]}; it must be one of {' | '.join(CHECKS)}, or a file of {others}"
        )
    return found


def _known(content: FileContent) -> FileFormat | None:
    return next((known for known in FORMATS if known.knows(content)), None)


def _renamed(path: Path, kind: KindRows, symbol: str, before: set[str]) -> KindRows:
    """Returns rows with another symbol. before: the symbols that the file had so far. Raises FeedError for several."""
    columns = kind.columns
    before.update(columns["symbol"].unique().to_pylist())
    if len(before) > 1:
        raise FeedError(f"{path}: the file has several symbols ({', '.join(sorted(before)[:9])}); omit --symbol")
    place = columns.column_names.index("symbol")
    return kind._replace(columns=columns.set_column(place, "symbol", pa.repeat(symbol, len(columns))))


def _checked(path: Path, found: FileFormat, kinds: list[KindRows], after_ns: int) -> MarketTable:
    """Returns the updates of rows of several kinds, in the order of their places in the file. Raises FeedError."""
    rows = [ColumnRows(path, kind.columns, kind.places, found.unit, after_ns, kind.names) for kind in kinds]
    checked = [check_columns(one) for one in rows]
    if len(checked) == 1:
        return checked[0].table
    places = np.concatenate([np.asarray(kind.places)[one.firsts] for kind, one in zip(kinds, checked, strict=True)])
    order = np.argsort(places, kind="stable")
    table = MarketTable.joined([one.table for one in checked], order)
    back = np.flatnonzero(np.diff(table.time) < 0)
    if len(back):
        place = places[order][back[0] + 1]
        raise FeedError(f"{path}: {found.unit} {place}: the time steps back; sort the file by time")
    return table
