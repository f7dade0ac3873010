"""Our own files: CSV with a header line, and Parquet or Arrow with the same columns.

quotes: ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz      trades: ts_ns,symbol,px,sz,aggressor
levels: ts_ns,symbol,side,level,px,sz                 splits: ts_ns,symbol,split_to,split_of
levels: ts_ns,symbol,update,side,level,px,sz          trading: ts_ns,symbol,trading
funding: ts_ns,symbol,rate,mark_px                    dividends: ts_ns,symbol,dividend
settlements: ts_ns,symbol,settlement_px

levels: lines with the same ts_ns and symbol make an order book; side is B or A, level 1 is the best. A second level 1
of a side begins the next book of the stamp; with a column update, each new number begins one, and nothing else does.
splits: each split_of shares become split_to shares. trading: halted or resumed. funding: longs pay rate * mark_px a
unit to shorts. dividends: a unit bears so much cash, which longs receive and shorts pay. settlements: the price that
closes positions in an expired instrument. Files of columns may have them in any order, and others beside them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from streams.pipeline.feed.check_columns import CHECKS, FIXED, TYPES
from streams.pipeline.feed.formats.file_content import FileContent, content_of
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.open_arrow import read_arrow
from streams.pipeline.feed.open_csv import read_csv
from streams.pipeline.feed.stamp_blocks import whole_stamps

FIRST_DATA_LINE = 2


def _header(content: FileContent) -> str | None:
    """Returns the header that the columns of a Parquet or Arrow file cover; of several, the one with most columns."""
    found = (header for header in CHECKS if set(content.columns).issuperset(header.split(",")))
    return max(found, key=len, default=None)


def _types(header: str) -> dict[str, pa.DataType]:
    return {name: TYPES.get(name, FIXED) for name in header.split(",")}


def _read_csv(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    blocks = read_csv(path, _types(content_of(path).line), on_bytes)
    return _numbered(whole_stamps(blocks), FIRST_DATA_LINE)


def _read_columns(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    header = _header(content_of(path))
    assert header is not None, "the format of a file is known before it is read"
    return _numbered(read_arrow(path, _types(header), on_bytes), 1)


def _numbered(blocks: Iterable[pa.Table], first: int) -> Iterator[list[KindRows]]:
    for columns in blocks:
        if len(columns):
            yield [KindRows(columns, range(first, first + len(columns)))]
            first += len(columns)


OWN_CSV = FileFormat("", "line", lambda content: content.line in CHECKS, _read_csv, " after the header line")
OWN_COLUMNS = FileFormat("", "row", lambda content: _header(content) is not None, _read_columns)
