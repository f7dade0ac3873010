"""A strategy that was killed goes on where its account stands: no order twice, no id twice, the position right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.records.enums import OrdStatus, Side
from schemas.records.messages import OrderRequest, OrderResult
from tests.strategies.event_markets import book_market, traded
from tests.strategies.memory_desk import MemoryDesk, market
from tests.strategies.test_event_strategies import examples

EXAMPLES = ("ema", "pairs", "maker", "twap")
OF_QUOTES = ("momentum", "market-maker", "mean-reversion")
KILLS = 10
UPDATES_MAX = 60
"""Between a start and the decision at which it is killed, at least."""
HURRIED: dict[str, dict[str, Any]] = {
    "ema": {"fast": 2, "slow": 3, "bar_ticks": 1, "distance_bps": 1},
    "pairs": {"period": 4, "interval_s": "0.05"},
    "maker": {},
    "twap": {"interval_s": "0.1", "target": 200},
}
"""Parameters with which they trade more often."""
BOUNDS = {"ema": 10, "pairs": 10, "maker": 50, "twap": 200}
"""Units that each may hold of a symbol; those of one quote hold at most their max_position."""
MAX_POSITION = 50


def configured(name: str) -> dict[str, Any]:
    """Returns the configuration of a strategy that trades often."""
    if name in OF_QUOTES:
        sizes = {"quantity": "10", "max_position": str(MAX_POSITION), "every": 3}
        return {"strategy": name, "symbol": "ABC", "cash": "1000000", **sizes}
    told: dict[str, Any] = examples()[name]
    return {**told, "parameters": told.get("parameters", {}) | HURRIED[name]}


def held(results: list[OrderResult]) -> dict[str, int]:
    """Returns the position by symbol as the fills make it, 1e-9 units."""
    found: dict[str, int] = {}
    for result in results:
        if result.last_qty is not None:
            found[result.symbol] = found.get(result.symbol, 0) + (
                result.last_qty if result.side is Side.BUY else -result.last_qty
            )
    return found


def check_truth(desk: MemoryDesk) -> None:
    """The strategy's own account is the pipeline's."""
    history, results = desk.history(), desk.topics["order.results"]
    assert {symbol: quantity for symbol, quantity in history.account.positions.items() if quantity} == {
        symbol: quantity for symbol, quantity in held(results).items() if quantity
    }
    assert history.account.cash == desk.topics["account.equity"][-1].cash
    ended = {result.order_id for result in results if result.terminal}
    sent = {request.order_id for request in desk.topics["orders"] if request.action == "NEW"}
    assert set(history.account.working) == sent - ended


@pytest.mark.parametrize("name", [*EXAMPLES, *OF_QUOTES])
def test_a_killed_strategy_sends_nothing_twice_and_knows_its_position(name: str) -> None:
    records = market(book_market(3, seconds=12))
    desk = MemoryDesk(configured(name))
    chosen = np.random.default_rng([*EXAMPLES, *OF_QUOTES].index(name))
    starts, lives_on = 0, int(chosen.integers(UPDATES_MAX))
    for record, time_ns in records:
        desk.trade(record, time_ns)
        lives_on -= 1
        if lives_on == 0 and starts < KILLS:
            desk.killed_after = int(chosen.integers(3))
        if desk.is_dead:
            if chosen.random() < 0.5:
                desk.take_requests(time_ns)
            check_truth(desk)
            desk.start()
            starts, lives_on = starts + 1, 1 + int(chosen.integers(UPDATES_MAX))
    desk.take_requests(records[-1][1])
    check_truth(desk)
    orders: list[OrderRequest] = desk.topics["orders"]
    results: list[OrderResult] = desk.topics["order.results"]
    assert starts == KILLS
    assert len({order.order_id for order in orders}) == len(orders) > starts
    assert [item.text for item in results if item.ord_status is OrdStatus.REJECTED] == []
    assert 0 < max(map(abs, positions_over_time(results))) <= BOUNDS.get(name, MAX_POSITION) * 10**9, (
        "no order was doubled"
    )


def positions_over_time(results: list[OrderResult]) -> list[int]:
    seen: list[int] = []
    for number in range(len(results)):
        if results[number].last_qty is not None:
            seen += held(results[: number + 1]).values()
    return seen


@pytest.mark.parametrize("name", EXAMPLES)
def test_live_and_replay_give_the_same_orders(name: str) -> None:
    table = book_market(3, seconds=12)
    desk = MemoryDesk(examples()[name])
    for record, time_ns in market(table):
        desk.trade(record, time_ns)
    _, store = traded(table, {"P": examples()[name]})
    assert desk.topics["orders"] == store.messages("orders") != []
