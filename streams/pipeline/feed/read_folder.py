"""A folder of recorded market data files as one market."""

from collections.abc import Callable
from pathlib import Path

from streams.errors import FeedError
from streams.pipeline.feed.read_csv import is_market_file, read_file
from streams.pipeline.feed.table import MarketTable


def read_folder(folder: Path, on_progress: Callable[[str], None]) -> MarketTable:
    """All market data files of a folder, merged by time.

    Raises:
        FeedError: the folder has none, or one breaks a rule.
    """
    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])
    chosen = [path for path in files if is_market_file(path)]
    if not chosen:
        raise FeedError(f"{folder}: no market data files (.csv, .csv.gz) there")
    for path in files:
        on_progress(f"{path.name}: {'read' if path in chosen else 'left out, no market data'}")
    return MarketTable.merged([read_file(path) for path in chosen])
