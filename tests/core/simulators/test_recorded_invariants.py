"""Tests of fill invariants on recorded markets: missing sizes, equal times, gaps of days, locked and crossed quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.records.enums import Action
from schemas.records.messages import ApprovedOrder, ExecutionReport
from streams.core.venue.execution_shard import ExecutionShard
from tests.builders import config, px, top_of_book
from tests.core.desk import of
from tests.core.simulators.long_markets import Traded
from tests.core.simulators.rich_stories import LATENCY
from tests.core.simulators.test_simulator_invariants import check_fills
from tests.core.venue.test_look_ahead_recorded import INSTRUMENTS, MARKETS, WINDOW, messages, of_market

MODELS: dict[str, dict[str, Any]] = {
    "touch, impact": {"slippage": {"model": "half-spread"}, "latency": LATENCY},
    "queue, volume share": {
        "fill": {"model": "queue"},
        "queue": {"model": "log"},
        "slippage": {"model": "volume-share"},
    },
}
CORES = {name: config(instruments=INSTRUMENTS, simulators=(top_of_book(**models),)) for name, models in MODELS.items()}


@pytest.mark.parametrize("begins", MARKETS)
@pytest.mark.parametrize("name", MODELS)
def test_fills_keep_the_invariants_on_recorded_markets(market_data_folder: Path, begins: str, name: str) -> None:
    table = of_market(market_data_folder, begins)
    symbol, tick, lot = MARKETS[begins]
    first = max(len(table) // 2 - WINDOW, 0)
    core = config(instruments=INSTRUMENTS, simulators=(top_of_book(**MODELS[name]),))
    shard = ExecutionShard(core, 0)
    reports: list[ExecutionReport] = []
    requests: dict[str, ApprovedOrder] = {}
    for message in messages(table, Traded(symbol, px(tick), px(lot)), first, min(first + WINDOW, len(table))):
        if isinstance(message, ApprovedOrder) and message.action is Action.NEW:
            requests[message.order_id] = message
        reports += of(ExecutionReport, shard.apply(message, None))
    check_fills(reports, requests)
    assert any(report.last_qty for report in reports)
