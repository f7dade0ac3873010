"""Strategies in the loop: no decision depends on the future, and all decisions are functions of the market."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import ExecType
from schemas.records.messages import ExecutionReport, OrderRequest, OrderResult
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.evidence.replay.simulate import ReplayRun
from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import COLUMNS, QUOTE, MarketTable
from streams.strategies.participant import make_participant
from streams.strategies.strategy import Tick
from streams.strategies.strategy_config import StrategyConfig
from tests.builders import MS, PROPERTY, SECOND, START, config, instrument, new, quote, top_of_book
from tests.evidence.replay.markets import Store, over_files, over_record, recorded
from tests.evidence.replay.probe import Probe
from tests.pipeline.journal.pipeline import PARTITIONS

VENUE_MS = 3
CORE = config(account_partitions=PARTITIONS, execution_partitions=PARTITIONS, simulators=(top_of_book(VENUE_MS),))
PROBE = "tests.evidence.replay.probe:Probe"
PARTS = {"symbol": "ABC", "quantity": "10", "max_position": "50", "every": 2, "cash": "1000000"}
FEW = settings(PROPERTY, max_examples=10)
DRAWN = ({"model": "uniform", "max_ms": 50}, {"model": "lognormal", "median_ms": 9, "sigma": 1})
SEEDS, LATENCIES_MS = st.integers(0, 2**32), st.sampled_from((0, 1, 20, 700))


def market(seed: int, seconds: float = 2) -> MarketTable:
    """Returns a market of two symbols with some updates at one instant."""
    table = synthetic(SyntheticMarket(seed, seconds), CORE.instruments)
    return replace(table, time=table.time // (20 * MS) * (20 * MS))


def until(table: MarketTable, end_ns: int) -> MarketTable:
    """Returns the updates up to a time."""
    rows = table.time <= end_ns
    columns: dict[str, Any] = {name: getattr(table, name)[rows] for name in ("symbol", *COLUMNS)}
    return replace(table, **columns)


def probed(table: MarketTable, core: CoreConfig = CORE, **changes: Any) -> tuple[ReplayRun, Store, Probe]:
    run, store = over_files(core, table, {"strategies": {"P": PARTS | {"strategy": PROBE} | changes}})
    return run, store, Probe.newest


def constant(ms: int) -> dict[str, Any]:
    return {"model": "constant", "ms": ms}


@FEW
@given(seed=SEEDS, ms=LATENCIES_MS, clock=st.sampled_from(TimeSource))
def test_no_order_is_sent_or_arrives_before_it_could(seed: int, ms: int, clock: TimeSource) -> None:
    core = CORE.model_copy(update={"time_source": clock})
    _, store, probe = probed(market(seed), core, latency=constant(ms))
    orders: list[OrderRequest] = store.messages("orders")
    reports: list[ExecutionReport] = store.messages("executions")
    sent = {order.order_id: order.ts for order in orders}
    assert set(sent) <= set(probe.upon_ns)
    assert all(ts >= probe.upon_ns[order_id] + ms * MS for order_id, ts in sent.items())
    arrived = {report.order_id: report.ts for report in reports if report.exec_type is ExecType.NEW}
    assert len(arrived) > 10
    assert all(ts >= sent[order_id] + VENUE_MS * MS for order_id, ts in arrived.items())
    times = [order.ts for order in orders]
    assert times == sorted(times), "they enter in the order of time"


def test_a_request_comes_before_what_is_later_and_behind_what_is_not() -> None:
    came: list[tuple[str, int]] = []

    def put(request: OrderRequest, time_ns: int) -> list[OrderResult]:
        came.append((request.order_id, time_ns))
        return []

    told = StrategyConfig.model_validate(PARTS | {"strategy": PROBE, "every": 1, "latency": constant(5)})
    loop = StrategyLoop([make_participant("P", told, {"ABC": Instrument.from_config(instrument("ABC"))}, 1)], put)
    loop.send_due(START)
    loop.show_market(quote(at=START), START)
    loop.send_due(START + 5 * MS)
    assert came == []
    loop.send_due(START + 5 * MS + 1)
    assert came == [("P-1", START + 5 * MS), ("P-2", START + 5 * MS)]
    loop.show_market(quote(at=START, symbol="XYZ"), START + SECOND)
    loop.send_due(START + 2 * SECOND)
    assert len(came) == 2, "another symbol's market is not its own"


@FEW
@given(seed=SEEDS, model=st.sampled_from(DRAWN))
def test_a_drawn_latency_never_lets_a_request_overtake_an_earlier_one(seed: int, model: dict[str, Any]) -> None:
    _, store, probe = probed(market(seed), latency=model)
    orders: list[OrderRequest] = store.messages("orders")
    delays = [order.ts - probe.upon_ns[order.order_id] for order in orders]
    assert min(delays) >= 0
    assert len(set(delays)) > len(delays) // 4
    numbers = [int(order.order_id.rpartition("-")[2]) for order in orders]
    assert numbers == sorted(numbers)


@FEW
@given(seed=SEEDS, ms=LATENCIES_MS, share=st.floats(0.1, 0.9))
def test_what_comes_later_changes_nothing_that_was_decided_before(seed: int, ms: int, share: float) -> None:
    table = market(seed)
    end_ns = int(np.quantile(table.time, share))
    decided = []
    for known in (table, until(table, end_ns)):
        _, store, _ = probed(known, latency=constant(ms))
        orders: list[OrderRequest] = store.messages("orders")
        decided.append([order for order in orders if order.ts - ms * MS <= end_ns])
    assert decided[0] == decided[1]


def test_a_strategy_sees_every_quote_of_its_symbol_once_in_market_time() -> None:
    table = market(1)
    _, _, probe = probed(table)
    rows = np.flatnonzero((table.kind == QUOTE) & (table.symbol == table.symbols.index("ABC")))
    columns = (table.bid_px, table.bid_sz, table.ask_px, table.ask_sz, table.time)
    expected = [Tick(*(int(column[row]) for column in columns)) for row in rows]
    assert [item for item in probe.seen if isinstance(item, Tick)] == expected


def test_its_results_are_those_of_the_run() -> None:
    _, store, probe = probed(market(2))
    results: list[OrderResult] = store.messages("order.results")
    assert [item for item in probe.seen if isinstance(item, OrderResult)] == results
    assert {result.exec_type for result in results} >= {ExecType.NEW, ExecType.FILL, ExecType.CANCELED}


@settings(PROPERTY, max_examples=5)
@given(seed=SEEDS)
def test_topics_in_any_batches_and_files_give_the_same_run(seed: int) -> None:
    table = market(seed, seconds=1)
    times = sorted(map(int, table.time[::15]))
    orders = [
        new(f"o-{number}", price=None if number % 2 else "50.00", account="AB"[number % 2], ts=ts)
        for number, ts in enumerate(times)
    ]
    document = {"strategies": {"P": PARTS | {"strategy": PROBE}, "B": PARTS | {"strategy": "momentum", "cash": None}}}
    runs = [over_record(recorded(table, step, orders, CORE), document) for step in (1, 7, len(table))]
    runs.append(over_record(recorded(table, 50, orders, CORE), document, market=table))
    assert len({run.outputs_sha256 for run in runs}) == 1
    assert runs[0].strategies == ("momentum", "s1", PROBE)
    other = over_record(recorded(table, 7, orders, CORE), document | {"orders": {"scale": "2"}})
    assert other.outputs_sha256 != runs[0].outputs_sha256


def test_a_strategy_stands_in_for_its_accounts_recorded_orders() -> None:
    """Only the opening of its session differs, which says what trades anew."""
    table = market(3)
    orders = [new(f"o-{account}", account=account, ts=int(table.time[9])) for account in "AB"]
    pipeline = recorded(table, 50, orders, CORE, "momentum")
    without, silent = Store(), Store()
    over_record(pipeline, {"orders": {"accounts": ["A"]}}, table, without)
    momentum = PARTS | {"strategy": "momentum", "cash": None, "every": 10**6}
    over_record(pipeline, {"strategies": {"B": momentum}}, table, silent)
    openings = [store.rows.pop("controls") for store in (without, silent)]
    assert silent.rows == without.rows
    assert openings[0] != openings[1]


def test_own_sessions_open_under_the_limits_of_the_run() -> None:
    document = {"strategies": {"P": PARTS | {"strategy": PROBE}}, "limits": {"max_order_quantity": "9"}}
    _, store = over_files(CORE, market(4), document)
    reasons = {result.reason_code for result in store.messages("order.results")}
    assert "MAX_ORDER_QUANTITY" in reasons
    (opening,) = store.messages("controls")
    assert (opening.strategy_id, opening.instruments, opening.currency) == (PROBE, "ABC", "USD")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"strategy": "momentums"}, "one of market-maker"),
        ({"strategy": "tests.evidence.replay.probe:Nothing"}, "Nothing"),
        ({"strategy": "tests.no_such_module:Probe"}, "no_such_module"),
        ({"strategy": "decimal:Decimal"}, r"no on_tick\(\)"),
        ({"symbol": "ABCD"}, "ABCD is none of ABC, XYZ"),
        ({"latency": {"model": "instant"}}, "instant"),
        ({"quantity": "0"}, "strategies.P.quantity"),
        ({"windows": 3}, "strategies.P.windows"),
    ],
)
def test_what_is_wrong_with_a_strategy_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        probed(market(5), **changes)


def test_a_strategy_without_a_record_needs_its_cash() -> None:
    with pytest.raises(InputError, match="name strategies"):
        WhatIf().require_strategies()
    with pytest.raises(InputError, match=r"strategies\.P: needs cash"):
        WhatIf.parse({"strategies": {"P": PARTS | {"strategy": PROBE, "cash": None}}}, "test").require_strategies()
