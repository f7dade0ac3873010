"""A process that reads one market file and prints its rows, its processor seconds and its most memory as JSON.

It is a process of its own, so that its memory is that of one reading.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pyarrow import csv, parquet

from streams.pipeline.feed.open_packed import opened
from streams.pipeline.feed.read_file import read_blocks

KB_PER_MB = 1_024


def read_by_us(path: Path) -> Iterator[int]:
    """Yields the number of updates of each block, checked and ready to be sent."""
    yield from map(len, read_blocks(path))


def read_by_pyarrow(path: Path) -> Iterator[int]:
    """Yields the number of rows of each batch, as pyarrow gives it."""
    if path.suffix == ".parquet":
        with parquet.ParquetFile(path) as file:
            yield from map(len, file.iter_batches())
    else:
        with opened(path) as (stream, _):
            yield from map(len, csv.open_csv(stream))


READERS = {"ours": read_by_us, "pyarrow": read_by_pyarrow}


def _most_mb() -> float:
    """Returns the most resident memory that this process has had."""
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / KB_PER_MB


def main(reader: str, path: str) -> None:
    """Reads a file and prints what it took. reader: one of READERS."""
    before, started = _most_mb(), time.process_time()
    rows = sum(READERS[reader](Path(path)))
    seconds = time.process_time() - started
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": _most_mb(), "start_mb": before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
