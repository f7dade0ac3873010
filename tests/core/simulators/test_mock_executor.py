"""Tests of MockExecutor: draws depend on the run seed and the order alone, within the configured bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Action, Liquidity, OrdStatus, Side
from schemas.records.messages import ApprovedOrder, OrderRequest
from schemas.records.numbers import PRICE_MAX, price_text
from streams.core.core_config import CoreConfig
from streams.core.market.trades import LastMinute
from streams.core.reference.instruments import Instrument
from streams.core.simulators.mock_executor import MockExecutor
from streams.core.simulators.order_fees import OrderFees
from streams.core.simulators.seeded_draws import DRAW_RANGE, draw_below, draws
from streams.core.simulators.simulator_choice import Simulators
from streams.core.simulators.venue_order import VenueOrder
from tests.builders import (
    MS,
    PROPERTY,
    SECOND,
    START,
    config,
    heartbeat,
    instrument,
    mock_config,
    new,
    opening,
    px,
    quote,
)
from tests.core.desk import Desk, fills_of, last, ready, trail

BUY, SELL = Side.BUY, Side.SELL
WILD = mock_config(latency_ms_max=40, slippage_bps="50", failure_rate="0.3")


def approved(order_id: str, account: str = "A") -> ApprovedOrder:
    request = new(order_id, account=account)
    return ApprovedOrder(*request[:11], "a0-1", "s", START, START, *request[12:])


def mock(core: CoreConfig) -> MockExecutor:
    return MockExecutor(core, OrderFees(core))


Fate = tuple[tuple[int, int | None, OrdStatus], ...]


def fates(requests: list[OrderRequest], core: CoreConfig) -> dict[str, Fate]:
    """Returns time, price and status of each order's reports while the market does not move."""
    desk = Desk(core)
    desk.send(opening(), quote("99.98", "100.00", ask_sz="1"), *requests, heartbeat(START + 10 * SECOND))
    return {
        request.order_id: tuple(
            (item.ts, item.last_px, item.ord_status) for item in desk.executions if item.order_id == request.order_id
        )
        for request in requests
    }


KINDS = ((BUY, None), (SELL, None), (BUY, "100.20"), (SELL, "99.90"), (BUY, "99.00"))
ORDERS = [new(f"o{number}", side, "10", price) for number, (side, price) in enumerate(KINDS * 4)]


@settings(PROPERTY, max_examples=40)
@given(st.permutations(ORDERS), st.integers(0, len(ORDERS)), st.integers(0, 5))
def test_an_orders_fate_does_not_depend_on_the_others(order: list[OrderRequest], kept: int, seed: int) -> None:
    core = mock_config(40, "50", "0.3", run_seed=seed)
    together = fates(ORDERS, core)
    assert fates(order[:kept], core) == {item.order_id: together[item.order_id] for item in order[:kept]}


def test_another_seed_or_account_draws_others() -> None:
    everyone = {draws(seed, account, f"o{n}") for seed in (1, 2) for account in ("A", "B") for n in range(50)}
    assert len(everyone) == 200
    assert fates(ORDERS, WILD) != fates(ORDERS, mock_config(40, "50", "0.3", run_seed=2))


def test_a_seed_draws_the_same_in_every_version() -> None:
    """Old journals must draw the same when they are replayed."""
    assert draws(1, "A", "o1") == (0x13E1CD9566EA4D89, 0x731A6B623A85FF1B, 0xEE8E395115137744)


@PROPERTY
@given(st.integers(0, DRAW_RANGE - 1), st.integers(1, 10**12))
def test_a_draw_scales_into_its_bound(draw: int, bound: int) -> None:
    assert 0 <= draw_below(draw, bound) < bound
    assert (draw_below(0, bound), draw_below(DRAW_RANGE - 1, bound)) == (0, bound - 1)


def test_latency_takes_every_whole_millisecond_up_to_its_bound() -> None:
    executor = mock(mock_config(latency_ms_max=7))
    found = {executor.latency_ns(approved(f"o{number}"), START) for number in range(500)}
    assert found == {step * MS for step in range(8)}
    assert mock(mock_config(latency_ms_max=0)).latency_ns(approved("o"), START) == 0


@pytest.mark.parametrize(
    ("rate", "least", "most"), [("0", 0, 0), ("0.1", 160, 240), ("0.5", 930, 1070), ("1", 2000, 2000)]
)
def test_the_failure_rate(rate: str, least: int, most: int) -> None:
    executor = mock(mock_config(failure_rate=rate))
    orders = [VenueOrder(approved(f"o{number}"), px(1), None) for number in range(2000)]
    failed = [order for order in orders if executor.refuse(order)]
    assert least <= len(failed) <= most


@settings(PROPERTY, max_examples=300)
@given(
    number=st.integers(0, 10**6),
    side=st.sampled_from((BUY, SELL)),
    cents=st.integers(1, 100_000),
    room=st.none() | st.integers(0, 50),
    bps=st.integers(0, 500),
    tick=st.sampled_from(("0.01", "0.05", "0.000001")),
)
def test_slippage_never_helps_and_never_passes_the_limit(
    number: int, side: Side, cents: int, room: int | None, bps: int, tick: str
) -> None:
    touch = cents * px("0.01")
    core = mock_config(slippage_bps=str(bps), instruments=(instrument(tick_size=tick),))
    limit = None
    if room is not None:
        limit = touch + room * px(tick) if side is BUY else max(touch - room * px(tick), px("0.000000001"))
    order = VenueOrder(approved(f"o{number}")._replace(side=side), px(10), limit)
    executor = mock(core)
    desk = Desk(core)
    desk.send(quote(price_text(touch), price_text(touch)))
    book = desk.execution.venues["ABC"].book
    match = executor.take(order, Instrument.from_config(core.instruments[0]), book, LastMinute(0, 0))
    assert match is not None
    slipped = match.price - touch if side is BUY else touch - match.price
    assert 0 <= slipped <= touch * bps / 10_000
    assert match.price > 0
    assert limit is None or (match.price <= limit if side is BUY else match.price >= limit)
    assert match.price == limit or slipped % px(tick) == 0 or match.price == px(tick)
    assert match.liquidity is Liquidity.REMOVED


def test_slippage_reaches_its_bound() -> None:
    desk = Desk(mock_config(slippage_bps="100"))
    desk.send(opening(), quote("99.98", "100.00", bid_sz="1", ask_sz="1"))
    desk.send(*[new(f"o{number}", BUY, "1") for number in range(400)])
    prices = [fill.price for fill in desk.fills]
    assert min(prices) == px("100.00")
    assert px("100.98") <= max(prices) <= px("101.00")


def test_displayed_size_is_ignored_and_whole_orders_fill() -> None:
    desk = ready(mock_config())
    desk.send(new("o", BUY, "5000"))
    assert fills_of(desk) == [(px("5000"), px("10.02"), Liquidity.REMOVED)]


def test_a_resting_order_fills_at_its_limit() -> None:
    desk = ready(mock_config(slippage_bps="100"))
    desk.send(new("o", BUY, "5000", "9.50"), quote("9.00", "9.40"))
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED"]
    assert fills_of(desk) == [(px("5000"), px("9.50"), Liquidity.ADDED)]


def test_no_slippage_beyond_the_largest_price() -> None:
    top = price_text(PRICE_MAX - px("0.01"))
    fine = instrument(tick_size="0.000000001", min_quantity="0.001", lot_size="0.001")
    core = mock_config(slippage_bps="500", instruments=(fine,))
    desk = Desk(core)
    desk.send(opening(cash="100000000"), quote(top, top))
    desk.send(*[new(f"o{number}", BUY, "0.001") for number in range(20)])
    assert len(desk.fills) == 20
    assert max(fill.price for fill in desk.fills) <= PRICE_MAX


def test_cancels_do_not_fail() -> None:
    executor = mock(mock_config(failure_rate="1"))
    assert executor.latency_ns(approved("c")._replace(action=Action.CANCEL), START) == 0
    desk = ready(WILD)
    desk.send(new("o", BUY, "1", "9.00"), heartbeat(START + SECOND))
    assert last(desk).ord_status in (OrdStatus.NEW, OrdStatus.REJECTED)


def test_the_mock_is_the_default() -> None:
    assert Simulators(CoreConfig(account_partitions=1, execution_partitions=1)).of("A", "ABC").name == "mock"
    assert Simulators(config()).of("A", "ABC").name == "top-of-book"
