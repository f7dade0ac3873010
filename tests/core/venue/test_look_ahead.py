"""Tests of look-ahead: skipping updates gives the same outputs and state as processing each of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Action, OffsetType, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.output import Message, Output
from streams.core.core_config import CoreConfig
from streams.core.market.market_columns import NUMBERS, as_array
from streams.core.market.order_book import OrderBook
from streams.core.market.trades import TradePrint
from streams.core.simulators.model import Model, ModelKind
from streams.core.simulators.model_catalog import known_models
from streams.core.simulators.venue_order import VenueOrder
from streams.core.venue import expiries, venue
from streams.core.venue.execution_shard import ExecutionShard
from streams.core.venue.triggers import follow_market, is_triggered, wake_prices
from streams.tools.study.probe_orders import probe_order
from tests.builders import PROPERTY, SECOND, START, cents, config, px, quote, quotes, top_of_book, trade
from tests.core.desk import of
from tests.core.simulators.long_markets import ABC, VENUES, batches, request, story

MANY = settings(PROPERTY, max_examples=400)
SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True, scope="module")
def _bounds_of_speed_are_low() -> Iterator[None]:
    """Lowers the bounds, so that short records are searched too and heaps are rebuilt soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(venue, "BULK_ROWS", 1)
        patch.setattr(venue, "UNSKIPPED_MAX", 1)
        patch.setattr(venue, "SHORT_MAX", 0)
        patch.setattr(expiries, "DEAD_MAX", 0)
        yield


def played(
    story: Sequence[Message],
    core: CoreConfig,
    *,
    exact: bool,
    by_record: bool = False,
    restarts: frozenset[int] = frozenset(),
) -> tuple[list[list[Output]], str]:
    """Returns the outputs of each message and the final state; restores the shard before the steps in restarts."""
    shard = ExecutionShard(core, 0, exact=exact)
    outputs = []
    for step, message in enumerate(story):
        if step in restarts:
            shard = ExecutionShard.from_state(core, 0, json.loads(json.dumps(shard.to_state())))
        outputs.append(shard.apply(message, START + step * SECOND // 50 if by_record else None))
    return outputs, json.dumps(shard.to_state())


def as_arrays(message: Message) -> Message:
    if not isinstance(message, MarketData):
        return message
    return message._replace(**{name: as_array(getattr(message, name)) for name in NUMBERS})  # type: ignore[arg-type]


@pytest.mark.slow
@MANY
@given(SEEDS, st.sampled_from(VENUES), st.booleans(), st.booleans())
def test_skipping_is_exact(seed: int, core: CoreConfig, deep: bool, by_record: bool) -> None:
    """Compares text, in which a numpy number differs from an int."""
    messages = batches(seed, story(seed, deep))
    expected = played(messages, core, exact=True, by_record=by_record)
    assert repr(played(messages, core, exact=False, by_record=by_record)) == repr(expected)


@pytest.mark.slow
@MANY
@given(SEEDS, st.sampled_from(VENUES), st.booleans())
def test_batches_restarts_and_arrays_change_nothing(seed: int, core: CoreConfig, deep: bool) -> None:
    """Leaves out marks, because each record writes one, so that their number depends on the batches."""
    updates = story(seed, deep)
    one_by_one, state = played(updates, core, exact=True)
    expected = reports(one_by_one)
    for again in (1, 2):
        messages = [as_arrays(message) for message in batches(seed + again, updates)]
        outputs, ended = played(messages, core, exact=False, restarts=frozenset(range(again, len(messages), 3 * again)))
        assert repr(reports(outputs)) == repr(expected)
        assert unmarked(ended) == unmarked(state)


def reports(outputs: Sequence[Sequence[Output]]) -> list[ExecutionReport]:
    return of(ExecutionReport, [output for some in outputs for output in some])


def unmarked(state: str) -> object:
    found = json.loads(state)
    return [{name: value for name, value in item.items() if name != "marked_ns"} for item in found["venues"]]


def test_a_child_that_a_trade_activates_meets_the_same_trade() -> None:
    def fills(exact: bool) -> list[tuple[str, int | None]]:
        shard = ExecutionShard(config(), 0, exact=exact)
        shard.apply(quote(), None)
        parent = limit("parent", Side.BUY, "9.99")
        for order in (parent, limit("child", Side.BUY, "9.99")._replace(parent_order_id="parent")):
            shard.apply(order, None)
        shard.apply(quote("9.98", at=START + 1), None)
        outputs = shard.apply(trade("9.99", "100", at=START + 2), None)
        return [(item.order_id, item.last_qty) for item in of(ExecutionReport, outputs) if item.last_qty]

    assert fills(exact=False) == fills(exact=True) == [("parent", px(10)), ("child", px(10))]


def test_a_group_is_canceled_in_time_priority_before_and_after_a_restart() -> None:
    def canceled(restart: bool) -> list[str]:
        shard = ExecutionShard(config(), 0)
        shard.apply(quote(), None)
        for name in ("first", "second", "third"):
            shard.apply(limit(name, Side.BUY, "9.90")._replace(oco_group="g"), None)
        moved = limit("move", Side.BUY, "9.91")._replace(action=Action.REPLACE, orig_order_id="first")
        shard.apply(moved, None)
        if restart:
            shard = ExecutionShard.from_state(config(), 0, json.loads(json.dumps(shard.to_state())))
        up = limit("up", Side.BUY, "10.02")._replace(action=Action.REPLACE, orig_order_id="third")
        outputs = shard.apply(up, None)
        return [item.order_id for item in of(ExecutionReport, outputs) if item.exec_type == "CANCELED"]

    assert canceled(restart=False) == canceled(restart=True) == ["second", "first"]


def limit(name: str, side: Side, price: str) -> ApprovedOrder:
    return probe_order(name, "ABC", side, px(10), px(price), TimeInForce.GTC, START)


@settings(PROPERTY, max_examples=200)
@given(
    side=st.sampled_from((Side.BUY, Side.SELL)),
    stop=st.none() | st.integers(1, 60),
    tick=st.integers(1, 7),
    offset=st.integers(1, 9) | st.integers(10**9, 99 * 10**9),
    is_percent=st.booleans(),
)
def test_the_wake_prices_of_a_trailing_stop_are_the_quotes_that_move_it(
    side: Side, stop: int | None, tick: int, offset: int, is_percent: bool
) -> None:
    """Tries each price; prices are so small that every rounding shows."""
    kind, offset = (OffsetType.PERCENT, offset) if is_percent else (OffsetType.PRICE, offset % 10 + 1)
    plain = limit("o", side, "1")._replace(order_type=OrderType.TRAILING_STOP)
    request = plain._replace(trailing_offset=offset, trailing_type=kind)
    for reference in range(1, 120):
        order = VenueOrder(request, 1, None, stop)
        low, high = wake_prices(order, tick)
        book = OrderBook()
        book.update_quote((reference, 1), (reference, 1), 1)
        wakes = is_triggered(order, book)
        if not wakes:
            follow_market(order, book, tick)
            wakes = order.stop_price != stop
        assert wakes == (reference <= low or reference >= high)


class Attentive(Model):
    """A model of another package that does not declare skips."""

    model: ClassVar[str] = "attentive"
    queues: ClassVar[bool] = False
    asked: ClassVar[list[int]] = []

    def by_trade(self, order: VenueOrder, trade: TradePrint) -> int:
        return 0

    def is_met(self, order: VenueOrder, book: OrderBook) -> bool:
        self.asked.append(book.ts)
        return False


def test_a_fill_model_without_skips_is_asked_about_every_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known_models(ModelKind.FILL), "attentive", Attentive)
    shard = ExecutionShard(config(simulators=(top_of_book(fill={"model": "attentive"}),)), 0)
    shard.apply(quote(), None)
    shard.apply(request(Random(0), ABC, "o", [], cents(1100), START), None)
    times = range(START + 1, START + 101)
    shard.apply(quotes(*((at, "10.00", "5", "10.02", "5") for at in times)), None)
    assert Attentive.asked[-100:] == list(times)


def test_the_stories_produce_every_event() -> None:
    """Checks that the stories above produce every kind of event, so that the tests above cover it."""
    seen: Counter[str] = Counter()
    for seed in range(150):
        outputs, _ = played(batches(seed, story(seed, deep=seed % 2 == 0)), VENUES[seed % len(VENUES)], exact=False)
        for report in reports(outputs):
            seen[f"{report.exec_type} {report.reason_code}"] += 1
            seen[f"{report.liquidity} {report.order_type}"] += 1
            seen[f"by trade {report.trade_px is not None}"] += 1
    wanted = {"NEW None", "FILL None", "PARTIAL_FILL None", "EXPIRED EXPIRE_TIME", "EXPIRED DAY_END", "REPLACED None"}
    wanted |= {"CANCELED CANCEL_REQUESTED", "RESTATED SPLIT", "TRIGGERED PRICE_REACHED", "TRIGGERED PARENT_EXECUTED"}
    wanted |= {"CANCELED OCO", "CANCELED MARKET_NOT_OPEN", "by trade True", "ADDED STOP_LIMIT", "REMOVED TRAILING_STOP"}
    missing = sorted(wanted - seen.keys())
    assert not missing
