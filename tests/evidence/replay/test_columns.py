"""A timeline in columns gives the run of its inputs one by one: the same records at the same times, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import ControlKind, TradingState
from schemas.records.messages import ApprovedOrder, MarketData, OrderResult
from schemas.records.output import Message
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.venue import venue
from streams.evidence.replay import column_market, shown_quotes
from streams.evidence.replay.market_time import RANKS, MarketTimeline
from streams.evidence.replay.market_updates import market_table, sorted_by_market_time
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.simulate import ReplayRun, simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.journal.partitions import partition_of
from streams.strategies.strategy import Tick
from tests.builders import PROPERTY, control, mock_config, opening, top_of_book
from tests.builders import config as core_config
from tests.core.simulators.long_markets import story
from tests.evidence.replay.markets import Store
from tests.evidence.replay.probe import Probe
from tests.pipeline.journal.pipeline import PARTITIONS

SYMBOLS = ("ABC", "XYZ")
QUEUE = {"fill": {"model": "queue"}, "queue": {"model": "power"}}


def config(mark_interval_ms: int = 1_000, **changes: Any) -> CoreConfig:
    parts = {"account_partitions": PARTITIONS, "execution_partitions": PARTITIONS}
    return core_config(mark_interval_ms=mark_interval_ms, **parts | changes)


CORES = (
    config(),
    config(40, simulators=(top_of_book(3, **QUEUE),), execution_partitions=1),
    config(70_000, simulators=(top_of_book(3, stale_after_ms=500),)),
    config(time_source=TimeSource.RECORD),
    config(0, orders_wait=False),
    mock_config(latency_ms_max=30, slippage_bps="20", failure_rate="0.1", mark_interval_ms=1_000),
)
NAMES = ("tests.evidence.replay.probe:Probe", "market-maker", "momentum", "mean-reversion")
SEEDS = st.integers(0, 2**32)
MANY = settings(PROPERTY, max_examples=120)


@pytest.fixture(autouse=True, scope="module")
def _bounds_of_speed_are_low() -> Iterator[None]:
    """Lowers the bounds, so that short markets have many stretches and blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_market, "STRETCH_ROWS", 7)
        patch.setattr(shown_quotes, "BLOCK_ROWS", 5)
        patch.setattr(venue, "UNSKIPPED_MAX", 1)
        yield


def timeline(seed: int, deep: bool, core: CoreConfig) -> MarketTimeline:
    """Returns two symbols with every kind of update, some at one instant, and orders, heartbeats and commands."""
    updates, beats, orders, controls = list[MarketData](), list[ReplayInput](), list[ReplayInput](), list[ReplayInput]()
    for number, symbol in enumerate(SYMBOLS):
        time_ns = 0
        for message in story(seed + number, deep):
            if isinstance(message, MarketData):
                time_ns = max(time_ns, message.ts)
            if isinstance(message, ApprovedOrder):
                named = message._replace(symbol=symbol, order_id=f"{symbol}-{message.order_id}")
                orders.append(_input("orders.approved", "orders", symbol, named, time_ns, core))
            elif isinstance(message, MarketData) and message.kinds:
                updates.append(message._replace(symbol=symbol))
            elif isinstance(message, MarketData):
                beat = message._replace(symbol=symbol if seed % 2 else "")
                beats.append(_input("market.data", "market.data", symbol, beat, time_ns, core))
    table = sorted_by_market_time(market_table(updates))
    halt = control(ControlKind.TRADING_STATE, "A", "halt", trading_state=TradingState.HALTED)
    for at, command in ((0, opening("A")), (len(table) // 2, halt)):
        controls.append(_input("controls", "controls", "A", command, int(table.time[at]), core))
    beats.sort(key=lambda item: item.time_ns)
    orders.sort(key=lambda item: item.time_ns)
    return MarketTimeline(table, beats, controls, orders, core.execution_partitions)


def _input(topic: str, rank: str, key: str, message: Message, time_ns: int, core: CoreConfig) -> ReplayInput:
    partitions = core.account_partitions if topic == "controls" else core.execution_partitions
    return ReplayInput(time_ns, RANKS[rank], partition_of(key, partitions), 0, topic, message)


def strategies(seed: int) -> dict[str, Any]:
    """Returns some strategies of several speeds, each on an account and on one of the symbols."""
    draw = Random(seed)
    return {
        f"P{number}": {
            "strategy": name,
            "symbol": draw.choice(SYMBOLS),
            "quantity": "3",
            "max_position": "50",
            "every": draw.choice((1, 2, 5)),
            "latency": {"model": "constant", "ms": draw.choice((0, 0, 3, 40))},
            "cash": "1000000",
        }
        for number, name in enumerate(draw.sample(NAMES, draw.randrange(4)))
    }


Ran = tuple[ReplayRun, dict[str, Any], list[Tick | OrderResult]]
"""The run, its rows, and what the newest probe saw."""


def ran(core: CoreConfig, inputs: Iterable[ReplayInput], trading: dict[str, Any]) -> Ran:
    store, Probe.newest = Store(), None  # type: ignore[assignment]
    run = simulate("r", core, inputs, WhatIf.parse({"strategies": trading}, "test"), store)
    return run, store.rows, Probe.newest.seen if Probe.newest else []


@pytest.mark.slow
@MANY
@given(SEEDS, st.sampled_from(CORES), st.booleans())
def test_columns_give_the_run_of_single_inputs(seed: int, core: CoreConfig, deep: bool) -> None:
    inputs, trading = timeline(seed, deep, core), strategies(seed)
    assert ran(core, inputs, trading) == ran(core, iter(inputs), trading)


def test_the_stories_are_rich() -> None:
    """Checks that orders rest, trade and expire in the markets above, and that strategies trade in them."""
    topics, kinds = dict[str, int](), set[str]()
    for seed in range(12):
        core = CORES[seed % len(CORES)]
        inputs = timeline(seed, True, core)
        _, rows, _ = ran(core, inputs, strategies(seed))
        kinds |= {chr(kind) for kind in inputs.table.kind.tolist()}
        for topic, found in rows.items():
            topics[topic] = topics.get(topic, 0) + len(found)
    assert kinds == set("QTBHRSFD")
    assert min(topics[name] for name in ("marks", "executions", "order.results", "fills", "account.equity")) > 10
