"""Re-simulation in memory: its inputs, that it is a function of them, and the effect of each change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records.enums import OrdStatus, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from streams.core.core_config import CoreConfig
from streams.core.reference.merge_patch import merge_patch
from streams.errors import InputError
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.recorded_inputs import ReplayInput, recorded_config, recorded_inputs
from streams.evidence.replay.simulate import ReplayRun, simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.pack import heartbeat, pack
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.strategies.strategy_config import StrategyConfig
from streams.strategies.strategy_variant import variant_of
from tests.builders import MS, SECOND, START, config, new, opening, px
from tests.evidence.replay.markets import Store
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline, traded

CORE = config(account_partitions=PARTITIONS, execution_partitions=PARTITIONS)


def stamped() -> MemoryPipeline:
    """Returns a traded pipeline whose records came one after another."""
    pipeline = traded()
    for log in pipeline.log.partitions.values():
        for number, record in enumerate(log):
            opened_ns = 0 if record.topic == "controls" else SECOND
            log[number] = record._replace(timestamp_ns=START + opened_ns + record.offset * MS)
    return pipeline


def inputs_of(pipeline: MemoryPipeline) -> list[ReplayInput]:
    return list(recorded_inputs(pipeline.log, pipeline.codec, pipeline.config))


def simulated(pipeline: MemoryPipeline, document: dict[str, Any] | None = None) -> tuple[ReplayRun, Store]:
    store = Store()
    what_if = WhatIf.parse(document or {}, "test")
    run = simulate("r", recorded_config(pipeline.log, pipeline.codec), inputs_of(pipeline), what_if, store)
    return run, store


def orders_of(inputs: list[ReplayInput]) -> list[tuple[OrderRequest, int]]:
    """Returns the orders with the partition that takes each."""
    return [(item.message, item.partition) for item in inputs if isinstance(item.message, OrderRequest)]


def test_inputs_come_once_each_in_their_order_to_the_right_shard() -> None:
    pipeline = stamped()
    inputs = inputs_of(pipeline)
    orders = orders_of(inputs)
    assert sorted(order.order_id for order, _ in orders) == sorted(f"o-{number}" for number in range(20))
    assert [item.time_ns for item in inputs] == sorted(item.time_ns for item in inputs)
    by_account = {(order.account_id, partition) for order, partition in orders}
    assert len(by_account) == 2, "each account has one partition, whatever partition its client chose"


def test_every_order_has_one_terminal_result_or_works() -> None:
    pipeline = stamped()
    run, store = simulated(pipeline)
    results: list[OrderResult] = store.messages("order.results")
    assert {result.order_id for result in results} == {order.order_id for order, _ in orders_of(inputs_of(pipeline))}
    terminal = [result.order_id for result in results if result.terminal]
    assert len(terminal) == len(set(terminal))
    assert run.refused == ()
    assert run.strategies == ("s1",)


def test_the_same_run_twice_is_the_same() -> None:
    first, second = (simulated(stamped()) for _ in range(2))
    assert first[0] == second[0]
    assert first[1].rows == second[1].rows


def test_another_setting_gives_another_hash() -> None:
    base, _ = simulated(stamped())
    slower = {"config": {"simulators": {"top-of-book": {"latency": {"new": {"model": "constant", "ms": 900}}}}}}
    assert simulated(stamped(), slower)[0].outputs_sha256 != base.outputs_sha256


def test_scaled_orders_keep_the_lot() -> None:
    pipeline = stamped()
    _, store = simulated(pipeline, {"orders": {"scale": "0.33"}})
    quantities = {order.quantity for order in store.messages("orders")}
    assert quantities == {px(3), px(660000)}


def test_filtered_orders_are_not_sent() -> None:
    pipeline = stamped()
    _, store = simulated(pipeline, {"orders": {"accounts": ["A"]}})
    assert {order.account_id for order in store.messages("orders")} == {"A"}


def test_limits_of_the_run_hold_from_the_opening_on() -> None:
    pipeline = stamped()
    _, store = simulated(pipeline, {"limits": {"max_order_quantity": "5"}})
    results: list[OrderResult] = store.messages("order.results")
    assert {result.ord_status for result in results} == {OrdStatus.REJECTED}
    assert {result.reason_code for result in results} == {"MAX_ORDER_QUANTITY", "MAX_QUANTITY"}


def test_a_session_says_which_strategy_trades_in_it_anew() -> None:
    """With cash in a session of its own, without in the account's recorded one; other sessions say what they said."""
    parts = {"strategy": "momentum", "symbol": "ABC", "quantity": "10", "max_position": "50"}
    document = {"strategies": {"A": parts, "C": parts | {"every": 3, "cash": "1000"}}}
    pipeline, store, what_if = stamped(), Store(), WhatIf.parse(document, "test")
    config = recorded_config(pipeline.log, pipeline.codec)
    inputs = InputSource("base", config, (pipeline.log, pipeline.codec), None).inputs(strategies=True)
    simulate("r", config, inputs, what_if, store)
    found = {
        item.account_id: (item.strategy_id, item.code_sha256, item.parameters) for item in store.messages("controls")
    }
    expected = {
        account: ("momentum", *variant_of(StrategyConfig.model_validate(parts | {"every": every})))
        for account, every in (("A", 1), ("C", 3))
    }
    assert found == expected | {"B": (None, None, None)}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"confg": {}}, "confg"),
        ({"orders": {"scale": "0"}}, "orders.scale"),
        ({"orders": {"scales": "1"}}, "orders.scales"),
    ],
)
def test_a_wrong_document_names_the_field(document: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        WhatIf.parse(document, "what-if.yaml")


def test_a_configuration_that_breaks_a_rule_is_refused() -> None:
    config = recorded_config(traded().log, traded().codec)
    with pytest.raises(InputError, match="run_seed"):
        WhatIf.parse({"config": {"run_seed": "x"}}, "w").configure(config)


@pytest.mark.parametrize(
    ("fee", "named"),
    [
        ({"model": "none-such"}, "none-such"),
        ({"model": "rates", "schedule": "ibkr-us-fixed"}, "fee model rates: schedule"),
    ],
)
def test_a_part_that_there_is_not_or_of_wrong_parameters_is_refused(fee: dict[str, str], named: str) -> None:
    config = recorded_config(traded().log, traded().codec)
    with pytest.raises(InputError, match=named):
        WhatIf.parse({"config": {"instruments": {"*": {"fee": fee}}}}, "w").configure(config)


def test_another_model_of_a_part_starts_without_the_parameters_of_the_one_before() -> None:
    def patched(config: CoreConfig, fee: dict[str, str]) -> CoreConfig:
        return WhatIf.parse({"config": {"instruments": {"*": {"fee": fee}}}}, "w").configure(config)

    recorded = recorded_config(traded().log, traded().codec)
    published = patched(recorded, {"model": "published", "schedule": "ibkr-us-fixed"})
    rates = patched(published, {"model": "rates", "taker_rate": "0.1", "maker_rate": "0.2"})
    same = patched(rates, {"model": "rates", "taker_rate": "0.3"})
    assert [item.fee.parameters for item in rates.instruments] == [{"taker_rate": "0.1", "maker_rate": "0.2"}] * 2
    assert [item.fee.parameters for item in same.instruments] == [{"taker_rate": "0.3", "maker_rate": "0.2"}] * 2


def test_named_things_are_patched_by_name_or_each() -> None:
    config = recorded_config(traded().log, traded().codec)
    changed = WhatIf.parse(
        {"config": {"instruments": {"*": {"fee": {"model": "rates", "taker_rate": "0.1"}}, "XYZ": {"tick_size": "1"}}}},
        "w",
    ).configure(config)
    assert [item.fee.parameters for item in changed.instruments] == [{"taker_rate": "0.1"}] * 2
    assert [str(item.tick_size) for item in changed.instruments] == ["0.01", "1"]


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_as_rfc_7396_has_them(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(json.loads(json.dumps(target)), patch) == merged


def test_an_order_for_later_gets_the_same_results_live_and_in_a_resimulation() -> None:
    """Live, it came to its shard long before the market; in the order of market time it comes with it."""
    market = synthetic(SyntheticMarket(7, seconds=6), CORE.instruments)
    ends_ns = int(market.time[-1])
    orders = [
        new(f"o{number}", symbol=market.symbols[0], ts=ends_ns - (3 - number) * SECOND, tif=TimeInForce.IOC)
        for number in range(4)
    ]
    live = MemoryPipeline(CORE)
    live.send("controls", "A", opening())
    for start in range(0, len(market), 4):
        for record in pack(market, start, min(start + 4, len(market))):
            live.send("market.data", record.symbol, record)
        if start == 0:
            live.run()
            for order in orders:
                live.send("orders", "A", order)
        live.run()
    for partition in range(PARTITIONS):
        live.send("market.data", "", heartbeat(ends_ns + SECOND), partition)
    live.run()
    store, config = Store(), recorded_config(live.log, live.codec)
    inputs = InputSource("", config, (live.log, live.codec), market).inputs()
    simulate("r", config, inputs, WhatIf.parse({}, "test"), store)
    told = [live.messages("order.results"), store.messages("order.results")]
    lives = [[(item.order_id, item.exec_type, item.last_px, item.reason_code) for item in results] for results in told]
    assert lives[0] == lives[1]
    assert len(lives[0]) > len(orders)
