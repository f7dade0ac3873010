"""Sessions on recorded markets: the record verifies, a planted tick is found, and files give the same runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.records.messages import Fill, OrderRequest
from streams.core.core_config import CoreConfig
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.verify import verify
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.infer_instruments import infer_instruments
from streams.pipeline.feed.table import COLUMNS, MarketTable
from tests.builders import config, top_of_book
from tests.core.venue.test_look_ahead_recorded import MARKETS, of_market
from tests.evidence.replay.markets import over_files, over_record, recorded
from tests.evidence.sessions.recorded_days import OPEN_NS
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

ROWS, STEP = 3_000, 100
SIZES = {"AIG": "100", "BTCUSDT": "0.01"}


@pytest.fixture(scope="module", params=SIZES)
def day(request: pytest.FixtureRequest, market_data_folder: Path) -> tuple[MarketTable, CoreConfig, dict[str, Any]]:
    """Returns part of a day after the stock's open, a configuration, and two strategies on accounts A and B."""
    table = of_market(market_data_folder, request.param)
    first = int(np.searchsorted(table.time, OPEN_NS)) if request.param == "AIG" else len(table) // 2
    columns: dict[str, Any] = {name: getattr(table, name)[first : first + ROWS] for name in ("symbol", *COLUMNS)}
    part = replace(table, **columns)
    core = config(
        account_partitions=PARTITIONS,
        execution_partitions=PARTITIONS,
        simulators=(top_of_book(5, fill={"model": "queue"}, queue={"model": "power"}),),
        instruments=infer_instruments(part),
        mark_interval_ms=1_000,
    )
    size = SIZES[request.param]
    told = {"symbol": part.symbols[0], "quantity": size, "max_position": str(10 * float(size)), "every": 10}
    latency = {"model": "lognormal", "median_ms": 4, "sigma": 1}
    strategies = {
        "A": told | {"strategy": "market-maker", "latency": latency},
        "B": told | {"strategy": "momentum"},
    }
    return part, core, {"strategies": strategies}


def session(day: tuple[MarketTable, CoreConfig, dict[str, Any]]) -> MemoryPipeline:
    """Returns a recorded session in which both accounts trade."""
    table, core, document = day
    funded = {name: told | {"cash": "1000000"} for name, told in document["strategies"].items()}
    _, store = over_files(core, table, {"strategies": funded})
    orders: list[OrderRequest] = store.messages("orders")
    return recorded(table, STEP, orders, core)


def test_a_recorded_day_proves_itself_and_names_a_tick_too_much(
    day: tuple[MarketTable, CoreConfig, dict[str, Any]],
) -> None:
    pipeline = session(day)
    proof = verify(pipeline.config, pipeline.log, pipeline.codec)
    assert proof.differences == []
    assert proof.checked["fills"] > 20
    assert proof.checked["order.results"] > 100
    partition, log = next((p, log) for (topic, p), log in pipeline.log.partitions.items() if topic == "fills" and log)
    fill: Fill = pipeline.codec.decode("fills", log[-1].value or b"")
    tick = int(day[1].instruments[0].tick_size * 10**9)
    log[-1] = log[-1]._replace(value=pipeline.codec.encode("fills", fill._replace(price=fill.price + tick)))
    (told,) = verify(pipeline.config, pipeline.log, pipeline.codec).differences
    named = f"fills-{partition} offset {log[-1].offset}, order {fill.order_id}: price is {fill.price + tick}"
    assert told.startswith(named)


def test_strategies_run_the_same_over_the_record_and_over_the_files(
    day: tuple[MarketTable, CoreConfig, dict[str, Any]],
) -> None:
    table, core, document = day
    runs = [over_record(recorded(table, step, (), core), document) for step in (STEP, 7 * STEP)]
    runs.append(over_record(recorded(table, STEP, (), core), document, market=table))
    assert len({run.outputs_sha256 for run in runs}) == 1
    assert runs[0].strategies == ("market-maker", "momentum")


@pytest.mark.parametrize("name", MARKETS)
def test_columns_give_the_run_of_single_inputs_on_every_market(name: str, market_data_folder: Path) -> None:
    table = of_market(market_data_folder, name)
    first = len(table) // 2
    columns: dict[str, Any] = {name: getattr(table, name)[first : first + ROWS] for name in ("symbol", *COLUMNS)}
    core = config(
        account_partitions=PARTITIONS,
        execution_partitions=PARTITIONS,
        simulators=(top_of_book(5, fill={"model": "queue"}, queue={"model": "power"}),),
        instruments=infer_instruments(table),
        mark_interval_ms=1_000,
    )
    told = {"symbol": table.symbols[0], "quantity": "1", "max_position": "20", "cash": "10000000"}
    trading = {
        "A": told | {"strategy": "market-maker", "every": 20, "latency": {"model": "constant", "ms": 3}},
        "B": told | {"strategy": "momentum", "every": 5},
    }
    inputs, what_if = market_only(replace(table, **columns), core), WhatIf.parse({"strategies": trading}, "test")
    runs = [simulate("r", core, some, what_if, None) for some in (inputs, iter(inputs))]
    assert runs[0] == runs[1]
    assert runs[0].strategies == ("market-maker", "momentum")
