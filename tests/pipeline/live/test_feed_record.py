"""A recording of a live feed is files that the feed of files reads again, update by update."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from schemas.records.numbers import NANOS_PER_HOUR
from streams.errors import FeedError
from streams.pipeline.feed.read_folder import read_folder
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.live import feed_record
from streams.pipeline.live.feed_record import FeedRecording
from streams.pipeline.live.live_rows import LiveRow
from streams.pipeline.live.update_queue import Queued
from tests.builders import PROPERTY, START, px
from tests.pipeline.feed.feed_rows import Row, rows_of
from tests.pipeline.live.scripted_source import SYMBOL
from tests.pipeline.live.test_live_market import UPDATES, Desk


def read_back(folder: Path) -> list[Row]:
    """Returns the updates of all files, by symbol and time."""
    table = read_folder(folder, lambda name: None)
    rows = [
        (symbol, kind, time_ns, (*level_numbers(table, row), numbers[1]) if kind == "B" else numbers)
        for row, (symbol, kind, time_ns, numbers) in enumerate(rows_of(table))
    ]
    return sorted(rows)


def level_numbers(table: MarketTable, row: int) -> list[int]:
    first, count = int(table.bid_px[row]), int(table.bid_sz[row] + table.ask_px[row])
    levels = zip(table.level_px[first : first + count], table.level_sz[first : first + count], strict=True)
    return [int(number) for level in levels for number in level]


def told(rows: Sequence[LiveRow]) -> list[Row]:
    return sorted(
        (row.symbol, row.kind, row.time_ns, (*row.numbers, row.bids) if row.kind == "B" else row.numbers or (0, 0, 0))
        for row in rows
    )


@settings(PROPERTY, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(UPDATES)
def test_files_hold_what_was_fed(tmp_path_factory: pytest.TempPathFactory, updates: list[Queued]) -> None:
    desk, folder = Desk(begun=False), tmp_path_factory.mktemp("recording")
    rows = [*desk.market.begin(START), *desk.market.take(updates)]
    with FeedRecording(folder) as recording:
        recording.add(rows[:3])
        recording.add(rows[3:])
    assert read_back(folder) == told(rows)


def trades(*times: int) -> list[LiveRow]:
    return [LiveRow(SYMBOL, "T", time_ns, (px(50), px(1), ord("B"))) for time_ns in times]


def test_a_file_appears_at_the_end_of_its_hour(tmp_path: Path) -> None:
    with FeedRecording(tmp_path) as recording:
        recording.add(trades(START, START + 1))
        assert list(tmp_path.glob("*.parquet")) == []
        recording.add(trades(START + NANOS_PER_HOUR))
        (first,) = tmp_path.glob("*.parquet")
        assert first.name == f"20231114T221320.000000Z-{SYMBOL}-trades.parquet"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_long_hour_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_record, "BUFFERED_ROWS", 2)
    rows = trades(*range(START, START + 5))
    with FeedRecording(tmp_path) as recording:
        recording.add(rows)
    assert read_back(tmp_path) == told(rows)


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FeedError, match="the recording can't be written"):
        FeedRecording(tmp_path / "file")
