"""A live strategy whose results come behind the market sends the orders of its replay, if both have one latency."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.evidence.replay.market_updates import sorted_by_market_time
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.table import MarketTable
from streams.strategies.participant import JUDGED_EARLY_NS
from streams.strategies.strategy_config import StrategyConfig
from streams.strategies.strategy_driver import StrategyDriver
from streams.strategies.strategy_variant import variant_of
from tests.builders import MS
from tests.strategies.event_markets import book_market, traded
from tests.strategies.memory_desk import MemoryDesk
from tests.strategies.test_restarts import EXAMPLES, configured

WAY_MS, LATENCY_MS = 30, 40
"""Market time that results take to the strategy, and the time that both runs are told."""


class DistantDesk(MemoryDesk):
    """A desk whose strategy sees an update before the results that it leads to, as over Kafka, and those later."""

    def __init__(self, told: dict[str, Any], way_ms: int = WAY_MS) -> None:
        self._way_ns = way_ms * MS
        self._travelling: list[tuple[int, OrderResult]] = []
        super().__init__(told)

    def trade(self, record: MarketData, time_ns: int) -> None:
        """Gives the strategy the results that had the time to come, and shows an update to the venue and to it."""
        while self._travelling and self._travelling[0][0] < time_ns:
            self.deliver(self.trading.on_result(self._travelling.pop(0)[1]))
        super().trade(record, time_ns)

    def show_results(self) -> None:
        """Lets the results set out that there are."""
        self._travelling += ((result.ts + self._way_ns, result) for result in self._unseen)
        self._unseen.clear()


def latent(name: str, result_latency_ms: int = LATENCY_MS) -> dict[str, Any]:
    """Returns the configuration of an example that trades often and has latencies."""
    told: dict[str, Any] = configured(name)
    return told | {"latency": {"model": "constant", "ms": 10}, "result_latency_ms": str(result_latency_ms)}


def traded_live(desk: MemoryDesk, table: MarketTable) -> list[OrderRequest]:
    rows = sorted_by_market_time(table)
    for row in range(len(rows)):
        for record in pack(rows, row, row + 1):
            desk.trade(record, record.ts)
    return desk.topics["orders"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_results_on_their_way_change_no_order(name: str) -> None:
    table, told = book_market(5, seconds=6), latent(name)
    desk = DistantDesk(told)
    sent = traded_live(desk, table)
    run, store = traded(table, {"P": told})
    assert sent == store.messages("orders")
    assert len(sent) > 20
    assert traded(table, {"P": told}, is_one_by_one=True)[0].outputs_sha256 == run.outputs_sha256
    assert desk.trading.late == 0
    assert WAY_MS * MS <= desk.trading.slowest_ns < LATENCY_MS * MS


def test_a_replay_without_the_latency_knows_fills_before_the_quote_that_brings_them() -> None:
    table, told = book_market(5, seconds=6), latent("ema", 0)
    _, store = traded(table, {"P": told})
    assert traded_live(DistantDesk(told), table) != store.messages("orders")


def test_a_result_that_comes_later_than_its_latency_is_counted() -> None:
    table, told = book_market(5, seconds=6), latent("twap")
    desk = DistantDesk(told, way_ms=120)
    sent = traded_live(desk, table)
    _, store = traded(table, {"P": told})
    assert sent != store.messages("orders"), "the next slice was due while the order still seemed to work"
    assert desk.trading.late > 0
    assert desk.trading.slowest_ns >= 120 * MS


def test_a_strategy_that_stops_learns_first_what_was_on_its_way() -> None:
    desk = MemoryDesk(latent("twap", result_latency_ms=60_000))
    traded_live(desk, book_market(5, seconds=1))
    assert any(result.cum_qty for result in desk.topics["order.results"])
    driven = desk.participant.strategy
    assert isinstance(driven, StrategyDriver)
    assert driven.strategy.position("ABC") == 0
    desk.trading.on_stop(0)
    assert driven.strategy.position("ABC") > 0


def test_an_answer_is_not_before_its_request() -> None:
    desk = MemoryDesk(latent("twap"))
    traded_live(desk, book_market(5, seconds=1))
    result, told_ns = desk.topics["order.results"][0], desk.participant.told_ns
    late_ns = LATENCY_MS * MS
    assert told_ns(result._replace(order_ts=result.ts - 1)) == result.ts + late_ns
    assert told_ns(result._replace(order_ts=result.ts + 5)) == result.ts + 5 + late_ns
    ahead_ns = result.ts + JUDGED_EARLY_NS + 1
    assert told_ns(result._replace(order_ts=ahead_ns)) == result.ts + late_ns, (
        "no client can hide its account's results"
    )


def test_the_latency_is_part_of_the_variant_if_there_is_one() -> None:
    variants = {variant_of(StrategyConfig.model_validate(latent("twap", ms))).parameters for ms in (0, 1, 2)}
    assert len(variants) == 3
    assert sum("result_latency_ms" in each for each in variants) == 2
