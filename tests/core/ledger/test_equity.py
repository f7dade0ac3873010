"""Booking and marking of positions, cash and equity: triggers, intervals, peak and drawdown."""

from __future__ import annotations

import pytest

from schemas.records.enums import EquityTrigger, ExecType, Side
from schemas.records.messages import AccountEquity, PositionReport
from schemas.records.output import RecordRefused
from tests.builders import (
    SECOND,
    START,
    config,
    fee,
    heartbeat,
    instrument,
    money,
    new,
    opening,
    px,
    quote,
    quotes,
)
from tests.core.desk import Desk, of, ready

BUY, SELL = Side.BUY, Side.SELL
MINUTE = 60 * SECOND
FIRST_DUE = (START // MINUTE + 1) * MINUTE


def equities(desk: Desk, trigger: EquityTrigger | None = None) -> list[AccountEquity]:
    return [item for item in of(AccountEquity, desk.outputs) if trigger in (None, item.trigger)]


def test_a_fill_moves_cash_position_and_equity_together() -> None:
    desk = ready(config(instruments=(instrument(fee=fee(taker="0.001", per_unit="0.01")),)))
    desk.send(new("o", BUY, "50"))
    (fill,), (position,), (equity,) = desk.fills, of(PositionReport, desk.outputs), equities(desk)
    commission = money("0.501") + money("0.50")
    assert (fill.notional, fill.commission) == (money("501"), commission)
    assert fill.cash == equity.cash == money("1000000") - money("501") - commission
    assert fill.realised_pnl == position.realised_pnl == equity.realised_pnl == -commission
    assert (fill.position_qty, fill.position_avg_px) == (position.quantity, position.avg_px) == (px("50"), px("10.02"))
    assert (position.cost, position.commission, position.exec_id) == (money("501"), commission, fill.exec_id)
    assert equity.position_value == 50 * money("10.01")
    assert equity.unrealised_pnl == money("-0.50")
    assert equity.equity == equity.cash + equity.position_value
    assert (equity.peak_equity, equity.drawdown) == (money("1000000"), equity.equity - money("1000000"))
    assert equity.trigger is EquityTrigger.FILL


def test_positions_go_to_the_accounts_own_partition() -> None:
    desk = ready()
    (output,) = [item for item in desk.send(new("o", BUY, "1")) if item.topic == "positions"]
    assert (output.key, output.partition) == ("A|ABC", 0)


def test_equity_is_told_once_for_each_interval_that_passed() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10"))
    for after in (FIRST_DUE - 1, FIRST_DUE, FIRST_DUE + 1, FIRST_DUE + MINUTE - 1, FIRST_DUE + 5 * MINUTE):
        desk.send(quote("11.00", "11.02", at=after))
    told = equities(desk, EquityTrigger.INTERVAL)
    assert [item.ts for item in told] == [FIRST_DUE, FIRST_DUE + 5 * MINUTE]
    assert told[0].equity == money("1000000") + money("9.90")


def test_a_heartbeat_fires_the_interval_too() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10"), heartbeat(FIRST_DUE))
    assert [item.ts for item in equities(desk, EquityTrigger.INTERVAL)] == [FIRST_DUE]


def test_only_accounts_with_positions_are_told_at_intervals() -> None:
    desk = ready()
    desk.send(opening("B"), new("b", BUY, "10"), new("x", BUY, "10", account="B"), new("s", SELL, "10"))
    desk.outputs.clear()
    desk.send(heartbeat(FIRST_DUE))
    assert [item.account_id for item in equities(desk)] == ["B"]


def test_the_peak_rises_with_equity_and_the_drawdown_is_measured_from_it() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10"))
    prices = ("10.50", "12.00", "11.00", "9.00", "12.50")
    for step, bid in enumerate(prices):
        desk.send(quotes((FIRST_DUE + step * MINUTE, bid, "100", bid, "100")))
    told = equities(desk, EquityTrigger.INTERVAL)
    start = money("1000000") - money("100.20")
    expected_peaks = [max(money("1000000"), *(start + 10 * money(bid) for bid in prices[: n + 1])) for n in range(5)]
    assert [item.equity for item in told] == [start + 10 * money(bid) for bid in prices]
    assert [item.peak_equity for item in told] == expected_peaks
    assert [item.drawdown for item in told] == [item.equity - item.peak_equity for item in told]
    assert told[3].drawdown == money("-30")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("10.00", "1", "10.01", "1"), "10.005"),
        (("10.00", "1", "0", "0"), "10.00"),
        (("0", "0", "10.01", "1"), "10.01"),
        (("0.000000001", "1", "0.000000002", "1"), "0.000000002"),
        (("0.000000002", "1", "0.000000003", "1"), "0.000000002"),
        (("10.02", "-1e-9", "10.00", "-1e-9"), "10.01"),
    ],
)
def test_a_mark_is_the_middle_or_the_one_side_there_is(row: tuple[str, str, str, str], expected: str) -> None:
    desk = ready()
    desk.send(new("o", BUY, "10"), quotes((FIRST_DUE, *row)))
    assert equities(desk)[-1].position_value == 10 * money(expected)


def test_a_quote_without_both_sides_leaves_the_last_mark() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10"), quotes((FIRST_DUE, "0", "0", "0", "0")))
    assert equities(desk)[-1].position_value == 10 * money("10.01")


def test_a_fill_before_any_mark_values_at_its_price() -> None:
    desk = ready(hold=True, market=False)
    desk.send(quote(), new("o", BUY, "10", "10.02"))
    desk.to_accounts.clear()
    desk.deliver_all()
    assert equities(desk)[-1].unrealised_pnl == 0


def test_an_execution_without_its_order_is_refused_and_changes_nothing() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10"))
    desk.deliver_to_venue()
    report = desk.executions[-1]
    desk.deliver_all()
    before = desk.state()
    for wrong in (report, report._replace(account_id="B"), report._replace(exec_type=ExecType.NEW, ts=START + SECOND)):
        with pytest.raises(RecordRefused) as refused:
            desk.accounts.apply(wrong, None)
        assert refused.value.rule == "EXECUTION_WITHOUT_ORDER"
        assert report.exec_id in refused.value.text
        assert desk.state() == before
    with pytest.raises(RecordRefused):
        desk.accounts.apply(report, START + SECOND)
    assert desk.state() == before


def test_shards_name_messages_that_are_not_theirs() -> None:
    desk = ready()
    with pytest.raises(TypeError, match="takes no MarketData"):
        desk.accounts.apply(quote(), None)
    with pytest.raises(TypeError, match="takes no OrderRequest"):
        desk.execution.apply(new("o"), None)
