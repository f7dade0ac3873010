"""Tests of invariants of every simulator, on random stories with every order type, against a simple model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from schemas.records.enums import Action, ExecType, Liquidity, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, Fill, MarketData, OrderRequest
from schemas.records.output import Message, Output
from streams.core.core_config import CoreConfig
from streams.core.market.order_book import LEVELS_KEPT_NS
from streams.core.reference.declarations import STALE_AFTER_MS
from streams.core.venue.execution_shard import ExecutionShard
from tests.builders import (
    MS,
    PROPERTY,
    SECOND,
    START,
    book,
    config,
    heartbeat,
    joined,
    new,
    opening,
    px,
    quote,
    top_of_book,
    trade,
)
from tests.core.desk import Desk, of
from tests.core.simulators.rich_stories import CORES, SIMULATORS, rich_stories

pytestmark = pytest.mark.slow
MANY = settings(PROPERTY, max_examples=250)
STORIES = given(rich_stories(), st.sampled_from(CORES))
BUY = Side.BUY
STALE_NS = STALE_AFTER_MS * MS


def played(story: list[Message], core: CoreConfig) -> Desk:
    desk = Desk(core)
    desk.send(*story)
    return desk


def asked(story: list[Message]) -> dict[str, OrderRequest]:
    return {item.order_id: item for item in story if isinstance(item, OrderRequest) and item.action is Action.NEW}


@MANY
@STORIES
def test_fills_keep_within_their_orders(story: list[Message], core: CoreConfig) -> None:
    check_fills(played(story, core).executions, asked(story))


def check_fills(reports: Sequence[ExecutionReport], requests: Mapping[str, OrderRequest | ApprovedOrder]) -> None:
    """Checks that fills keep the terms of their orders, and that fill-or-kill orders fill whole or not at all."""
    done: Counter[str] = Counter()
    for report in reports:
        if report.last_qty is None:
            continue
        request = requests[report.order_id]
        done[report.order_id] += report.last_qty
        assert report.order_qty is not None
        assert report.last_px is not None
        assert done[report.order_id] == report.cum_qty <= report.order_qty
        if report.price is not None:
            within = report.last_px <= report.price if report.side is BUY else report.last_px >= report.price
            assert within, "a fill beyond its limit"
        if request.post_only:
            assert report.liquidity is Liquidity.ADDED, "post-only never takes"
        if report.liquidity is Liquidity.REMOVED:
            touch = report.ask_px if report.side is BUY else report.bid_px
            assert touch is not None
            assert (report.last_px - touch) * (1 if report.side is BUY else -1) >= 0, "better than the market"
            assert (report.slippage_mid or 0) >= 0, "a taking order never trades better than the mid price"
            assert (report.book_age_ns or 0) <= STALE_NS, "nothing is taken from a stale market"
        else:
            assert report.last_px == report.price
        assert (report.commission or 0) >= 0, "none of these fee models pays a rebate"
    ends = {report.order_id: report for report in reports}
    for name, end in ends.items():
        if requests.get(name) and requests[name].time_in_force is TimeInForce.FOK:
            assert end.cum_qty in (0, requests[name].quantity), "fill-or-kill is all or nothing"


@dataclass
class Shown:
    """One side of the market: the displayed size by price, and the size taken since it last changed."""

    sizes: dict[int, int] = field(default_factory=dict)
    taken: Counter[int] = field(default_factory=Counter)
    asks: bool = False
    told_ts: int | None = None
    """Time of the last update of all levels."""

    def tell(self, levels: dict[int, int]) -> None:
        """Replaces the side by all levels that the market shows."""
        for price in list(self.taken):
            if levels.get(price) != self.sizes.get(price):
                del self.taken[price]
        self.sizes = levels

    def take(self, price: int, quantity: int, impact: bool) -> None:
        """Checks that the displayed size covers a taking fill, or that its price is beyond all displayed levels."""
        if price not in self.sizes:
            assert impact, "not displayed, and nothing trades beyond"
            worst = max(self.sizes) if self.asks else min(self.sizes)
            assert (price - worst) * (1 if self.asks else -1) >= px("0.01"), "beyond the levels, it is a tick worse"
            return
        self.taken[price] += quantity
        assert self.taken[price] <= self.sizes[price], "more than is displayed"

    def meet(self, limit: int, quantity: int) -> None:
        """Takes the fill of a resting order from the displayed levels within its limit, best first."""
        for price in sorted(self.sizes, reverse=not self.asks):
            if price <= limit if self.asks else price >= limit:
                used = min(quantity, self.sizes[price] - self.taken[price])
                self.taken[price] += used
                quantity -= used
        assert quantity == 0, "more than is displayed"

    def touch(self, price: int, size: int, at: int) -> None:
        """Takes a quote: the levels behind it stay in a deep book, unless they are too old."""
        if self.told_ts is not None and at - self.told_ts > LEVELS_KEPT_NS:
            self.told_ts = None
        sign = -1 if self.asks else 1
        behind = {px_: sz for px_, sz in self.sizes.items() if self.told_ts is not None and (price - px_) * sign > 0}
        self.tell({price: size} | behind)


@MANY
@STORIES
def test_nothing_that_the_market_shows_or_trades_is_used_twice(story: list[Message], core: CoreConfig) -> None:
    desk = Desk(core)
    bids, asks, impact = Shown(), Shown(asks=True), core.simulators[0].slippage.model != "none"
    for message in story:
        if isinstance(message, MarketData):
            # Requests that are due by now meet the market before this update.
            assert _used(desk.send(heartbeat(message.ts)), bids, asks, impact) == 0, "no trade was reported"
            _tell(message, bids, asks)
        by_trade = _used(desk.send(message), bids, asks, impact)
        assert by_trade <= (sum(message.trade_sz) if isinstance(message, MarketData) else 0), "more than has traded"


def _used(outputs: list[Output], bids: Shown, asks: Shown, impact: bool) -> int:
    """Takes fills from the displayed sizes; returns the quantity that market trades filled."""
    by_trade = 0
    for report in of(ExecutionReport, outputs):
        if report.last_qty is None or report.last_px is None:
            continue
        side = asks if report.side is BUY else bids
        if report.trade_px is not None:
            by_trade += report.last_qty
        elif report.liquidity is Liquidity.REMOVED:
            side.take(report.last_px, report.last_qty, impact)
        else:
            side.meet(report.last_px, report.last_qty)
    return by_trade


def _tell(record: MarketData, bids: Shown, asks: Shown) -> None:
    """Applies a record, which has one update in these stories."""
    if record.kinds == "Q":
        bids.touch(record.bid_px[0], record.bid_sz[0], record.ts)
        asks.touch(record.ask_px[0], record.ask_sz[0], record.ts)
    elif record.kinds == "B":
        levels = list(zip(record.book_px, record.book_sz, strict=True))
        bids.told_ts = asks.told_ts = record.ts
        bids.tell(dict(levels[: record.book_bids[0]]))
        asks.tell(dict(levels[record.book_bids[0] :]))


@settings(PROPERTY, max_examples=60)
@given(
    core=st.sampled_from(CORES),
    orders=st.lists(st.tuples(st.integers(998, 1000), st.integers(1, 30), st.booleans()), min_size=2, max_size=6),
    trades=st.lists(st.tuples(st.integers(996, 1000), st.integers(1, 40)), min_size=1, max_size=6),
)
def test_a_trade_is_used_once_by_all_that_it_meets(
    core: CoreConfig, orders: list[tuple[int, int, bool]], trades: list[tuple[int, int]]
) -> None:
    """Sends bids at and behind the touch, some of them icebergs; market sales fill no more than their size."""
    desk = Desk(core)
    desk.send(opening(), quote("10.00", "10.05"))
    for number, (price, quantity, iceberg) in enumerate(orders):
        shown = px(1) if iceberg and quantity > 1 else None
        desk.send(new(f"o{number}", BUY, str(quantity), f"{price / 100:.2f}", display_quantity=shown, ts=START))
    desk.send(heartbeat(START + SECOND))
    for price, size in trades:
        outputs = desk.send(trade(f"{price / 100:.2f}", str(size), at=START + SECOND, aggressor="S"))
        filled = [report for report in of(ExecutionReport, outputs) if report.last_qty is not None]
        assert sum(report.last_qty or 0 for report in filled) <= px(size)
        assert all((report.price or 0) >= px(f"{price / 100:.2f}") for report in filled)


@MANY
@STORIES
def test_reduce_only_never_opens_or_turns(story: list[Message], core: CoreConfig) -> None:
    desk = played(story, core)
    reducing = {name for name, request in asked(story).items() if request.reduce_only}
    position = 0
    for fill in of(Fill, desk.outputs):
        signed = fill.quantity if fill.side is BUY else -fill.quantity
        if fill.order_id in reducing:
            assert position * signed < 0, "it opened a position"
            assert abs(signed) <= abs(position), "it turned the position"
        position += signed


@MANY
@STORIES
def test_a_group_executes_no_more_than_its_largest_order(story: list[Message], core: CoreConfig) -> None:
    desk = played(story, core)
    groups: dict[str, list[OrderRequest]] = defaultdict(list)
    for request in asked(story).values():
        if request.oco_group is not None:
            groups[request.oco_group].append(request)
    changed = {item.orig_order_id for item in story if isinstance(item, OrderRequest) and item.action is Action.REPLACE}
    for members in groups.values():
        names = {request.order_id for request in members}
        if names & changed:
            continue
        executed = sum(fill.quantity for fill in of(Fill, desk.outputs) if fill.order_id in names)
        assert executed <= max(request.quantity or 0 for request in members)


@MANY
@STORIES
def test_a_child_executes_no_more_than_its_parent(story: list[Message], core: CoreConfig) -> None:
    desk = played(story, core)
    executed: Counter[str] = Counter()
    for fill in of(Fill, desk.outputs):
        executed[fill.order_id] += fill.quantity
    changed = {item.orig_order_id for item in story if isinstance(item, OrderRequest) and item.action is Action.REPLACE}
    for name, request in asked(story).items():
        if request.parent_order_id is not None and executed[name] and name not in changed:
            assert executed[name] <= executed[request.parent_order_id]


@MANY
@STORIES
def test_neither_restarts_nor_batches_change_anything(story: list[Message], core: CoreConfig) -> None:
    """Compares one run with a run that restores both shards after each message, and with one of joined records."""
    desk = played(story, core)
    restarted = Desk(core)
    for message in story:
        restarted.send(message)
        restarted.restart()
    assert restarted.outputs == desk.outputs
    inputs: list[Message] = []
    watched = Desk(core)
    shard: Any = _Noting(watched.execution, inputs)
    watched.execution = shard
    watched.send(*story)
    venue = ExecutionShard(core, 0)
    events: list[ExecutionReport] = []
    for is_market, group in groupby(inputs, key=lambda item: isinstance(item, MarketData)):
        together = [item for item in group if isinstance(item, MarketData)] if is_market else []
        for message in [joined(together)] if is_market else group:
            events += of(ExecutionReport, venue.apply(message, None))
    assert events == desk.executions


class _Noting:
    """A shard that keeps its inputs in a list."""

    def __init__(self, shard: ExecutionShard, inputs: list[Message]) -> None:
        self._shard = shard
        self._inputs = inputs

    def apply(self, message: Message, at: int | None, written_ns: int = 0) -> list[Output]:
        self._inputs.append(message)
        return self._shard.apply(message, at, written_ns)


MODELS: tuple[dict[str, dict[str, str]], ...] = (
    {},
    {"slippage": {"model": "half-spread"}},
    {"slippage": {"model": "fixed-bps"}},
    {"slippage": {"model": "square-root", "daily_volatility": "0.02", "daily_volume": "100000"}},
)


@settings(PROPERTY, max_examples=150)
@given(
    models=st.sampled_from(MODELS),
    side=st.sampled_from((BUY, Side.SELL)),
    limited=st.booleans(),
    depth=st.integers(0, 3),
    steps=st.lists(st.integers(0, 5), min_size=3, max_size=30),
    quantity=st.integers(1, 100),
    fast=st.integers(0, 40),
    slower=st.integers(0, 80),
    size=st.integers(1, 60),
)
def test_more_latency_is_never_better_if_the_market_only_runs_away(
    models: dict[str, dict[str, str]],
    side: Side,
    limited: bool,
    depth: int,
    steps: list[int],
    quantity: int,
    fast: int,
    slower: int,
    size: int,
) -> None:
    """Moves the market up for a buy, down for a sell; the later order fills no cheaper and no more."""
    sign = 1 if side is BUY else -1

    def market(touch: int, number: int) -> MarketData:
        shown, at = str(size + number % 2), START + number * 10 * MS
        away = [(f"{(touch + sign * step) / 100:.2f}", shown) for step in range(depth + 1)]
        own = [(f"{(touch - sign) / 100:.2f}", shown)]
        bids, asks = (own, away) if side is BUY else (away, own)
        if depth:
            return book(bids, asks, at=at)
        return quote(bids[0][0], asks[0][0], bids[0][1], asks[0][1], at=at)

    def traded(latency_ms: int) -> tuple[int, int]:
        desk = Desk(config(simulators=(top_of_book(latency_ms, **models),)))
        limit = f"{(1001 + sign * 9) / 100:.2f}" if limited else None
        desk.send(opening(), market(1001, 0), new("o", side, str(quantity), limit, ts=START))
        touch = 1001
        for number, step in enumerate(steps, 1):
            touch += sign * step
            desk.send(market(touch, number))
        return sum(fill.quantity * fill.price for fill in desk.fills), sum(fill.quantity for fill in desk.fills)

    (quick_paid, quick), (late_paid, late) = traded(fast), traded(fast + slower)
    if quick and late and (quick == late or not limited):
        assert (late_paid * quick - quick_paid * late) * sign >= 0
    if limited:
        assert late <= quick


NOTICES = ("SPLIT", "FUNDING", "DIVIDEND", "SETTLEMENT")


def test_a_story_has_every_kind_of_event() -> None:
    """Checks that the stories above produce every kind of event, so that their invariants are tested."""
    seen: Counter[str] = Counter()

    wanted = {str(kind) for kind in ExecType} - {"UNKNOWN", *NOTICES, "MASS_CANCEL", "EXPIRED"}
    wanted |= {"OCO", "PARENT_EXECUTED", "PARENT_ENDED", "PRICE_REACHED", "POST_ONLY_WOULD_TAKE", "FOK_NOT_FILLABLE"}
    wanted |= {"FILL ADDED True", "FILL ADDED False", "FILL REMOVED False"}

    def completes(story: list[Message], core: CoreConfig) -> bool:
        for report in played(story, core).executions:
            seen[report.exec_type] += 1
            seen[f"{report.reason_code}"] += 1
            seen[f"{report.exec_type} {report.liquidity} {report.trade_px is not None}"] += 1
        return not wanted - seen.keys()

    until = settings(PROPERTY, max_examples=5_000, phases=[Phase.generate])
    try:
        find(st.tuples(rich_stories(), st.sampled_from(CORES)), lambda drawn: completes(*drawn), settings=until)
    except NoSuchExample:
        pytest.fail(f"no story has {sorted(wanted - seen.keys())}: {seen}")


@pytest.mark.parametrize("simulator", SIMULATORS, ids=lambda item: f"{item.fill.model}-{item.slippage.model}")
def test_slippage_reported_is_never_in_the_traders_favour_when_taking(simulator: object) -> None:
    core = CORES[SIMULATORS.index(simulator)]
    desk = Desk(core)
    desk.send(opening(), quote(ask_sz="10"), new("o", BUY, "30", tif=TimeInForce.IOC))
    desk.send(quote(at=START + SECOND))
    for report in desk.executions:
        if report.last_qty is not None and report.liquidity is Liquidity.REMOVED:
            assert report.slippage_mid is not None
            assert report.slippage_mid >= 0
            assert report.slippage_arrival is not None
