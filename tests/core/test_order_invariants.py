"""Tests of invariants of any story: prices, quantities, displayed size, order states, one terminal result, cash."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import (
    TERMINAL_STATUSES,
    Action,
    ControlKind,
    ExecType,
    Liquidity,
    OrderType,
    OrdStatus,
    Side,
)
from schemas.records.messages import AccountEquity, ExecutionReport, MarketData, OrderRequest, PositionReport, RiskEvent
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from tests.builders import PROPERTY, SECOND, START, control, heartbeat, money
from tests.core.desk import Desk, of
from tests.core.scenarios import STEADY, quotes_in, stories

TOP_OF_BOOK = STEADY[:2]
LEGAL = {
    None: {OrdStatus.NEW, OrdStatus.REJECTED},
    OrdStatus.NEW: {
        OrdStatus.NEW,
        OrdStatus.PARTIALLY_FILLED,
        OrdStatus.FILLED,
        OrdStatus.CANCELED,
        OrdStatus.EXPIRED,
    },
    OrdStatus.PARTIALLY_FILLED: {
        OrdStatus.PARTIALLY_FILLED,
        OrdStatus.FILLED,
        OrdStatus.CANCELED,
        OrdStatus.EXPIRED,
    },
}
"""Transitions of the FIX order state matrices that the venue uses."""
STATUS_OF = {
    ExecType.PARTIAL_FILL: {OrdStatus.PARTIALLY_FILLED},
    ExecType.FILL: {OrdStatus.FILLED},
    ExecType.CANCELED: {OrdStatus.CANCELED},
    ExecType.EXPIRED: {OrdStatus.EXPIRED},
    ExecType.REJECTED: {OrdStatus.REJECTED},
    ExecType.NEW: {OrdStatus.NEW},
    ExecType.REPLACED: {OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED},
    ExecType.RESTATED: {OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED},
}

STORIES = given(stories(), st.sampled_from(STEADY))
MANY = settings(PROPERTY, max_examples=80)


def played(story: list[Message], core: CoreConfig) -> Desk:
    """Plays a story to its end: closes the session and lets all requests arrive."""
    desk = Desk(core)
    desk.send(*story)
    last_ns = max([START, *(message.ts for message in story if isinstance(message, MarketData))])
    desk.send(control(ControlKind.SESSION_CLOSE, control_id="end"), heartbeat(last_ns + 60 * SECOND))
    return desk


def lives(desk: Desk) -> dict[str, list[ExecutionReport]]:
    """Returns the reports of each order, without rejected cancels and replaces."""
    found: dict[str, list[ExecutionReport]] = defaultdict(list)
    for report in desk.executions:
        if report.exec_type is not ExecType.CANCEL_REJECT:
            found[report.order_id].append(report)
    return found


@MANY
@STORIES
def test_only_legal_transitions(story: list[Message], core: CoreConfig) -> None:
    for life in lives(played(story, core)).values():
        statuses = [None, *(report.ord_status for report in life)]
        assert all(after in LEGAL[before] for before, after in pairwise(statuses)), statuses
        assert all(report.ord_status in STATUS_OF[report.exec_type] for report in life)
        assert [report.exec_type for report in life].count(ExecType.NEW) <= 1


@MANY
@STORIES
def test_one_terminal_result_for_each_order(story: list[Message], core: CoreConfig) -> None:
    desk = played(story, core)
    asked = {item.order_id for item in story if isinstance(item, OrderRequest) and item.action is Action.NEW}
    terminal = Counter(result.order_id for result in desk.results if result.terminal)
    market = any(isinstance(item, MarketData) and item.kinds for item in story)
    waiting = set(desk.account().ledger.working)
    assert not (market and waiting), "only an order without a market may still travel"
    changed = {item.order_id for item in story if isinstance(item, OrderRequest)} - asked
    assert {name: count for name, count in terminal.items() if name not in changed} == dict.fromkeys(asked - waiting, 1)


@MANY
@STORIES
def test_quantities_add_up(story: list[Message], core: CoreConfig) -> None:
    for life in lives(played(story, core)).values():
        done = spent = 0
        for report in life:
            if report.last_qty is not None and report.last_px is not None:
                assert report.last_qty > 0
                done += report.last_qty
                spent += report.last_qty * report.last_px
            assert report.order_qty is not None
            open_quantity = 0 if report.ord_status in TERMINAL_STATUSES else report.order_qty - done
            assert (report.cum_qty, report.leaves_qty) == (done, open_quantity)
            assert done <= report.order_qty
            if done:
                assert report.avg_px is not None
                assert abs(report.avg_px * done - spent) * 2 <= done


@MANY
@STORIES
def test_no_fill_outside_the_limit_or_better_than_the_quote_in_force(story: list[Message], core: CoreConfig) -> None:
    desk = Desk(core)
    known: list[tuple[int, int, int, int, int]] = []
    limit: dict[str, int | None] = {}
    for message in story:
        if isinstance(message, MarketData):
            known += quotes_in(message)
        for report in of(ExecutionReport, desk.send(message)):
            if report.exec_type in (ExecType.NEW, ExecType.REPLACED):
                limit[report.order_id] = report.price
            if report.last_px is not None:
                _check_price(report, limit[report.order_id], known)


def _check_price(report: ExecutionReport, limit: int | None, known: list[tuple[int, int, int, int, int]]) -> None:
    assert report.last_px is not None
    if report.liquidity is Liquidity.ADDED:
        assert report.last_px == limit
    if report.trade_px is not None:
        assert report.liquidity is Liquidity.ADDED
        assert report.trade_px <= report.last_px if report.side is Side.BUY else report.trade_px >= report.last_px
        return
    bid, bid_sz, ask, ask_sz = next(row[1:] for row in reversed(known) if _is_in_force(row, report))
    assert not [row for row in known if report.quote_ts is not None and report.quote_ts < row[0] < report.ts]
    buying = report.side is Side.BUY
    assert (ask_sz if buying else bid_sz) != 0, "an absent side trades nothing"
    worst = limit if limit is not None else (10**18 if buying else 0)
    assert (ask <= report.last_px <= worst) if buying else (bid >= report.last_px >= worst)
    assert (limit is None) == (report.order_type is OrderType.MARKET)


def _is_in_force(row: tuple[int, int, int, int, int], report: ExecutionReport) -> bool:
    time_ns, bid, bid_sz, ask, ask_sz = row
    shown = (bid if bid_sz else None, ask if ask_sz else None)
    return time_ns == report.quote_ts and shown == (report.bid_px, report.ask_px)


@MANY
@given(stories(), st.sampled_from(TOP_OF_BOOK))
def test_displayed_size_is_used_once(story: list[Message], core: CoreConfig) -> None:
    """Compares by side and source time; quotes of one source time count together. Another test covers trades."""
    desk = played(story, core)
    shown: Counter[tuple[Side, int]] = Counter()
    unlimited = set()
    for message in story:
        for time_ns, _, bid_sz, _, ask_sz in quotes_in(message) if isinstance(message, MarketData) else ():
            for side, size in ((Side.SELL, bid_sz), (Side.BUY, ask_sz)):
                shown[side, time_ns] += max(size, 0)
                if size < 0:
                    unlimited.add((side, time_ns))
    used: Counter[tuple[Side, int]] = Counter()
    for fill in desk.fills:
        assert fill.quote_ts is not None
        if fill.trade_px is None:
            used[fill.side, fill.quote_ts] += fill.quantity
    assert all(quantity <= shown[key] for key, quantity in used.items() if key not in unlimited)


@MANY
@STORIES
def test_positions_and_cash_are_the_sum_of_fills(story: list[Message], core: CoreConfig) -> None:
    desk = played(story, core)
    cash: dict[str | None, int] = defaultdict(lambda: money("1000000"))
    held: Counter[tuple[str | None, str]] = Counter()
    for fill in desk.fills:
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        cash[fill.session_id] -= signed * fill.price + fill.commission
        held[fill.session_id, fill.symbol] += signed
        assert (fill.cash, fill.position_qty) == (cash[fill.session_id], held[fill.session_id, fill.symbol])
    for position in of(PositionReport, desk.outputs):
        assert (position.quantity == 0) == (position.avg_px is None)
    for equity in of(AccountEquity, desk.outputs):
        assert equity.equity == equity.cash + equity.position_value
        assert equity.equity - money("1000000") == equity.realised_pnl + equity.unrealised_pnl
        assert equity.drawdown == equity.equity - equity.peak_equity <= 0
    assert [(item.exec_id, item.order_id) for item in desk.fills] == [
        (item.exec_id, item.order_id) for item in desk.executions if item.last_qty is not None
    ]


@MANY
@STORIES
def test_ids_are_unique_and_time_never_steps_back(story: list[Message], core: CoreConfig) -> None:
    desk = played(story, core)
    for ids in (
        [item.exec_id for item in desk.executions],
        [item.result_id for item in desk.results] + [item.event_id for item in of(RiskEvent, desk.outputs)],
    ):
        assert len(ids) == len(set(ids))
    for times in ([item.ts for item in desk.executions], [item.ts for item in desk.results]):
        assert times == sorted(times)
