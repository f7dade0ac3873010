"""A strategy's warm-up from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.cli.strategy_past import past_market
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.strategies.participant import make_participant
from streams.strategies.strategy_config import StrategyConfig
from tests.builders import MS, START, instrument
from tests.strategies.test_warm_up import WarmProbe, shown


def quotes_file(folder: Path, *times_ms: int) -> Path:
    path = folder / "quotes.csv"
    lines = [f"{START + time_ms * MS},ABC,10.00,100,10.02,100" for time_ms in times_ms]
    path.write_text("\n".join(["ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz", *lines]) + "\n")
    return path


def participant(name: str, **sizes: Any) -> Any:
    config = StrategyConfig(strategy=name, symbol="ABC", **sizes)
    return make_participant("A", config, {"ABC": Instrument.from_config(instrument("ABC"))}, 1)


def test_the_last_of_a_file_comes_before_the_market(tmp_path: Path) -> None:
    trading = participant("tests.strategies.test_warm_up:WarmProbe")
    file = quotes_file(tmp_path, 0, 100, 300, 600)
    found = past_market(Settings(), Codec(MemoryRegistry()), trading, [file])
    assert found.lines == ["warm-up of 0.5 s: 3 past updates; no orders before its end"]
    orders = shown(trading, 700)
    assert [(ts - START) // MS for ts, _ in WarmProbe.newest.quotes] == [100, 300, 600, 700]
    assert len(orders) == 1


def test_files_for_a_strategy_without_a_warm_up_are_refused(tmp_path: Path) -> None:
    trading = participant("momentum", quantity="1", max_position="5")
    with pytest.raises(InputError, match="declares no warm_up_s"):
        past_market(Settings(), Codec(MemoryRegistry()), trading, [quotes_file(tmp_path, 0)])
