"""Tests that the example strategies trade within their bounds, deterministically, and send only valid requests."""

from __future__ import annotations

import pytest

from schemas.records.enums import Action, Side
from schemas.records.messages import ApprovedOrder, MarketData, OrderRequest, OrderResult
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.reference.instruments import Instrument
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.strategies.find_strategy import STRATEGIES
from streams.strategies.strategy import Ticket, ticks
from tests import builders

QUANTITY, MAX_POSITION, EVERY = builders.px(10), builders.px(50), 3


def traded(name: str) -> tuple[list[OrderRequest], list[OrderResult]]:
    """Returns the requests and results of a strategy on twenty seconds of market; the core answers at once."""
    instrument = builders.instrument()
    core = builders.config(account_partitions=1, execution_partitions=1, instruments=(instrument,))
    table = synthetic(SyntheticMarket(5, seconds=20), core.instruments)
    accounts, execution = AccountShard(core, 0), ExecutionShard(core, 0)
    strategy = STRATEGIES[name](Ticket(name, "A", Instrument.from_config(instrument)), QUANTITY, MAX_POSITION, EVERY)
    requests: list[OrderRequest] = []
    results: list[OrderResult] = []

    def work(message: Message) -> None:
        waiting = [message]
        while waiting:
            taken = waiting.pop(0)
            shard = execution if isinstance(taken, MarketData | ApprovedOrder) else accounts
            for output in shard.apply(taken, None):
                if output.topic in ("orders.approved", "executions", "marks"):
                    waiting.append(output.message)
                elif isinstance(output.message, OrderResult):
                    results.append(output.message)
                    for request in strategy.on_result(output.message):
                        requests.append(request)
                        waiting.append(request)

    work(builders.opening("A"))
    for start in range(len(table)):
        for record in pack(table, start, start + 1):
            work(record)
            for tick in ticks(record):
                for request in strategy.on_tick(tick):
                    requests.append(request)
                    work(request)
    return requests, results


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_trades_within_its_bounds(name: str) -> None:
    requests, results = traded(name)
    assert len({request.order_id for request in requests}) == len(requests) > 50
    position = 0
    for result in results:
        if result.last_qty is not None:
            position += result.last_qty if result.side is Side.BUY else -result.last_qty
            assert abs(position) <= MAX_POSITION + QUANTITY
    assert any(result.last_qty for result in results), "it trades"
    refused = [result for result in results if result.ord_status == "REJECTED"]
    assert refused == []


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_deterministic(name: str) -> None:
    assert traded(name) == traded(name)


def test_the_examples_use_every_kind_of_request() -> None:
    actions = {request.action for name in STRATEGIES for request in traded(name)[0]}
    assert actions == {Action.NEW, Action.CANCEL, Action.REPLACE}
