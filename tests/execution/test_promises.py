"""What every simulator promises, on random stories with every order type; each judged by a model that scans anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.config import CoreConfig
from streams.domain.enums import Action, ExecType, Liquidity, Side, TimeInForce
from streams.domain.execution_shard import ExecutionShard
from streams.domain.messages import ExecutionReport, Fill, MarketData, OrderRequest
from streams.domain.shard import Message, Output
from tests.builders import MS, PROPERTY, SECOND, START, config, joined, new, opening, quote, top_of_book
from tests.domain.desk import Desk, of
from tests.execution.rich_stories import CORES, SIMULATORS, rich_stories

MANY = settings(PROPERTY, max_examples=250)
STORIES = given(rich_stories(), st.sampled_from(CORES))
BUY = Side.BUY


def told(story: list[Message], core: CoreConfig) -> Desk:
    desk = Desk(core)
    desk.send(*story)
    return desk


def asked(story: list[Message]) -> dict[str, OrderRequest]:
    return {item.order_id: item for item in story if isinstance(item, OrderRequest) and item.action is Action.NEW}


@MANY
@STORIES
def test_fills_keep_within_their_orders(story: list[Message], core: CoreConfig) -> None:
    desk = told(story, core)
    requests = asked(story)
    done: Counter[str] = Counter()
    for report in desk.executions:
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
        else:
            assert report.last_px == report.price
        assert (report.commission or 0) >= 0, "none of these fee models pays"
    ends: dict[str, list[ExecutionReport]] = defaultdict(list)
    for report in desk.executions:
        ends[report.order_id].append(report)
    for name, reports in ends.items():
        if requests.get(name) and requests[name].time_in_force is TimeInForce.FOK:
            assert reports[-1].cum_qty in (0, requests[name].quantity), "fill or kill is all or nothing"


@dataclass
class Shown:
    """One side of the market as it was told: by price the size, and what was taken of it since it last changed."""

    sizes: dict[int, int] = field(default_factory=dict)
    taken: Counter[int] = field(default_factory=Counter)
    deep: bool = False

    def tell(self, levels: dict[int, int]) -> None:
        """levels: all that the market shows of this side."""
        for price in list(self.taken):
            if levels.get(price) != self.sizes.get(price):
                del self.taken[price]
        self.sizes = levels

    def touch(self, price: int, size: int, sign: int) -> None:
        """A quote: in a deep book the levels behind it stay."""
        behind = {px_: sz for px_, sz in self.sizes.items() if self.deep and (price - px_) * sign > 0}
        self.tell({price: size} | behind)


AT_ONCE = [
    core for core in CORES if core.simulators[0].slippage.model == "none" and not core.simulators[0].latency.cancel
]
"""What arrives at once meets the market that was told last."""


@MANY
@given(rich_stories(), st.sampled_from(AT_ONCE))
def test_nothing_that_the_market_shows_or_trades_is_used_twice(story: list[Message], core: CoreConfig) -> None:
    desk = Desk(core)
    bids, asks = Shown(), Shown()
    for message in story:
        if isinstance(message, MarketData):
            _tell(message, bids, asks)
        before = len(desk.executions)
        desk.send(message)
        by_trade: Counter[int] = Counter()
        for report in desk.executions[before:]:
            if report.last_qty is None or report.last_px is None:
                continue
            if report.trade_px is not None:
                by_trade[report.trade_px] += report.last_qty
            elif report.liquidity is Liquidity.REMOVED:
                side = asks if report.side is BUY else bids
                side.taken[report.last_px] += report.last_qty
                assert side.taken[report.last_px] <= side.sizes[report.last_px], "more than is displayed"
        if by_trade:
            assert isinstance(message, MarketData)
            assert by_trade.total() <= sum(message.trade_sz), "more than has traded"


def _tell(record: MarketData, bids: Shown, asks: Shown) -> None:
    """Records of these stories have one update."""
    if record.kinds == "Q":
        bids.touch(record.bid_px[0], record.bid_sz[0], 1)
        asks.touch(record.ask_px[0], record.ask_sz[0], -1)
    elif record.kinds == "B":
        levels = list(zip(record.book_px, record.book_sz, strict=True))
        bids.deep = asks.deep = True
        bids.tell(dict(levels[: record.book_bids[0]]))
        asks.tell(dict(levels[record.book_bids[0] :]))


@MANY
@STORIES
def test_reduce_only_never_opens_or_turns(story: list[Message], core: CoreConfig) -> None:
    desk = told(story, core)
    reducing = {name for name, request in asked(story).items() if request.reduce_only}
    position = 0
    for fill in of(Fill, desk.outputs):
        signed = fill.quantity if fill.side is BUY else -fill.quantity
        if fill.order_id in reducing:
            assert position * signed < 0, "it opened"
            assert abs(signed) <= abs(position), "it turned"
        position += signed


@MANY
@STORIES
def test_of_a_group_no_more_executes_than_its_largest_order_asks(story: list[Message], core: CoreConfig) -> None:
    desk = told(story, core)
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
    desk = told(story, core)
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
    """Market updates in one record or in many, and both shards restored after each message."""
    desk = told(story, core)
    restarted = Desk(core)
    for message in story:
        restarted.send(message)
        restarted.restart()
    assert restarted.outputs == desk.outputs
    inputs: list[Message] = []
    watched = Desk(core)
    watched.execution.apply = partial(_noted, watched.execution.apply, inputs)  # type: ignore[method-assign]
    watched.send(*story)
    venue = ExecutionShard(core, 0)
    events: list[ExecutionReport] = []
    for is_market, group in groupby(inputs, key=lambda item: isinstance(item, MarketData)):
        together = [item for item in group if isinstance(item, MarketData)] if is_market else []
        for message in [joined(together)] if is_market else group:
            events += of(ExecutionReport, venue.apply(message, None))
    assert events == desk.executions


def _noted(
    apply: Callable[[Message, int | None], list[Output]], inputs: list[Message], message: Message, at: int | None
) -> list[Output]:
    inputs.append(message)
    return apply(message, at)


@settings(PROPERTY, max_examples=60)
@given(
    steps=st.lists(st.integers(0, 5), min_size=3, max_size=30),
    quantity=st.integers(1, 100),
    fast=st.integers(0, 40),
    slower=st.integers(0, 80),
    sizes=st.integers(1, 60),
)
def test_worse_latency_is_never_better_where_the_market_only_rises(
    steps: list[int], quantity: int, fast: int, slower: int, sizes: int
) -> None:
    def average(latency_ms: int) -> tuple[int, int]:
        desk = Desk(config(simulators=(top_of_book(latency_ms),)))
        desk.send(opening(), quote("10.00", "10.01", ask_sz=str(sizes)), new("o", BUY, str(quantity), ts=START))
        price = 1001
        for number, step in enumerate(steps):
            price += step
            row = (str(sizes + number % 2), str(sizes + number % 2))
            desk.send(quote(f"{(price - 1) / 100:.2f}", f"{price / 100:.2f}", *row, at=START + (number + 1) * 10 * MS))
        paid = sum(fill.quantity * fill.price for fill in desk.fills)
        return paid, sum(fill.quantity for fill in desk.fills)

    quick, late = average(fast), average(fast + slower)
    if quick[1] == late[1] and quick[1]:
        assert late[0] >= quick[0]


def test_a_story_has_every_kind_of_event() -> None:
    """The properties above mean something only if their stories go everywhere."""
    seen: Counter[str] = Counter()

    @settings(PROPERTY, max_examples=300)
    @STORIES
    def look(story: list[Message], core: CoreConfig) -> None:
        for report in told(story, core).executions:
            seen[report.exec_type] += 1
            seen[f"{report.reason_code}"] += 1
            seen[f"{report.exec_type} {report.liquidity} {report.trade_px is not None}"] += 1

    look()
    wanted = {str(kind) for kind in ExecType} - {"UNKNOWN", "SPLIT", "MASS_CANCEL", "EXPIRED"}
    wanted |= {"OCO", "PARENT_EXECUTED", "PARENT_ENDED", "PRICE_REACHED", "POST_ONLY_WOULD_TAKE", "FOK_NOT_FILLABLE"}
    wanted |= {"FILL ADDED True", "FILL ADDED False", "FILL REMOVED False"}
    assert not wanted - seen.keys(), seen


@pytest.mark.parametrize("parts", SIMULATORS, ids=lambda parts: f"{parts.fill.model}-{parts.slippage.model}")
def test_slippage_reported_is_never_in_the_traders_favour_when_taking(parts: object) -> None:
    core = CORES[SIMULATORS.index(parts)]
    desk = Desk(core)
    desk.send(opening(), quote(ask_sz="10"), new("o", BUY, "30", tif=TimeInForce.IOC))
    desk.send(quote(at=START + SECOND))
    for report in desk.executions:
        if report.last_qty is not None and report.liquidity is Liquidity.REMOVED:
            assert report.slippage_mid is not None
            assert report.slippage_mid >= 0
            assert report.slippage_arrival is not None
