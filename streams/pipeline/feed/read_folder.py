"""Reading a folder of recorded market data files as one market."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streams.errors import FeedError
from streams.pipeline.feed.market_blocks import ContentId
from streams.pipeline.feed.read_file import is_market_file, read_file
from streams.pipeline.feed.table import MarketTable

COLUMNS = ("*.parquet", "*.arrow", "*.feather")
ROWS = ("*.csv", "*.csv.gz", "*.csv.zst", "*.zip", "*.npz", "*.dbn", "*.dbn.zst", "*.frames", "*.frames.gz")
NAMES = (*ROWS, *COLUMNS)


def read_folder(folder: Path, on_progress: Callable[[str], None]) -> MarketTable:
    """Reads all market data files of a folder and merges them by time.

    Raises:
        FeedError: the folder has no market data file, or a file breaks a rule.
    """
    chosen = market_files(folder, on_progress)
    table, content = MarketTable.merged([read_file(path) for path in chosen]), ContentId()
    content.add(table)
    return replace(table, source=content.source)


def market_files(folder: Path, on_progress: Callable[[str], None]) -> list[Path]:
    """Returns the market data files of a folder. Raises FeedError if there is none."""
    files = _candidates(folder)
    chosen = [path for path in files if is_market_file(path)]
    if not chosen:
        raise FeedError(f"{folder}: the folder has no market data files ({', '.join(NAMES)})")
    for path in files:
        on_progress(f"{path.name}: {'read' if path in chosen else 'skipped, not a market data file'}")
    return chosen


def _candidates(folder: Path) -> list[Path]:
    """Returns the files that may hold market data, by name: those of the folder itself and of partitions in it.

    A partition is a folder NAME=VALUE. Files of columns may stand in any other folder, too.
    """
    columns = [path for name in COLUMNS for path in folder.rglob(name)]
    rows = [path for name in ROWS for path in folder.rglob(name)]
    return sorted(
        [*columns, *(path for path in rows if all("=" in part for part in path.relative_to(folder).parts[:-1]))]
    )
