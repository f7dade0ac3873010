"""The interface of a file format."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from streams.pipeline.feed.check_columns import SAME_NAMES
from streams.pipeline.feed.formats.file_content import FileContent
from streams.pipeline.feed.table import Ints

OnBytes = Callable[[int], None]
"""Takes the number of bytes that were read of a file, as it is on disk."""


class KindRows(NamedTuple):
    """Rows of one kind: quotes, trades, levels, splits or trading.

    Attributes:
        columns: those of a header in streams/pipeline/feed/check_columns.py.
        places: number of each row in the file; of a level, that of the row that completes its book.
        names: the file's names of columns that have others there.
    """

    columns: pa.Table
    places: range | Ints
    names: Mapping[str, str] = SAME_NAMES


class FileFormat(NamedTuple):
    """A format of market data files.

    Attributes:
        name: whose format it is; empty if it is our own.
        unit: what the places of rows count, as "line".
        knows: returns whether a file has the format.
        read: yields the rows of a file in blocks of bounded size, those of a stamp in one block. Takes the path, the
            symbol that the user gives (empty: none), which a file that names no symbol needs, and what takes the number
            of bytes read. Raises FeedError.
        where_data_would_be: ends the message about a file without data.
    """

    name: str
    unit: str
    knows: Callable[[FileContent], bool]
    read: Callable[[Path, str, OnBytes], Iterator[list[KindRows]]]
    where_data_would_be: str = ""
