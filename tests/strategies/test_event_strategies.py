"""Declared strategies: each callback decides upon the past alone, however the market is read, and errors are loud."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import yaml

from infra.settings import REPOSITORY
from schemas.records.enums import OrdStatus, Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.core.reference.instruments import Instrument
from streams.errors import InputError, StrategyFailed
from streams.evidence.replay.grid_points import sweep_points
from streams.evidence.replay.what_if import WhatIf
from streams.strategies.event_strategy import Strategy
from streams.strategies.participant import make_participant
from streams.strategies.strategy_config import StrategyConfig
from tests.builders import MS, instrument
from tests.strategies.event_markets import CORE, book_market, traded, until
from tests.strategies.event_probe import EventProbe

PROBE = "tests.strategies.event_probe:EventProbe"
CALLBACKS = ("on_start", "on_quote", "on_trade", "on_book", "on_bar", "on_timer", "on_order", "on_fill")
LATENCY_MS = 20
SYMBOLS = {"ACME.SIM": "ABC", "GLOBEX.SIM": "XYZ"}


def probe(callback: str, **parameters: Any) -> dict[str, Any]:
    told = {"strategy": PROBE, "symbols": ["ABC", "XYZ"], "parameters": {"callback": callback, **parameters}}
    return {"P": told | {"cash": "10000000", "latency": {"model": "constant", "ms": LATENCY_MS}}}


def examples() -> dict[str, Any]:
    """Returns the shipped file of examples, on the symbols of the tests."""
    text = (REPOSITORY / "examples" / "strategies.yaml").read_text()
    for shipped, tested in SYMBOLS.items():
        text = text.replace(shipped, tested)
    found: dict[str, Any] = yaml.safe_load(text)["strategies"]
    return found


@pytest.mark.parametrize("callback", CALLBACKS)
def test_what_comes_later_changes_nothing_that_a_callback_decided(callback: str) -> None:
    table = book_market(7)
    chosen = np.random.default_rng(CALLBACKS.index(callback))
    _, whole = traded(table, probe(callback))
    known_ns = EventProbe.newest.known_ns
    orders: list[OrderRequest] = whole.messages("orders")
    assert orders
    assert all(order.ts >= known_ns[order.order_id] + LATENCY_MS * MS for order in orders)
    for end_ns in (int(np.quantile(table.time, share)) for share in chosen.uniform(0.1, 0.9, 3)):
        _, cut = traded(until(table, end_ns), probe(callback))
        before = [
            [order for order in run if order.ts - LATENCY_MS * MS <= end_ns] for run in (orders, cut.messages("orders"))
        ]
        assert before[0] == before[1]


def test_each_callback_is_called_and_sees_market_time() -> None:
    traded(book_market(7), probe("on_quote"))
    calls, times_ns = EventProbe.newest.calls, EventProbe.newest.times_ns
    for callback in ("on_quote", "on_trade", "on_book"):
        assert [event.ts for event in calls[callback]] == times_ns[callback]
    assert set(calls) == set(CALLBACKS)
    assert {event.symbol for event in calls["on_book"]} == {"ABC", "XYZ"}
    assert {event.spec.kind for event in calls["on_bar"]} == {"TIME", "TICK", "VOLUME"}
    assert calls["on_timer"].count("once") == 1
    assert calls["on_timer"].count("even") > 50


def test_columns_and_single_updates_give_the_same_run() -> None:
    sizes = {"symbol": "ABC", "quantity": "10", "max_position": "50", "every": 3, "cash": "1000000"}
    table, strategies = book_market(3), examples() | probe("on_trade") | {"M": {"strategy": "momentum", **sizes}}
    runs = [traded(table, strategies, is_one_by_one)[0] for is_one_by_one in (False, True)]
    assert runs[0].outputs_sha256 == runs[1].outputs_sha256


@pytest.mark.parametrize("name", ["ema", "pairs", "maker", "twap"])
def test_an_example_trades_and_is_never_refused(name: str) -> None:
    _, store = traded(book_market(3, seconds=12), {name: examples()[name]})
    results: list[OrderResult] = store.messages("order.results")
    assert any(result.last_qty for result in results)
    assert [result.text for result in results if result.ord_status is OrdStatus.REJECTED] == []


def test_position_and_cash_are_the_accounts() -> None:
    _, store = traded(book_market(3), probe("on_quote"))
    strategy = EventProbe.newest
    for symbol in strategy.symbols:
        reported = [item.quantity for item in store.messages("positions") if item.symbol == symbol]
        assert strategy.position(symbol) * 10**9 == reported[-1] != 0
    assert strategy.cash is not None
    assert strategy.cash * 10**18 == store.messages("account.equity")[-1].cash


def test_a_parent_order_comes_to_its_target_and_no_further() -> None:
    told = examples()["twap"]
    hurried = told | {"parameters": told["parameters"] | {"interval_s": "0.2"}}
    _, store = traded(book_market(3, seconds=12), {"twap": hurried})
    positions = [item.quantity for item in store.messages("positions")]
    assert max(positions) == positions[-1] == 100 * 10**9


def test_a_grid_names_parameters() -> None:
    grid = {"strategies.ema.parameters.fast": [5, 10]}
    points = sweep_points("s", grid, {"strategies": {"ema": examples()["ema"]}})
    digests = {traded(book_market(3, seconds=12), dict_of(point.what_if))[0].outputs_sha256 for point in points}
    assert len(digests) == 2
    assert len({point.what_if.variants["ema"].parameters for point in points}) == 2
    (alone,) = (point for point in points if point.values["strategies.ema.parameters.fast"] == 10)
    told = WhatIf.parse({"strategies": {"ema": examples()["ema"]}}, "test")
    assert alone.what_if.variants == told.variants, "the default, told or not, is one variant"


def dict_of(what_if: WhatIf) -> dict[str, Any]:
    found: dict[str, Any] = what_if.model_dump(mode="json", exclude_defaults=True)["strategies"]
    return found


def test_an_error_names_its_line_and_ends_the_run() -> None:
    with pytest.raises(
        StrategyFailed, match=r"EventProbe: on_quote: ZeroDivisionError: on purpose; at .*event_probe\.py"
    ):
        traded(book_market(3), probe("on_quote", fails_at=4))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"parameters": {"period": 11}}, "period.*its parameters are callback, fails_at, period"),
        ({"parameters": {"periods": 3}}, "periods"),
        ({"symbols": ["ABC"]}, "trades 2 symbols, and 1 are named"),
        ({"symbols": ["ABC", "ABC"]}, "each once"),
        ({"symbol": "ABC"}, "either symbol or symbols"),
        ({"quantity": "10"}, "declares its parameters"),
        ({"symbols": ["ABC", "NONE"]}, "NONE is none of"),
        ({"strategy": "momentum", "parameters": {}}, "leave out parameters and symbols"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        traded(book_market(3, seconds=1), {"P": probe("on_quote")["P"] | changes})


class Idle(Strategy):
    """A strategy that does nothing."""


def idle() -> Strategy:
    config = StrategyConfig(strategy=f"{__name__}:Idle", symbol="ABC")
    trading = make_participant("A", config, {"ABC": Instrument.from_config(instrument("ABC"))}, 1, "A-7f")
    driven: Any = trading.strategy
    strategy: Strategy = driven.strategy
    return strategy


def test_a_bracket_is_an_order_with_two_children_in_one_group() -> None:
    strategy = idle()
    strategy.bracket(Side.BUY, "ABC", 10, target="11", stop="9", price="10")
    entry, target, stop = strategy._desk.drain()
    assert [order.order_id for order in (entry, target, stop)] == ["A-7f-1", "A-7f-3", "A-7f-4"]
    assert {order.parent_order_id for order in (target, stop)} == {entry.order_id}
    assert target.oco_group is not None
    assert target.oco_group == stop.oco_group
    assert (target.side, stop.stop_price) == ("SELL", 9 * 10**9)


def test_what_the_venue_does_not_take_is_said_at_once() -> None:
    strategy = idle()
    for terms, named in (
        ({"quantity": "0.4"}, "in lots of 1 it is 0"),
        ({"quantity": float("nan")}, "must be finite"),
        ({"quantity": 1, "post_only": True}, "post_only"),
        ({"quantity": 1, "symbol": "XYZ"}, "the strategy trades ABC"),
    ):
        told: dict[str, Any] = {"symbol": "ABC", **terms}
        with pytest.raises(InputError, match=named):
            strategy.buy(**told)
    with pytest.raises(InputError, match="does not work"):
        strategy.replace("A-99", price=1)
    assert strategy._desk.drain() == []


def test_orders_are_known_from_their_sending_on() -> None:
    strategy = idle()
    order_id = strategy.buy("ABC", 3, price=Decimal("10.019"))
    assert strategy.working[order_id].price == Decimal("10.01")
    assert strategy.working[order_id].status is OrdStatus.PENDING_NEW
    strategy.replace(order_id, price=9.5)
    strategy.cancel(order_id)
    strategy.cancel_all("ABC")
    assert [request.action for request in strategy._desk.drain()] == ["NEW", "REPLACE", "CANCEL", "MASS_CANCEL"]


def test_the_core_of_these_tests_has_the_symbols_of_the_examples() -> None:
    assert {item.symbol for item in CORE.instruments} == set(SYMBOLS.values())
