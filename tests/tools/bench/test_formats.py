"""`paper bench formats` reads every row of every format, and pyarrow reads the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.table import BOOK, QUOTE, TRADE
from streams.tools.bench import format_files
from streams.tools.bench.format_files import MAKERS, quote_pieces
from streams.tools.bench.measure_formats import read_apart
from tests.end_to_end.processes import paper

ROWS = 1_000
SHORT, LONG = 50_000, 500_000
MEMORY_MB_MAX = 40
"""Most memory that so many further rows may add; held as columns of updates alone they would take 76 MB."""
KINDS = {"tardis-book": BOOK, "hftbacktest": BOOK, "binance-trades": TRADE}


@pytest.mark.parametrize("name", MAKERS)
def test_every_row_of_a_format_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format_files, "PIECE_ROWS", 400)
    file_name, write = MAKERS[name]
    write(tmp_path / file_name, quote_pieces(ROWS))
    table = read_file(tmp_path / file_name)
    assert len(table) == ROWS
    assert set(table.kind.tolist()) == {KINDS.get(name, QUOTE)}


@pytest.mark.parametrize("name", ["databento", "hftbacktest"])
def test_a_long_file_takes_as_much_memory_as_a_short_one(name: str, tmp_path: Path) -> None:
    file_name, write = MAKERS[name]
    peaks = []
    for rows in (SHORT, LONG):
        write(tmp_path / file_name, quote_pieces(rows))
        peaks.append(read_apart("ours", tmp_path / file_name)["peak_mb"])
    assert peaks[1] - peaks[0] < MEMORY_MB_MAX, peaks


def test_the_command_prints_the_figures_of_the_formats_that_are_asked_for() -> None:
    settings = Settings(_env_file=None)
    done = paper(settings, "bench", "formats", "csv", "databento", "--rows", "2000", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(row["format"], row["rows"]) for row in found] == [("csv", 2_000), ("databento", 2_000)]
    assert all(row["rows_per_s"] > 0 and row["peak_mb"] > row["start_mb"] > 0 for row in found)
    assert paper(settings, "bench", "formats", "nosuch").returncode == 2
