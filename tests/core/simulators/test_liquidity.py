"""Tests of liquidity beyond the display: it costs a tick, runs out for all accounts, and comes back with the market."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.numbers import price_text
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.study.probe_orders import probe_order
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    book,
    cents,
    config,
    heartbeat,
    new,
    px,
    quote,
    split,
    top_of_book,
    trade,
)
from tests.core.desk import last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
Fills = list[tuple[int, str]]
"""Quantity in units and price of each fill."""
MODELS: tuple[dict[str, str], ...] = (
    {"model": "half-spread"},
    {"model": "fixed-bps", "bps": "0"},
    {"model": "fixed-bps", "bps": "30", "volume_limit": "0.05"},
    {"model": "volume-share"},
    {"model": "square-root", "daily_volatility": "0.02", "daily_volume": "100000"},
)


def granting(model: dict[str, str] = MODELS[0], **changes: Any) -> CoreConfig:
    """Returns a configuration whose simulator grants a tenth beyond the display, of a quote of any age."""
    simulator = top_of_book(slippage=model, participation="0.1", stale_after_ms=10**9)
    return config(simulators=(simulator,), **changes)


class Market:
    """A venue of ABC that takes market orders."""

    def __init__(self, core: CoreConfig) -> None:
        self._core = core
        self._shard = ExecutionShard(core, 0)
        self._orders = 0

    def tell(self, *updates: MarketData) -> Fills:
        """Sends market data; returns the fills of waiting orders."""
        return [fill for update in updates for fill in self._fills(update)]

    def take(self, side: Side, quantity: int, at: int = START, *, account: str = "A", tif: TimeInForce = IOC) -> Fills:
        """Sends an order at a time of the market; returns its fills."""
        assert self.tell(heartbeat(at)) == []
        self._orders += 1
        order = probe_order(f"o{self._orders}", "ABC", side, px(quantity), None, tif, at)
        return self._fills(order._replace(account_id=account))

    def restart(self) -> None:
        state = json.loads(json.dumps(self._shard.to_state()))
        self._shard = ExecutionShard.from_state(self._core, 0, state)

    def _fills(self, message: MarketData | ApprovedOrder) -> Fills:
        reports = of(ExecutionReport, self._shard.apply(message, None))
        return [(item.last_qty // px(1), price_text(item.last_px or 0)) for item in reports if item.last_qty]


def test_fifty_orders_in_a_locked_market_take_the_display_and_a_tenth_of_it_a_tick_worse() -> None:
    market = Market(granting())
    market.tell(quote("10.00", "10.00", "200", "200"))
    fills = [fill for _ in range(50) for fill in market.take(SELL, 1_000_000, tif=GTC)]
    assert fills == [(200, "10"), (20, "9.99")]


def test_journals_from_before_this_rule_have_no_end_of_liquidity() -> None:
    market = Market(granting(liquidity_runs_out=False))
    market.tell(quote("10.00", "10.00", "200", "200"))
    fills = [fill for _ in range(50) for fill in market.take(SELL, 1_000_000, tif=GTC)]
    assert sum(quantity for quantity, _ in fills) == 50_000_000
    assert {price for _, price in fills} == {"10"}


@pytest.mark.parametrize(("traded", "beyond"), [(0, 10), (9, 0), (10, 1), (200, 20), (100_000, 10_000)])
def test_the_most_beyond_the_display_is_a_tenth_of_the_minutes_volume_or_without_trades_of_the_display(
    traded: int, beyond: int
) -> None:
    market = Market(granting())
    market.tell(quote(), *(trade("10.01", str(traded), at=START + SECOND) for _ in range(traded > 0)))
    fills = market.take(BUY, 100_000, START + SECOND)
    assert fills == [(100, "10.02")] + [(beyond, "10.03")] * (beyond > 0)


@pytest.mark.parametrize(
    ("side", "ask", "price"), [(BUY, "10.00", "10.01"), (BUY, "10.01", "10.02"), (BUY, "10.06", "10.09")]
)
def test_beyond_the_display_costs_the_slippage_model_and_at_least_a_tick(side: Side, ask: str, price: str) -> None:
    market = Market(granting())
    market.tell(quote("10.00", ask))
    assert market.take(side, 105)[1:] == [(5, price)]


def test_nothing_is_sold_beyond_a_bid_that_has_no_price_below_it() -> None:
    market = Market(granting())
    market.tell(quote("0.01", "0.02"))
    assert market.take(SELL, 105) == [(100, "0.01")]


@pytest.mark.parametrize("account", ["A", "B"])
def test_what_one_order_took_beyond_a_quote_no_other_order_finds_there(account: str) -> None:
    market = Market(granting())
    market.tell(quote())
    assert market.take(BUY, 106) == [(100, "10.02"), (6, "10.03")]
    market.restart()
    market.tell(quote(at=START + SECOND))
    assert market.take(BUY, 100, START + SECOND, account=account) == [(4, "10.03")]
    assert market.take(BUY, 100, START + SECOND, account=account) == []
    assert market.take(SELL, 105, START + SECOND) == [(100, "10"), (5, "9.99")], "the other side is untouched"


@pytest.mark.parametrize(("ask", "size"), [("10.02", "99"), ("10.03", "100")])
def test_another_quote_brings_display_and_share_back(ask: str, size: str) -> None:
    market = Market(granting())
    market.tell(quote(ask_sz="100"))
    market.take(BUY, 500)
    market.tell(quote("10.01", ask, ask_sz=size))
    assert [quantity for quantity, _ in market.take(BUY, 500)] == [int(size), int(size) // 10]


def test_of_the_traded_volume_orders_get_their_share_once_a_minute() -> None:
    market = Market(granting())
    market.tell(quote(), trade("10.01", "1000"))
    assert market.take(BUY, 500)[1:] == [(100, "10.03")]
    later = START + 10 * SECOND
    market.tell(quote(ask_sz="50", at=later), trade("10.01", "200", at=later))
    market.restart()
    assert market.take(BUY, 500, later)[1:] == [(20, "10.03")]
    later = START + 60 * SECOND
    market.tell(quote(ask_sz="60", at=later))
    assert market.take(BUY, 500, later)[1:] == [], "200 have traded, and 20 of them went to these orders"
    later = START + 70 * SECOND
    market.tell(quote(ask_sz="70", at=later))
    assert market.take(BUY, 500, later)[1:] == [(7, "10.03")], "nothing has traded for a minute"


def test_a_quote_that_stands_for_minutes_grants_its_share_once() -> None:
    market = Market(granting())
    market.tell(quote())
    market.take(BUY, 500)
    later = START + 50 * SECOND
    market.tell(quote(at=later), quote(at=later + 50 * SECOND), trade("10.01", "100", at=later + 50 * SECOND))
    assert market.take(BUY, 500, later + 50 * SECOND) == []


def test_a_book_is_taken_level_by_level_then_a_tenth_of_all_it_shows_beyond_the_last() -> None:
    market = Market(granting())
    asks = [("10.02", "100"), ("10.03", "50"), ("10.05", "50")]
    market.tell(book([("10.00", "100")], asks))
    assert market.take(BUY, 500) == [(100, "10.02"), (50, "10.03"), (50, "10.05"), (20, "10.06")]
    market.tell(book([("10.00", "100")], asks, at=START + SECOND))
    assert market.take(BUY, 500, START + SECOND) == []
    market.tell(book([("10.00", "100")], [("10.02", "80"), *asks[1:]], at=START + 2 * SECOND))
    assert market.take(BUY, 500, START + 2 * SECOND) == [(80, "10.02"), (18, "10.06")]


def test_a_split_restates_what_was_taken_in_the_minute() -> None:
    market = Market(granting())
    market.tell(quote(), trade("10.01", "1000"))
    market.take(BUY, 180)
    market.tell(split(2, 1), quote("5.00", "5.01", "100", "100"))
    assert market.take(BUY, 500) == [(100, "5.01"), (40, "5.02")], "200 of 2,000, less 160"


@pytest.mark.parametrize(("quantity", "ends"), [("110", "FILL/FILLED"), ("111", "CANCELED/CANCELED")])
def test_fill_or_kill_counts_what_is_granted_beyond_the_display(quantity: str, ends: str) -> None:
    desk = ready(granting())
    desk.send(new("o", BUY, quantity, tif=TimeInForce.FOK))
    assert trail(desk.results, "o")[-1] == ends


def test_an_order_that_waits_for_liquidity_says_so_once() -> None:
    desk = ready(granting())
    desk.send(new("o", BUY, "500"))
    partial = "PARTIAL_FILL/PARTIALLY_FILLED"
    assert trail(desk.results, "o") == ["NEW/NEW", partial, partial, "RESTATED/PARTIALLY_FILLED"]
    assert (last(desk).reason_code, last(desk).leaves_qty) == ("WAITS_FOR_LIQUIDITY", px(390))
    assert last(desk).text == "order o: 390 wait until the market shows more"
    desk.restart()
    desk.send(quote(ask_sz="99"))
    assert trail(desk.results, "o")[4:] == [partial, partial]


@dataclass
class Asks:
    """A slow, plain model of one side under the half-spread model. Units, cents and seconds."""

    price: int = 0
    size: int = 0
    half: int = 0
    """The half-spread, rounded up."""
    left: int = 0
    beyond: int = 0
    trades: list[tuple[int, int]] = field(default_factory=list)
    takes: list[tuple[int, int]] = field(default_factory=list)

    def quote(self, bid: int, ask: int, size: int) -> None:
        if (ask, size) != (self.price, self.size):
            self.price, self.size, self.left, self.beyond = ask, size, size, 0
        self.half = (ask - bid + 1) // 2

    def cap(self, now: int) -> int:
        traded = _within(self.trades, now)
        return (traded or self.size) // 10

    def take(self, quantity: int, now: int) -> Fills:
        shown = min(quantity, self.left)
        taken = max(self.beyond, _within(self.takes, now)) if _within(self.trades, now) else self.beyond
        more = max(min(quantity - shown, self.cap(now) - taken), 0)
        self.left, self.beyond = self.left - shown, self.beyond + more
        self.takes.append((now, more))
        found = [(shown, self.price), (more, self.price + max(self.half, 1))]
        return [(units, price_text(cents(price))) for units, price in found if units]


def _within(sizes: list[tuple[int, int]], now: int) -> int:
    return sum(size for second, size in sizes if second > now - 60)


STEPS = st.lists(
    st.tuples(st.just("quote"), st.sampled_from((999, 1000)), st.sampled_from((0, 1, 4)), st.sampled_from((10, 300)))
    | st.tuples(st.just("trade"), st.integers(1, 3_000), st.just(0), st.just(0))
    | st.tuples(st.just("order"), st.integers(1, 900), st.sampled_from((0, 1)), st.just(0))
    | st.tuples(st.just("wait"), st.sampled_from((1, 20, 59, 60)), st.just(0), st.just(0)),
    min_size=1,
    max_size=40,
)


@settings(PROPERTY, max_examples=400)
@given(STEPS, st.booleans())
def test_one_quote_never_gives_more_than_its_display_and_the_share(
    steps: list[tuple[str, int, int, int]], restarts: bool
) -> None:
    """Compares each fill with the plain model, and what a quote has given with its bound."""
    market, model = Market(granting()), Asks()
    now, given_size, most = START // SECOND, 0, 0
    for kind, number, spread, size in [("quote", 1000, 1, 100), *steps]:
        at = now * SECOND
        if kind == "quote":
            before = model.price, model.size
            market.tell(quote(price_text(cents(number)), price_text(cents(number + spread)), "100", str(size), at=at))
            model.quote(number, number + spread, size)
            if before != (model.price, model.size):
                given_size, most = 0, 0
        elif kind == "trade":
            market.tell(trade("10.00", str(number), at=at))
            model.trades.append((now, number))
        elif kind == "order":
            most = max(most, model.cap(now))
            fills = market.take(BUY, number, at, account="AB"[spread])
            assert fills == model.take(number, now)
            given_size += sum(units for units, _ in fills)
            assert given_size <= model.size + most
        else:
            now += number
        if restarts:
            market.restart()


@settings(PROPERTY, max_examples=200)
@given(
    st.sampled_from(MODELS),
    st.sampled_from((BUY, SELL)),
    st.integers(0, 3_000),
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
)
def test_more_costs_more_and_later_orders_of_a_quote_pay_no_less(
    model: dict[str, str], side: Side, traded: int, quantities: list[int]
) -> None:
    def opened() -> Market:
        market = Market(granting(model))
        market.tell(quote("10.00", "10.05"), *(trade("10.02", str(traded)) for _ in range(traded > 0)))
        return market

    averages, sign = [], 1 if side is BUY else -1
    for quantity in sorted(quantities):
        fills = opened().take(side, quantity)
        averages.append(sum(units * px(price) for units, price in fills) * sign / sum(units for units, _ in fills))
    assert averages == sorted(averages)
    market = opened()
    paid = [sign * px(price) for quantity in quantities for _, price in market.take(side, quantity)]
    assert paid == sorted(paid)


@settings(PROPERTY, max_examples=200)
@given(
    st.sampled_from(MODELS),
    st.sampled_from((BUY, SELL)),
    st.integers(0, 3_000),
    st.lists(st.integers(1, 900), min_size=1, max_size=4),
    st.integers(1, 900),
)
def test_a_refreshed_market_gives_what_an_untouched_one_gives(
    model: dict[str, str], side: Side, traded: int, before: list[int], quantity: int
) -> None:
    later = START + 61 * SECOND

    def again(market: Market) -> Fills:
        market.tell(
            quote("10.00", "10.05", "90", "90", at=later),
            *(trade("10.02", str(traded), at=later) for _ in range(traded > 0)),
        )
        return market.take(side, quantity, later)

    used = Market(granting(model))
    used.tell(quote("10.00", "10.05"), *(trade("10.02", str(traded)) for _ in range(traded > 0)))
    for earlier in before:
        used.take(side, earlier)
    assert again(used) == again(Market(granting(model)))
