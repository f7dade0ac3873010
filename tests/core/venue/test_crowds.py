"""Tests of crowds: many orders at the same few prices, in queues that they share, step as if each stood alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.output import Message, Output
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import AccountConfig, SimulatorConfig
from streams.core.simulators.venue_order import VenueOrder
from streams.core.venue import venue
from streams.core.venue.execution_shard import ExecutionShard
from tests.builders import (
    MS,
    PROPERTY,
    SECOND,
    START,
    book,
    cents,
    columns,
    config,
    joined,
    px,
    quote,
    top_of_book,
    trade,
)
from tests.core.desk import of

QUEUE = {"model": "queue"}
OTHER = SimulatorConfig.model_validate(
    {"name": "other", "fill": QUEUE, "queue": {"model": "power", "n": 1}, "stale_after_ms": 500}
)
ACCOUNTS = (AccountConfig(account_id="B", simulator="other"), AccountConfig(account_id="M", simulator="mock"))
CORES: tuple[CoreConfig, ...] = tuple(
    config(simulators=(top_of_book(fill=fill, queue=queue), OTHER), accounts=ACCOUNTS)
    for fill, queue in (
        (QUEUE, {"model": "risk-averse"}),
        (QUEUE, {"model": "power"}),
        (QUEUE, {"model": "log"}),
        ({"model": "touch"}, {"model": "risk-averse"}),
        ({"model": "trade-through"}, {"model": "risk-averse"}),
    )
)
PRICES = range(998, 1004)


@pytest.fixture(autouse=True, scope="module")
def _short_records_are_searched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in (("BULK_ROWS", 1), ("UNSKIPPED_MAX", 1), ("SHORT_MAX", 0)):
            patch.setattr(venue, name, bound)
        yield


def crowd(draw: Random, most: int) -> list[Message]:
    """Returns orders of four accounts at few prices, and a market that moves through them: books, quotes, trades."""
    at, middle, deep = START, 1_000, draw.choice((0, 0.3, 1))
    found: list[Message] = [_quote(draw, middle, at)]
    for number in range(most):
        at += draw.choice((0, MS, MS, SECOND, SECOND))
        middle = min(max(middle + draw.choice((-1, 0, 0, 0, 0, 1)), PRICES[0]), PRICES[-1])
        kind = draw.random()
        if kind < 0.5:
            found.append(_order(draw, number, at))
        elif kind < 0.55:
            change = _order(draw, number, at)._replace(orig_order_id=f"o{draw.randrange(number + 1)}")
            found.append(change._replace(action=draw.choice((Action.CANCEL, Action.CANCEL, Action.REPLACE))))
        elif kind < 0.75:
            price = cents(middle + draw.choice((-1, 0, 0, 1)))
            size = px(draw.choice((0, 1, 1, 3, 8, 40)))
            found.append(columns("ABC", [("T", at, (price, size))])._replace(aggressors=draw.choice("BBSS-")))
        elif kind < 0.76:
            found.append(columns("ABC", [])._replace(ts=at, kinds=draw.choice("HR"), times=[at]))
        else:
            found.append(_book(draw, middle, at) if draw.random() < deep else _quote(draw, middle, at))
    return found


def _order(draw: Random, number: int, at: int) -> ApprovedOrder:
    side = draw.choice((Side.BUY, Side.SELL))
    plain = ApprovedOrder(
        Action.NEW, f"o{number}", None, draw.choice("AAABBM"), None, "ABC", side, OrderType.LIMIT, TimeInForce.GTC,
        px(draw.choice((1, 1, 2, 5))), cents(draw.choice(PRICES)), f"a{number}", "s", at, at,
    )  # fmt: skip
    more: dict[str, object] = {}
    if draw.random() < 0.1:
        more["display_quantity"] = px(1)
    if draw.random() < 0.1:
        more["oco_group"] = draw.choice("gh")
    if number and draw.random() < 0.1:
        more["parent_order_id"] = f"o{draw.randrange(number)}"
    return plain._replace(**more)  # type: ignore[arg-type]


def _sizes(draw: Random, count: int) -> list[str]:
    return [str(draw.choice((1, 2, 3, 5, 8, 13))) for _ in range(count)]


def _quote(draw: Random, middle: int, at: int) -> MarketData:
    bid_sz, ask_sz = _sizes(draw, 2)
    bid, ask = middle - draw.choice((0, 1, 1, 2)), middle + 1
    bid_sz = draw.choice((bid_sz, bid_sz, bid_sz, bid_sz, "0", "-0.000000001"))
    return quote(f"{bid / 100:.2f}", f"{ask / 100:.2f}", bid_sz, ask_sz, at=at)


def _book(draw: Random, middle: int, at: int) -> MarketData:
    def side(start: int, step: int) -> list[tuple[str, str]]:
        prices = [start + step * depth for depth in range(5) if draw.random() < 0.8]
        return [(f"{price / 100:.2f}", size) for price, size in zip(prices, _sizes(draw, 5), strict=False)]

    return book(side(middle - 1, -1), side(middle + draw.choice((0, 1)), 1), at=at)


def batched(draw: Random, story: Sequence[Message]) -> list[Message]:
    """Returns the story with consecutive updates joined into records."""
    found: list[Message] = []
    for message in story:
        last = found[-1] if found else None
        if isinstance(message, MarketData) and isinstance(last, MarketData) and draw.random() < 0.8:
            found[-1] = joined([last, message])
        else:
            found.append(message)
    return found


def played(story: Sequence[Message], core: CoreConfig, *, exact: bool, restart_at: int = -1) -> tuple[str, str]:
    """Returns the outputs and the final state as text; a shard is restored from its state before one of the steps."""
    shard, outputs = ExecutionShard(core, 0, exact=exact), list[list[Output]]()
    for step, message in enumerate(story):
        if step == restart_at:
            shard = ExecutionShard.from_state(core, 0, json.loads(json.dumps(shard.to_state())))
        outputs.append(shard.apply(message, None))
    return repr(outputs), json.dumps(shard.to_state())


@pytest.mark.slow
@settings(PROPERTY, max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from(CORES))
def test_a_crowd_is_stepped_exactly(seed: int, core: CoreConfig) -> None:
    draw = Random(seed)
    story = batched(draw, crowd(draw, draw.choice((40, 200))))
    expected = played(story, core, exact=True)
    assert played(story, core, exact=False) == expected
    assert played(story, core, exact=False, restart_at=len(story) // 2) == expected


def test_crowds_share_places_and_trade_in_turn() -> None:
    """Checks that the stories above have what they are about: shared places that move, and fills by trades."""
    seen: Counter[str] = Counter()
    for seed in range(10):
        draw = Random(seed)
        story = batched(draw, crowd(draw, 200))
        shard = ExecutionShard(CORES[seed % 3], 0)
        for message in story:
            for report in of(ExecutionReport, shard.apply(message, None)):
                seen[f"by trade {report.trade_px is not None}"] += report.last_qty is not None
                seen[f"{report.reason_code}"] += 1
        working = shard.venues["ABC"].orders.working.values()
        places = Counter(id(order.queue) for order in working if order.queue is not None)
        seen["shared"] += max(places.values(), default=0) > 1
    assert min(seen["by trade True"], seen["by trade False"], seen["OCO"], seen["PARENT_EXECUTED"], seen["shared"]) > 0


STEPPED = {"see_book", "meet_quote", "meet_trade"}


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("orders", [10, 300])
def test_an_update_asks_about_no_order_that_it_does_not_reach(core: CoreConfig, orders: int) -> None:
    """Counts questions about single orders while the market trades and changes sizes at their price, behind a queue."""
    shard = ExecutionShard(core, 0)
    levels = [("9.99", "500"), ("9.98", "500")]
    shard.apply(book(levels, [("10.01", "500")]), None)
    for number in range(orders):
        shard.apply(_order(Random(1), number, START)._replace(account_id="A", side=Side.BUY, price=cents(998)), None)
    orders_at_venue = shard.venues["ABC"].orders
    asked: list[VenueOrder] = []
    simulator = shard.venues["ABC"].simulator_of("A")
    shard.venues["ABC"]._simulators["A"] = _Counting(simulator, asked)  # type: ignore[assignment]
    orders_at_venue.watch_everything()
    shard.apply(book(levels, [("10.01", "500")], at=START + 1), None)
    assert len(asked) >= orders, "all see the book again"
    asked.clear()
    for number in range(2, 40, 3):
        shard.apply(book([("9.99", "500"), ("9.98", str(500 + number))], [("10.01", "7")], at=START + number), None)
        shard.apply(trade("9.99", "3", at=START + number, aggressor="S"), None)
        shard.apply(trade("10.01", "3", at=START + number, aggressor="B"), None)
    assert len(orders_at_venue.working) == orders
    assert not asked


class _Counting:
    """A simulator that notes the orders that it is asked about as the market moves."""

    def __init__(self, simulator: object, asked: list[VenueOrder]) -> None:
        self._simulator, self._asked = simulator, asked

    def __getattr__(self, name: str) -> object:
        found = getattr(self._simulator, name)
        if name not in STEPPED:
            return found

        def ask(order: VenueOrder, *arguments: object) -> object:
            self._asked.append(order)
            return found(order, *arguments)

        return ask
