"""A market table in a file: what another process maps is what was written, and nobody can change it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.evidence.replay.market_updates import market_table
from streams.pipeline.feed.table import COLUMNS, LEVEL_COLUMNS, MarketTable
from streams.pipeline.feed.table_file import map_table, write_table
from tests.builders import book, quote, split, trade


def a_table() -> MarketTable:
    """Returns a table with columns of different lengths and two symbols."""
    updates = [quote(), trade("10", "5", symbol="X Y"), book([("9", "1"), ("8", "1")], [("10", "1")]), split(2, 1)]
    return replace(market_table(updates), source="file:sha256:a")


@pytest.mark.parametrize("table", [a_table(), market_table([]), market_table([quote()])])
def test_a_table_is_mapped_as_it_was_written(table: MarketTable, tmp_path: Path) -> None:
    write_table(table, tmp_path / "market.arrow")
    found = map_table(tmp_path / "market.arrow")
    assert (found.symbols, found.source) == (table.symbols, table.source)
    for name in ("symbol", *COLUMNS, *LEVEL_COLUMNS):
        column, expected = getattr(found, name), getattr(table, name)
        assert column.dtype == expected.dtype
        assert np.array_equal(column, expected)
        assert not column.flags.writeable
