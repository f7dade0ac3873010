"""The beginning of a file, which says what format it has, whatever its name says."""

from pathlib import Path
from typing import NamedTuple

from streams.errors import FeedError
from streams.pipeline.feed.open_arrow import column_names, is_columnar
from streams.pipeline.feed.open_packed import opened, zip_members

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
HEADER_BYTES_MAX = 1 << 14
"""Longest header line: 100 levels of a book have four columns each."""


class FileContent(NamedTuple):
    """The beginning of a file.

    Attributes:
        columns: names of the columns of a Parquet or Arrow file; empty for other files.
        members: names of the files in a zip file.
        first: the first bytes, unpacked.
        line: the first line, without quotation marks, byte order mark and blanks at its ends.
    """

    path: Path
    columns: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    first: bytes = b""
    line: str = ""

    @property
    def shown(self) -> str:
        """The beginning, in words."""
        if self.columns:
            return f"the columns are {','.join(self.columns)}"
        if not self.first and self.members:
            return f"the zip file holds {', '.join(self.members)}"
        return f"the header is {self.line}"


def content_of(path: Path) -> FileContent:
    """Returns what a file shows. Raises FeedError if it can't be read or unpacked."""
    if is_columnar(path):
        return FileContent(path, columns=tuple(column_names(path)))
    members = zip_members(path)
    if any(name.endswith(".npy") for name in members):
        return FileContent(path, members=members)
    with opened(path) as (stream, _):
        first = stream.read(HEADER_BYTES_MAX)
    if first.startswith(UTF_16):
        raise FeedError(f"{path}: the file is UTF-16; save it as UTF-8")
    line: str = first.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    return FileContent(path, members=members, first=first, line=line.replace('"', "").strip())
