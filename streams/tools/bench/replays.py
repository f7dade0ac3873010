"""Re-simulations as `paper replay` runs them: quotes a second with and without a strategy, and seconds of a sweep."""

import time
from typing import Any, NamedTuple

import numpy as np

from infra.settings import Settings
from streams.core.core_config import CoreConfig
from streams.evidence.replay.grid_points import sweep_points
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.sweep import run_points
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.table import QUOTE, MarketTable

ROUNDS = 3
"""Number of rounds. The fastest counts, because other processes can only add."""
CASH, QUANTITY, MAX_POSITION = "100000000", "100", "1000"
QUOTES_PER_LOOK = 10
JOBS = 2
SWEPT = {"strategies.bench.every": [10, 20, 40, 80]}


class ReplayFigures(NamedTuple):
    """Figures of whole re-simulations: market, both kinds of shard, and the encoding and hashing of all records.

    Attributes:
        quotes_per_s: quotes a second of processor time, without orders.
        strategy_quotes_per_s: the same with one strategy, momentum, which looks at each QUOTES_PER_LOOK-th quote.
        sweep_s_per_point: seconds from the market in memory to the last row in ClickHouse, for each run of a sweep of
            the strategy in JOBS processes.
    """

    quotes_per_s: float
    strategy_quotes_per_s: float
    sweep_s_per_point: float


def measure_replays(settings: Settings, config: CoreConfig, table: MarketTable) -> ReplayFigures:
    """Measures re-simulations of the first symbol of a market. config: knows the symbol."""
    with_strategy = strategy_of(table.symbols[0])
    return ReplayFigures(
        replay_quotes_per_s(config, table, {}),
        replay_quotes_per_s(config, table, with_strategy),
        sweep_s_per_point(settings, config, table, with_strategy),
    )


def strategy_of(symbol: str) -> dict[str, Any]:
    """Returns the changes by which one strategy trades a symbol in a session of its own."""
    told = {"strategy": "momentum", "symbol": symbol, "quantity": QUANTITY, "max_position": MAX_POSITION}
    return {"strategies": {"bench": told | {"every": QUOTES_PER_LOOK, "cash": CASH}}}


def replay_quotes_per_s(config: CoreConfig, table: MarketTable, changes: dict[str, Any]) -> float:
    """Returns the quotes a second of processor time in the fastest of ROUNDS, without reading the files."""
    inputs, seconds = market_only(table, config), []
    for _ in range(ROUNDS):
        started = time.process_time()
        simulate("bench", config, inputs, WhatIf.parse(changes, "bench"), None)
        seconds.append(time.process_time() - started)
    return int(np.count_nonzero(table.kind == QUOTE)) / min(seconds)


def sweep_s_per_point(settings: Settings, config: CoreConfig, table: MarketTable, changes: dict[str, Any]) -> float:
    """Returns the seconds of a run of a sweep over SWEPT, the start of its processes included."""
    source = InputSource(f"{settings.run_id}-market", config, None, table)
    chosen = sweep_points(f"{settings.run_id}-sweep", SWEPT, changes)
    started = time.perf_counter()
    run_points(source, (settings, (), True), chosen, JOBS, lambda progress: None)
    return (time.perf_counter() - started) / len(chosen)
