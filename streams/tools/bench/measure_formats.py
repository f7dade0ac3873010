"""Measures the reading of each file format: rows a second and most memory, beside pyarrow's own reading."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from infra.settings import REPOSITORY
from streams.errors import ChildError
from streams.pipeline.feed.convert import convert
from streams.tools.bench.format_files import MAKERS, quote_pieces

TEXTS = ("csv", "tardis-quotes", "tardis-book")
"""Formats that pyarrow reads as they are; of the others it reads the same rows as Parquet."""
BYTES_PER_MB = 1_000_000


class FormatFigures(NamedTuple):
    """The reading of a file of one format.

    Attributes:
        rows: rows of the file: quotes, trades or changes of a level.
        file_mb: the file, as it is on disk.
        rows_per_s, peak_mb: of our reading, which checks every row and makes updates of them. A second is one of
            processor time, because other processes can only add to the clock. peak_mb is the most memory of the
            process, of which start_mb were taken before it began to read.
        pyarrow_rows_per_s, pyarrow_peak_mb: of pyarrow's reading of the same rows into its batches.
    """

    format: str
    rows: int
    file_mb: float
    rows_per_s: float
    peak_mb: float
    start_mb: float
    pyarrow_rows_per_s: float
    pyarrow_peak_mb: float


def measure_formats(names: Sequence[str], rows: int, on_step: Callable[[str], None]) -> list[FormatFigures]:
    """Returns the figures of some formats, each in a file of so many rows. Raises ChildError, FeedError."""
    found = []
    for name in names:
        with TemporaryDirectory(prefix="paper-formats-") as folder:
            on_step(f"{name}: {rows:,} rows")
            file_name, write = MAKERS[name]
            path = Path(folder) / file_name
            write(path, quote_pieces(rows))
            ours = read_apart("ours", path)
            same = path if name in TEXTS or path.suffix == ".parquet" else Path(folder) / "same.parquet"
            if same != path:
                convert(path, same)
            theirs = read_apart("pyarrow", same)
            found.append(
                FormatFigures(
                    format=name,
                    rows=rows,
                    file_mb=round(path.stat().st_size / BYTES_PER_MB, 1),
                    rows_per_s=round(rows / ours["seconds"]),
                    peak_mb=round(ours["peak_mb"], 1),
                    start_mb=round(ours["start_mb"], 1),
                    pyarrow_rows_per_s=round(theirs["rows"] / theirs["seconds"]),
                    pyarrow_peak_mb=round(theirs["peak_mb"], 1),
                )
            )
    return found


def read_apart(reader: str, path: Path) -> dict[str, Any]:
    """Returns what a process of its own says of reading a file: rows, seconds, peak_mb, start_mb. Raises ChildError."""
    command = [sys.executable, "-P", "-m", "streams.tools.bench.read_format", reader, str(path)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChildError(f"reading {path.name} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
