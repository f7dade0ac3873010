"""Drafts of instruments: the tick is what quotes have in common, and drafting takes little memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from infra.settings import REPOSITORY
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.infer_instruments import infer_from
from streams.pipeline.feed.read_file import read_blocks

QUOTES = "ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n"
TRADES = "ts_ns,symbol,px,sz,aggressor\n"
START = 1_700_000_000_000_000_000
MEASURE = """
import sys
from pathlib import Path
from streams.pipeline.feed.infer_instruments import infer_from
from streams.pipeline.feed.read_file import read_blocks
infer_from(read_blocks(Path(sys.argv[1])))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""Prints the most memory that the process has had, kB."""
MEMORY_MB_MAX = 40
"""Most memory that a million further rows may add; held as columns they would take 100 MB and more."""


def drafted(folder: Path, bids: Sequence[str], prints: Sequence[str] = (), size: str = "100") -> InstrumentConfig:
    """Returns the draft of a symbol from quotes that are one unit wide, and from prints."""
    texts = [QUOTES] + [f"{START},XAUUSD,{bid},{size},{Decimal(bid) + 1},{size}\n" for bid in bids]
    prints_text = [TRADES] + [f"{START},XAUUSD,{price},{size or 1},\n" for price in prints]
    paths = []
    for name, lines in (("quotes.csv", texts), ("trades.csv", prints_text)):
        if len(lines) > 1:
            paths.append(folder / name)
            paths[-1].write_text("".join(lines))
    (draft,) = infer_from(block for path in paths for block in read_blocks(path))
    return draft


@pytest.mark.parametrize("tick", ["0.01", "0.25", "0.03125", "0.005", "0.00001"])
def test_the_tick_is_the_greatest_common_divisor_of_the_quotes(tmp_path: Path, tick: str) -> None:
    bids = [str(5000 + Decimal(tick) * number) for number in (0, 1, 3, 4, 7, 8, 9, 12, 13, 16, 20)]
    assert drafted(tmp_path, bids).tick_size == Decimal(tick)


def test_hidden_prints_between_two_ticks_do_not_count(tmp_path: Path) -> None:
    bids = [str(Decimal("379.01") + Decimal("0.01") * number) for number in range(20)]
    assert drafted(tmp_path, bids, ["379.0150", "379.0001"]).tick_size == Decimal("0.01")
    assert drafted(tmp_path, [], ["379.0150", "379.0001"]).tick_size == Decimal("0.0001"), "nothing else is known"


def test_a_few_quotes_are_too_few_for_a_divisor(tmp_path: Path) -> None:
    assert drafted(tmp_path, ["1.50", "2.75"]).tick_size == Decimal("0.01")


def test_the_maximum_follows_what_the_market_shows(tmp_path: Path) -> None:
    assert drafted(tmp_path, ["50.00", "50.02"], size="300").max_quantity == 3_000
    assert drafted(tmp_path, ["50.00", "50.02"], ["50.01"], size="0.004").max_quantity == Decimal("0.04")


@pytest.mark.parametrize(("bid", "most"), [("2031.55", 1_000), ("1.38671", 1_000_000), ("0.00000002", 100_000_000)])
def test_without_sizes_the_maximum_is_worth_at_most_ten_million(tmp_path: Path, bid: str, most: int) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(f"{QUOTES}{START},XAUUSD,{bid},,{bid},\n")
    (draft,) = infer_from(read_blocks(path))
    assert (draft.lot_size, draft.max_quantity) == (Decimal(1), Decimal(most))


def test_drafting_takes_as_much_memory_for_a_long_file_as_for_a_short_one(tmp_path: Path) -> None:
    used = [peak_mb(tmp_path, rows) for rows in (1_000_000, 2_000_000)]
    assert used[1] - used[0] < MEMORY_MB_MAX, used


def peak_mb(folder: Path, rows: int) -> int:
    """Returns the most memory of a process that drafts the instrument of a file of so many quotes."""
    path = folder / f"{rows}.csv"
    path.write_text(QUOTES + "".join(f"{START + row},ABC,{row % 97}.25,100,98.50,200\n" for row in range(1, rows)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return int(done.stdout) // 1024
