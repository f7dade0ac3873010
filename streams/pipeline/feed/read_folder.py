"""Reading a folder of recorded market data files as one market."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streams.errors import FeedError
from streams.pipeline.feed.market_blocks import ContentId
from streams.pipeline.feed.read_csv import is_market_file, read_file
from streams.pipeline.feed.table import MarketTable


def read_folder(folder: Path, on_progress: Callable[[str], None]) -> MarketTable:
    """Reads all market data files of a folder and merges them by time.

    Raises:
        FeedError: the folder has no market data file, or a file breaks a rule.
    """
    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])
    chosen = [path for path in files if is_market_file(path)]
    if not chosen:
        raise FeedError(f"{folder}: the folder has no market data files (.csv, .csv.gz)")
    for path in files:
        on_progress(f"{path.name}: {'read' if path in chosen else 'skipped, not a market data file'}")
    table, content = MarketTable.merged([read_file(path) for path in chosen]), ContentId()
    content.add(table)
    return replace(table, source=content.source)
