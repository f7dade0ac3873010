"""A folder of files, partitioned or not, is one market, and its files are open only while they have updates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import dataset

from streams.errors import FeedError
from streams.pipeline.feed import file_market
from streams.pipeline.feed.file_market import FileMarket
from streams.pipeline.feed.read_file import read_blocks
from streams.pipeline.feed.read_folder import market_files
from streams.pipeline.feed.table import MarketTable

T = 1_700_000_000_000_000_000
DAY = 86_400 * 10**9
DAYS, ROWS = 6, 300


@pytest.fixture
def quotes() -> pa.Table:
    """Returns quotes of two symbols on some days, in the order of their times."""
    draw, rows = np.random.default_rng(3), DAYS * ROWS
    days = np.repeat(np.arange(DAYS), ROWS)
    bid = draw.integers(1, 99, rows)
    return pa.table(
        {
            "ts_ns": T + days * DAY + np.tile(np.arange(ROWS), DAYS) * 1_000,
            "symbol": draw.choice(["ABC", "XYZ"], rows),
            "bid_px": bid,
            "bid_sz": [1] * rows,
            "ask_px": bid + 1,
            "ask_sz": [1] * rows,
            "day": days,
        }
    )


def partitioned(quotes: pa.Table, folder: Path, kind: str) -> list[Path]:
    """Writes quotes as pyarrow partitions them, by symbol and day; returns the files."""
    flavour = dataset.partitioning(pa.schema([("symbol", pa.string()), ("day", pa.int64())]), flavor="hive")
    dataset.write_dataset(quotes, folder, format=kind, partitioning=flavour)
    return market_files(folder, lambda _: None)


def whole(quotes: pa.Table, folder: Path) -> Path:
    path = folder / "all.csv"
    pa.csv.write_csv(quotes.drop_columns(["day"]), path, pa.csv.WriteOptions(quoting_style="none"))
    return path


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_partitioned_data_set_is_one_market(quotes: pa.Table, kind: str, tmp_path: Path) -> None:
    files = partitioned(quotes, tmp_path / "set", kind)
    assert len(files) == 2 * DAYS
    assert FileMarket(files).source == FileMarket([whole(quotes, tmp_path)]).source


def test_a_file_is_open_only_while_it_has_updates(
    quotes: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, opened, most = partitioned(quotes, tmp_path / "set", "parquet"), set[Path](), 0

    def watched(path: Path, *arguments: object, **named: object) -> Iterator[MarketTable]:
        nonlocal most
        opened.add(path)
        most = max(most, len(opened))
        yield from read_blocks(path, *arguments, **named)  # type: ignore[arg-type]
        opened.remove(path)

    market = FileMarket(files)
    monkeypatch.setattr(file_market, "read_blocks", watched)
    assert sum(len(table) for _, table in market.blocks(0)) == len(quotes)
    assert most <= 4, "two symbols, while one day follows the other"


def test_rows_of_vendors_stand_in_the_folder_itself_or_in_partitions(tmp_path: Path) -> None:
    text = "1,1,1,1,1700000000000,true\n"
    for place in (".", "symbol=ABC.X", "symbol=ABC.X/day=1", "raw"):
        (tmp_path / place).mkdir(exist_ok=True, parents=True)
        (tmp_path / place / "ABC-trades-1.csv").write_text(text)
    found = [str(path.relative_to(tmp_path).parent) for path in market_files(tmp_path, lambda _: None)]
    assert sorted(found) == [".", "symbol=ABC.X", "symbol=ABC.X/day=1"]
    assert set(FileMarket(market_files(tmp_path, lambda _: None)).symbols) == {"ABC", "ABC.X"}


def test_a_folder_without_market_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n")
    with pytest.raises(FeedError, match=r"the folder has no market data files \(\*\.csv,"):
        market_files(tmp_path, lambda _: None)
