"""A market of files in blocks is the market of the whole files, in bounded memory."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import REPOSITORY
from streams.errors import FeedError
from streams.pipeline.feed import file_market, open_csv
from streams.pipeline.feed.file_market import FileMarket
from streams.pipeline.feed.market_blocks import TableMarket
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.read_folder import read_folder
from streams.pipeline.feed.table import MarketTable
from tests.builders import PROPERTY

START = 1_700_000_000_000_000_000
QUOTES = "ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n"
LEVELS = "ts_ns,symbol,side,level,px,sz\n"
MEASURE = """
import sys
from pathlib import Path
from streams.pipeline.feed.file_market import FileMarket
market = FileMarket([Path(path) for path in sys.argv[1:]])
assert sum(len(table) for _, table in market.blocks(0)) == len(market)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""Reads files as a feed does, and prints the most memory that the process has had, kB."""
MEMORY_MB_MAX = 40
"""Most memory that a million further rows may add; held as columns they would take 45 MB, and while merged 150 MB."""


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> Iterator[None]:
    """Makes blocks so small that short files have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_csv, "BLOCK_BYTES", 200)
        patch.setattr(file_market, "BLOCK_ROWS", 4)
        yield


def quote_lines(draw: np.random.Generator, times: list[int]) -> str:
    symbols = draw.choice(["A", "B", "C"], len(times))
    return QUOTES + "".join(
        f"{START + time},{symbol},{draw.integers(1, 99)},1,100,{draw.integers(1, 9)}\n"
        for time, symbol in zip(times, symbols, strict=True)
    )


def level_lines(draw: np.random.Generator, times: list[int]) -> str:
    lines = [LEVELS]
    for time in dict.fromkeys(times):
        levels = [f"B,{level + 1},{50 - level}" for level in range(draw.integers(1, 4))]
        levels += [f"A,{level + 1},{51 + level}" for level in range(draw.integers(1, 4))]
        lines += [f"{START + time},B,{level},{draw.integers(1, 9)}\n" for level in levels]
    return "".join(lines)


TIMES = st.lists(st.integers(0, 30), min_size=1, max_size=40).map(sorted)


@PROPERTY
@given(seed=st.integers(0, 2**32), times=st.lists(TIMES, min_size=1, max_size=3), row=st.integers(0, 120))
def test_the_blocks_are_the_whole_market_from_any_row_on(
    tmp_path_factory: pytest.TempPathFactory, seed: int, times: list[list[int]], row: int
) -> None:
    draw, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("market")
    paths = [folder / f"{number}.csv" for number in range(len(times))]
    for path, stamps in zip(paths, times, strict=True):
        lines = quote_lines if draw.random() < 0.5 else level_lines
        path.write_text(lines(draw, stamps))
    whole, market = MarketTable.merged([read_file(path) for path in paths]), FileMarket(paths)
    row = min(row, len(whole) - 1)
    assert (len(market), market.last_ns) == (len(whole), int(whole.time[-1]))
    assert market.content_id == TableMarket(whole).content_id
    whole = replace(whole, source=market.source)
    assert market.starts(row) == TableMarket(whole).starts(row)
    blocks = list(market.blocks(row))
    assert blocks[0][0] <= row < blocks[0][0] + len(blocks[0][1])
    assert blocks[-1][0] + len(blocks[-1][1]) == len(whole)
    for base, table in blocks:
        assert table.symbols == market.symbols
        for number in range(len(table)):
            assert list(pack(table, number, number + 1)) == list(pack(whole, base + number, base + number + 1))


def test_one_changed_number_is_another_market(tmp_path: Path) -> None:
    path, ids, sources = tmp_path / "quotes.csv", set(), set()
    for size in ("1", "2"):
        path.write_text(f"{QUOTES}{START},A,10,1,11,1\n{START + 1},A,10,1,11,{size}\n")
        ids.add(FileMarket([path]).content_id)
        sources.add(FileMarket([path]).source)
    assert (len(ids), len(sources)) == (2, 2)


def test_the_source_is_the_content_however_it_is_stored(tmp_path: Path) -> None:
    lines = [f"{START + number},A,10,1,11,{number + 1}\n" for number in range(4)]
    stored = {
        "plain": {"day.csv": QUOTES + "".join(lines)},
        "packed": {"other.csv.gz": QUOTES + "".join(lines)},
        "parts": {"a.csv": QUOTES + "".join(lines[::2]), "b.csv": QUOTES + "".join(lines[1::2])},
    }
    found = set()
    for name, files in stored.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_bytes(gzip.compress(text.encode()) if file.endswith(".gz") else text.encode())
        market, table = FileMarket(sorted(folder.iterdir())), read_folder(folder, lambda _: None)
        found |= {market.source, table.source, *(record.source for record in pack(table, 0, len(table)))}
        found |= {block.source for _, block in market.blocks(0)}
    (source,) = found
    assert re.fullmatch("file:sha256:[0-9a-f]{64}", source)


def test_markets_of_several_sources_have_none_together() -> None:
    empty, kinds = np.zeros(0, np.int64), np.zeros(0, np.uint8)
    table = MarketTable((), np.zeros(0, np.int32), kinds, empty, empty, empty, empty, empty)
    one, two = (replace(table, source=source) for source in ("synthetic:1:60", "synthetic:2:60"))
    assert MarketTable.merged([one, one]).source == one.source
    assert MarketTable.merged([one, two]).source == ""


def test_a_broken_last_line_is_found_before_anything_can_be_sent(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(QUOTES + "".join(f"{START + n},A,10,1,11,1\n" for n in range(99)) + f"{START},A,10,1,11,1\n")
    with pytest.raises(FeedError, match="line 101: ts_ns steps back"):
        FileMarket([path])


def test_reading_reports_the_bytes_of_all_files_to_the_last(tmp_path: Path) -> None:
    paths, read = [tmp_path / "1.csv", tmp_path / "2.csv"], list[int]()
    for path in paths:
        path.write_text(QUOTES + "".join(f"{START + n},A,10,1,11,1\n" for n in range(99)))
    FileMarket(paths, read.append)
    assert read == sorted(read)
    assert read[-1] == sum(path.stat().st_size for path in paths)


def test_a_long_file_takes_as_much_memory_as_a_short_one(tmp_path: Path) -> None:
    used = [peak_mb(tmp_path, rows) for rows in (1_000_000, 2_000_000)]
    assert used[1] - used[0] < MEMORY_MB_MAX, used


def peak_mb(folder: Path, rows: int) -> int:
    """Returns the most memory of a process that reads two files of half so many quotes each."""
    paths = [folder / f"{rows}-{name}.csv" for name in "ab"]
    for path in paths:
        with path.open("w") as file:
            file.write(QUOTES)
            file.writelines(f"{START + row},ABC,{row % 97}.25,100,98.50,200\n" for row in range(rows // 2))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return int(done.stdout) // 1024
