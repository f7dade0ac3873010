"""Reading a folder of recorded market data files as one market."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streams.errors import FeedError
from streams.pipeline.feed.market_blocks import ContentId
from streams.pipeline.feed.read_file import is_market_file, read_file
from streams.pipeline.feed.table import MarketTable

FLAT, DEEP = ("*.csv", "*.csv.gz"), ("*.parquet", "*.arrow", "*.feather")
NAMES = (*FLAT, *DEEP)


def read_folder(folder: Path, on_progress: Callable[[str], None]) -> MarketTable:
    """Reads all market data files of a folder and merges them by time.

    Raises:
        FeedError: the folder has no market data file, or a file breaks a rule.
    """
    files = candidates(folder)
    chosen = [path for path in files if is_market_file(path)]
    if not chosen:
        raise FeedError(f"{folder}: the folder has no market data files ({', '.join(NAMES)})")
    for path in files:
        on_progress(f"{path.name}: {'read' if path in chosen else 'skipped, not a market data file'}")
    table, content = MarketTable.merged([read_file(path) for path in chosen]), ContentId()
    content.add(table)
    return replace(table, source=content.source)


def candidates(folder: Path) -> list[Path]:
    """Returns the files of a folder that may hold market data, by name; files of columns also from folders in it."""
    flat = [path for name in FLAT for path in folder.glob(name)]
    return sorted([*flat, *(path for name in DEEP for path in folder.rglob(name))])
