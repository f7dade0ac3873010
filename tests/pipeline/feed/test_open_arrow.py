"""Parquet and Arrow files give what the same CSV gives, in any form that writers choose, and clear errors."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from streams.errors import FeedError
from streams.pipeline.feed import open_arrow
from streams.pipeline.feed.file_market import FileMarket
from streams.pipeline.feed.read_file import is_market_file, read_blocks, read_file
from streams.pipeline.feed.read_folder import read_folder
from streams.pipeline.feed.table import COLUMNS, LEVEL_COLUMNS, MarketTable

T = 1_700_000_000_000_000_000
QUOTES: dict[str, list[Any]] = {
    "ts_ns": [T, T, T + 5],
    "symbol": ["ABC", "XYZ", "ABC"],
    "bid_px": [Decimal("1.5"), Decimal("0.00000001"), None],
    "bid_sz": [Decimal(10), None, None],
    "ask_px": [Decimal("1.51"), Decimal("123456789.125"), Decimal("1.6")],
    "ask_sz": [Decimal(7), Decimal("0.5"), Decimal(3)],
}
LEVELS: dict[str, list[Any]] = {
    "ts_ns": [T] * 3 + [T + 1],
    "symbol": ["ABC"] * 4,
    "side": ["B", "A", "A", "B"],
    "level": [1, 1, 2, 1],
    "px": [10, 11, 12, 9],
    "sz": [1, 2, 3, 4],
}
TRADES = {"ts_ns": [T, T + 1], "symbol": ["ABC"] * 2, "px": [1.25, 2.0], "sz": [3, 4], "aggressor": ["buy", None]}
Write = Callable[[pa.Table, Path], None]


def as_csv(columns: dict[str, list[Any]], path: Path) -> Path:
    lines = [",".join(columns)]
    lines += [
        ",".join("" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell) for cell in row)
        for row in zip(*columns.values(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


WRITERS: list[Write] = [
    lambda table, path: parquet.write_table(table, path),
    lambda table, path: parquet.write_table(table, path, row_group_size=2),
    write_arrow,
    lambda table, path: feather.write_feather(table, str(path), compression="lz4"),
]


def equal(found: MarketTable, expected: MarketTable) -> bool:
    assert [found.symbols[code] for code in found.symbol] == [expected.symbols[code] for code in expected.symbol]
    return all(getattr(found, name).tolist() == getattr(expected, name).tolist() for name in (*COLUMNS, *LEVEL_COLUMNS))


@pytest.mark.parametrize("write", WRITERS, ids=["parquet", "row groups", "arrow", "feather"])
@pytest.mark.parametrize("columns", [QUOTES, LEVELS, TRADES], ids=["quotes", "levels", "trades"])
def test_columns_are_what_the_same_csv_is(columns: dict[str, list[Any]], write: Write, tmp_path: Path) -> None:
    write(pa.table(columns), tmp_path / "market")
    assert is_market_file(tmp_path / "market"), "the content says what a file is, not its name"
    assert equal(read_file(tmp_path / "market"), read_file(as_csv(columns, tmp_path / "market.csv")))


OTHER_TYPES = {
    "floats": {
        name: pa.array([None if x is None else float(x) for x in QUOTES[name]]) for name in ("bid_px", "ask_sz")
    },
    "missing as NaN": {"bid_sz": pa.array([10.0, np.nan, np.nan])},
    "floats of 32 bits": {"ask_sz": pa.array([7, 0.5, 3], pa.float32())},
    "whole numbers": {"bid_sz": pa.array([10, None, None], pa.int32())},
    "narrow decimals": {"bid_sz": pa.array([Decimal(10), None, None], pa.decimal128(4, 1))},
    "stamps": {"ts_ns": pa.array(QUOTES["ts_ns"], pa.timestamp("ns"))},
    "stamps in New York": {"ts_ns": pa.array(QUOTES["ts_ns"], pa.timestamp("ns", "America/New_York"))},
    "dictionary": {"symbol": pa.array(QUOTES["symbol"]).dictionary_encode()},
    "large texts": {"symbol": pa.array(QUOTES["symbol"], pa.large_string())},
    "more columns": {"volume": pa.array([1, 2, 3])},
}


@pytest.mark.parametrize("changes", OTHER_TYPES.values(), ids=OTHER_TYPES)
def test_the_same_numbers_may_have_other_types(changes: dict[str, pa.Array], tmp_path: Path) -> None:
    columns = {name: pa.array(values) for name, values in QUOTES.items()} | changes
    names = sorted(columns)
    parquet.write_table(pa.table({name: columns[name] for name in names}), tmp_path / "q.parquet")
    assert equal(read_file(tmp_path / "q.parquet"), read_file(as_csv(QUOTES, tmp_path / "q.csv")))


BROKEN = [
    ({"px": [0.1 + 0.2, 1.0]}, r"rows 1 to 2: px: .*9 decimal places"),
    ({"px": [0.0, 1.0]}, "row 1: px must be above 0"),
    ({"px": [1.0, float("inf")]}, "rows 1 to 2: px"),
    ({"px": ["x", "y"]}, "rows 1 to 2: px"),
    ({"sz": [1.0, None]}, "row 2: sz must be given"),
    ({"ts_ns": [T, T - 1]}, "row 2: ts_ns steps back"),
    ({"ts_ns": [1.5, 2.5]}, "rows 1 to 2: ts_ns"),
    ({"aggressor": ["buy", "seller"]}, "row 2: aggressor is 'seller'"),
    ({"symbol": ["ABC", None]}, "row 2: symbol is empty"),
]


@pytest.mark.parametrize(("changes", "problem"), BROKEN)
def test_a_broken_rule_names_the_file_the_row_and_the_rule(
    changes: dict[str, list[Any]], problem: str, tmp_path: Path
) -> None:
    parquet.write_table(pa.table(TRADES | changes), tmp_path / "t.parquet")
    with pytest.raises(FeedError, match=f"t.parquet: {problem}"):
        read_file(tmp_path / "t.parquet")


def test_files_without_market_data_and_damaged_files_are_told_apart(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    assert not is_market_file(tmp_path / "other.parquet")
    with pytest.raises(FeedError, match=r"other.parquet: the columns are a; it must be one of ts_ns,"):
        read_file(tmp_path / "other.parquet")
    parquet.write_table(pa.table(TRADES).slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(FeedError, match=r"none\.parquet: the file has no data"):
        read_file(tmp_path / "none.parquet")
    parquet.write_table(pa.table(TRADES), tmp_path / "cut.parquet")
    whole = (tmp_path / "cut.parquet").read_bytes()
    for part in (whole[:-8], whole[: len(whole) // 2], whole[:6], b"PAR1" + b"\0" * 40, b"ARROW1" + b"\xff" * 40):
        (tmp_path / "cut.parquet").write_bytes(part)
        with pytest.raises(FeedError, match=r"cut.parquet: the file is damaged or cut off"):
            read_file(tmp_path / "cut.parquet")
    with pytest.raises(FeedError, match="nosuch: there is no such file"):
        read_file(tmp_path / "nosuch")


def test_a_partitioned_folder_is_one_market(tmp_path: Path) -> None:
    """Each file has the symbol of its folder; the rows are merged by time."""
    table = pa.table(QUOTES)
    for symbol in ("ABC", "XYZ"):
        folder = tmp_path / "set" / f"symbol={symbol}"
        folder.mkdir(parents=True)
        chosen = table.filter(pa.compute.equal(table["symbol"], symbol)).drop_columns(["symbol"])
        parquet.write_table(chosen, folder / "part-0.parquet")
    found = read_folder(tmp_path / "set", lambda _: None)
    assert equal(found, read_file(as_csv(QUOTES, tmp_path / "q.csv")))


@pytest.mark.parametrize("write", [WRITERS[0], WRITERS[2]], ids=["parquet", "arrow"])
def test_blocks_keep_what_has_one_stamp_together(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_arrow, "BLOCK_ROWS", 3)
    times = np.repeat(np.arange(T, T + 7), [1, 5, 2, 1, 4, 1, 1])
    columns = {"ts_ns": times, "symbol": ["ABC"] * len(times), "px": [1.0] * len(times), "sz": [1] * len(times)}
    write(pa.table(columns | {"aggressor": [""] * len(times)}), tmp_path / "t")
    read: list[int] = []
    blocks = list(read_blocks(tmp_path / "t", read.append))
    assert len(blocks) > 2
    stamps = [set(block.time.tolist()) for block in blocks]
    assert all(not first & second for first, second in pairwise(stamps))
    assert np.concatenate([block.time for block in blocks]).tolist() == times.tolist()
    assert read == sorted(read)
    assert read[-1] == (tmp_path / "t").stat().st_size


def test_a_feed_of_columns_is_the_feed_of_the_same_csv(tmp_path: Path) -> None:
    parquet.write_table(pa.table(QUOTES), tmp_path / "q.parquet")
    market = FileMarket([tmp_path / "q.parquet"])
    assert market.source == FileMarket([as_csv(QUOTES, tmp_path / "q.csv")]).source
