"""Losses, stops and kills limit an account over a day, through close and reopen of its sessions."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import BreakerState, ControlKind, RiskEventKind, Side, TradingState
from schemas.records.messages import Control, RiskEvent
from schemas.records.numbers import NANOS_PER_DAY
from tests.builders import SECOND, START, config, control, limits, new, opening, quote, state_of_trading
from tests.core.desk import Desk, last, of

BUY, SELL = Side.BUY, Side.SELL
CASH = "2000"
closing = control(ControlKind.SESSION_CLOSE, control_id="close-1")
LOSS = {"kind": "loss", "amount": "50"}
PERCENT = {"kind": "loss", "percent": "2.5"}
OF_DAY = PERCENT | {"day_start": "equity", "percent_of": "day_start"}
FALL = {"kind": "drawdown", "since": "day", "amount": "50"}
FLOOR = {"kind": "drawdown", "since": "account", "amount": "50"}
STATIC = FLOOR | {"peak": "start", "amount": None, "percent": "2.5", "percent_of": "initial"}
WINDOW = {"kind": "loss", "window_ms": 3_600_000, "amount": "50"}
BY_SYMBOL = {"kind": "loss", "by_symbol": True, "amount": "50"}
REALISED = {"kind": "loss", "measure": "realised", "amount": "50"}


def after_a_loss_of_30(breaker: dict[str, Any], **changes: Any) -> Desk:
    """An account of 2000 that has bought 100 at 10.02 and sold them at 9.72."""
    desk = Desk(config(limits=limits(breakers={"b": breaker}, leverage="10"), **changes))
    desk.send(opening(cash=CASH), quote(), new("b1", BUY, "100"))
    desk.send(quote("9.72", "9.74", at=START + SECOND), new("s1", SELL, "100"), closing)
    assert desk.account().ledger.cash == desk.account().opening_cash - 30 * 10**18
    return desk


def transitions(desk: Desk) -> list[RiskEvent]:
    return [item for item in of(RiskEvent, desk.outputs) if item.kind is RiskEventKind.BREAKER_TRANSITION]


def lose(desk: Desk, start: int, *cents: int) -> int | None:
    """Buys 100 at 10.02 and lets the market fall by these cents; returns those at which the breaker opened."""
    desk.send(quote("10.02", "10.02", at=start), new("b2", BUY, "100"))
    for step, fall in enumerate(cents, 1):
        price = f"{(1002 - fall) / 100:.2f}"
        desk.send(quote(price, price, at=start + step * SECOND))
        if transitions(desk):
            return fall
    return None


REOPENINGS = [
    pytest.param(LOSS, CASH, 20, id="loss, the same cash"),
    pytest.param(LOSS, "1970", 20, id="loss, the cash that is left"),
    pytest.param(LOSS, "90000", 20, id="loss, much more cash"),
    pytest.param(LOSS, "500", 20, id="loss, less cash"),
    pytest.param(REALISED, "90000", None, id="realised loss, which a mark does not change"),
    pytest.param(FALL, "90000", 20, id="drawdown of the day"),
    pytest.param(WINDOW, "90000", 20, id="loss of a window"),
    pytest.param(BY_SYMBOL, "90000", 20, id="loss of the instrument"),
    pytest.param(PERCENT, CASH, 20, id="percent of the same cash"),
    pytest.param(PERCENT, "4000", 70, id="percent of more cash: 100 less the 30 that are lost"),
    pytest.param(
        {"kind": "drawdown", "amount": "50"}, CASH, 50, id="a drawdown since inception begins with its session"
    ),
    pytest.param(OF_DAY, CASH, 20, id="percent of the equity at midnight"),
    pytest.param(PERCENT | {"percent_of": "initial"}, "4000", 20, id="percent of the first session's cash"),
    pytest.param(FLOOR, CASH, 20, id="drawdown of the account, the same cash"),
    pytest.param(FLOOR, "1970", 20, id="drawdown of the account, the cash that is left"),
    pytest.param(FLOOR, "90000", 20, id="drawdown of the account, much more cash"),
    pytest.param(STATIC, "90000", 20, id="static floor: a percentage of the first session's cash"),
]


@pytest.mark.parametrize(("breaker", "cash", "opens_at"), REOPENINGS)
def test_the_loss_of_the_day_counts_in_the_next_session(
    breaker: dict[str, Any], cash: str, opens_at: int | None
) -> None:
    desk = after_a_loss_of_30(breaker)
    desk.send(opening(session="session-2", cash=cash))
    assert not transitions(desk)
    desk.restart()
    assert lose(desk, START + 10 * SECOND, 19, 20, 49, 50, 69, 70) == opens_at
    desk.send(new("next", BUY, "1"))
    assert last(desk, "next").reason_code == (None if opens_at is None else "BREAKER_OPEN")


def test_a_journal_from_before_this_rule_is_replayed_by_the_old_one() -> None:
    desk = after_a_loss_of_30(LOSS, days_outlive_sessions=False)
    desk.send(opening(session="session-2", cash=CASH))
    assert lose(desk, START + 10 * SECOND, 49, 50) == 50


def test_a_limit_that_is_reached_already_opens_its_breaker_with_the_session() -> None:
    desk = after_a_loss_of_30(PERCENT)
    outputs = desk.send(opening(session="session-2", cash="1200"))
    opened, event = of(RiskEvent, outputs)
    assert (opened.kind, event.breaker_state) == (RiskEventKind.SESSION_OPENED, BreakerState.OPEN)
    assert (event.observed_value, event.limit_value, event.session_id) == ("30", "30", "session-2")
    desk.send(new("n", BUY, "1"))
    assert last(desk, "n").reason_code == "BREAKER_OPEN"


def test_what_the_day_has_won_counts_too() -> None:
    desk = Desk(config(limits=limits(breakers={"b": LOSS}, leverage="10")))
    desk.send(opening(cash=CASH), quote(), new("b1", BUY, "100"))
    desk.send(quote("10.32", "10.34", at=START + SECOND), new("s1", SELL, "100"), closing)
    desk.send(opening(session="session-2", cash="500"))
    assert lose(desk, START + 10 * SECOND, 79, 80) == 80


def test_many_sessions_of_a_day_add_up() -> None:
    desk = after_a_loss_of_30(LOSS)
    for number, cash in enumerate(("5", "70000", CASH), 2):
        desk.send(opening(session=f"session-{number}", cash=cash), closing._replace(control_id=f"close-{number}"))
        desk.restart()
    desk.send(opening(session="session-9", cash="300"))
    assert lose(desk, START + 10 * SECOND, 19, 20) == 20


def test_a_loss_of_yesterday_does_not_count() -> None:
    desk = after_a_loss_of_30(LOSS)
    desk.send(quote(at=START + NANOS_PER_DAY), opening(session="session-2", cash=CASH))
    assert lose(desk, START + NANOS_PER_DAY + SECOND, 49, 50) == 50


def test_a_tighter_limit_of_the_next_session_knows_the_loss() -> None:
    desk = after_a_loss_of_30(LOSS)
    patch = '{"breakers": {"b": {"kind": "loss", "amount": "40", "flatten": true}}}'
    desk.send(opening(session="session-2", cash=CASH, limits=patch))
    assert lose(desk, START + 10 * SECOND, 9, 10) == 10


@pytest.mark.parametrize(("amount", "opens_at"), [("60", 30), ("40", 10)])
def test_a_limit_that_changes_in_the_session_knows_the_loss(amount: str, opens_at: int) -> None:
    desk = after_a_loss_of_30(LOSS)
    desk.send(opening(session="session-2", cash=CASH))
    desk.send(control(ControlKind.LIMITS, limits=f'{{"breakers": {{"b": {{"amount": "{amount}"}}}}}}'))
    assert lose(desk, START + 10 * SECOND, 9, 10, 29, 30) == opens_at


def test_a_limit_that_changes_to_one_that_is_reached_already_opens_its_breaker() -> None:
    desk = after_a_loss_of_30(LOSS)
    desk.send(opening(session="session-2", cash=CASH))
    patch = control(ControlKind.LIMITS, limits='{"breakers": {"b": {"amount": "30"}}}')
    changed, event = of(RiskEvent, desk.send(patch))
    assert (changed.kind, event.breaker_state) == (RiskEventKind.LIMITS_CHANGED, BreakerState.OPEN)
    assert (event.observed_value, event.limit_value, event.cause) == ("30", "30", "c1")


def test_windows_and_runs_go_on() -> None:
    desk = after_a_loss_of_30({"kind": "consecutive_losses", "limit": 2})
    desk.send(opening(session="session-2", cash=CASH), new("b2", BUY, "10"))
    assert not transitions(desk)
    desk.send(quote("9.70", "9.71", at=START + 2 * SECOND), new("s2", SELL, "10"))
    assert [event.observed_value for event in transitions(desk)] == ["2"]


STOPS = [
    pytest.param(state_of_trading(TradingState.HALTED), "TRADING_HALTED", id="halted"),
    pytest.param(state_of_trading(TradingState.REDUCING), "REDUCE_ONLY", id="reducing"),
    pytest.param(control(ControlKind.KILL, "A"), "KILLED", id="kill of the account"),
    pytest.param(control(ControlKind.KILL, None, strategy_id="s1"), "KILLED", id="kill of the strategy"),
    pytest.param(control(ControlKind.KILL, None, symbol="ABC"), "KILLED", id="kill of the symbol"),
    pytest.param(control(ControlKind.KILL, None), "KILLED", id="kill of all"),
]


@pytest.mark.parametrize(("stop", "code"), STOPS)
@pytest.mark.parametrize("when", ["in the session", "after it"])
def test_a_stop_stays_until_a_person_ends_it(stop: Control, code: str, when: str) -> None:
    desk = Desk()
    desk.send(opening(strategy_id="s1"), quote())
    desk.send(*((stop, closing) if when == "in the session" else (closing, stop)))
    desk.restart()
    desk.send(opening(session="session-2", strategy_id="s1", cash="5000"), new("n", BUY, "1"))
    assert last(desk, "n").reason_code == code


def test_an_account_with_breakers_of_money_keeps_its_currency_for_a_day() -> None:
    desk = after_a_loss_of_30(LOSS)
    (event,) = of(RiskEvent, desk.send(opening(session="session-2", currency="EUR")))
    assert event.kind is RiskEventKind.CONTROL_REJECTED
    assert "open the session in USD" in event.text
    desk.send(quote(at=START + NANOS_PER_DAY + 2 * SECOND), opening(session="session-3", currency="EUR"))
    assert (desk.account().session_id, desk.account().currency) == ("session-3", "EUR")
