"""Operators' commands: sessions, trading states and limits. A wrong command changes nothing."""

from __future__ import annotations

import json

import pytest

from schemas.records.enums import Action, ControlKind, EquityTrigger, ExecType, RiskEventKind, Side, TradingState
from schemas.records.messages import AccountEquity, ApprovedOrder, Control, OrderResult, RiskEvent
from tests.builders import cancel, config, control, limits, money, new, opening, px, quote, state_of_trading
from tests.core.desk import Desk, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
closing = control(ControlKind.SESSION_CLOSE, control_id="close-1")


def test_a_session_opens_with_its_cash_and_the_configured_limits() -> None:
    desk = Desk(config(limits=limits(max_position="77")))
    outputs = desk.send(opening(cash="1234.5", strategy_id="s9"))
    (event,), (equity,) = of(RiskEvent, outputs), of(AccountEquity, outputs)
    assert (event.kind, event.session_id, event.control_id) == (
        RiskEventKind.SESSION_OPENED,
        "session-1",
        "open-A-session-1",
    )
    assert (event.actor, event.reason) == ("operator", "test")
    assert (equity.trigger, equity.cash, equity.equity, equity.drawdown) == (
        EquityTrigger.SESSION_OPEN,
        money("1234.5"),
        money("1234.5"),
        0,
    )
    account = desk.account()
    assert (account.trading_state, account.strategy_id) == (TradingState.ACTIVE, "s9")
    assert account.limits == limits(max_position="77")


def test_a_session_may_open_with_limits_of_its_own() -> None:
    desk = Desk()
    desk.send(opening(limits='{"max_position": "5", "max_order_notional": 1000.5}'))
    held = desk.account().limits
    assert held == limits(max_position="5", max_order_notional="1000.5")
    assert held.max_order_quantity == config().limits.max_order_quantity


WRONG_LIMITS = [
    None,
    "",
    "null",
    "not json",
    "[]",
    '{"leverage": null}',
    '{"max_position": "0"}',
    '{"max_position": "-1"}',
    '{"max_position": "NaN"}',
    '{"max_position": "1e30"}',
    '{"max_position": "0.0000000001"}',
    '{"max_positon": "5"}',
    '{"max_position": "5", "max_order_quantity": "x"}',
]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(opening(), id="already open"),
        pytest.param(opening("B", session_id=None), id="no session id"),
        pytest.param(opening("B", currency=None), id="no currency"),
        pytest.param(opening("B", opening_cash=None), id="no cash"),
        pytest.param(opening("B")._replace(account_id=None), id="no account"),
        pytest.param(closing._replace(session_id="session-2"), id="close another session"),
        pytest.param(closing._replace(account_id="B"), id="close a strange account"),
        pytest.param(state_of_trading(TradingState.UNKNOWN), id="no trading state"),
        pytest.param(state_of_trading(TradingState.HALTED, "B"), id="state of a strange account"),
        pytest.param(control(ControlKind.UNKNOWN), id="unknown kind"),
        *[pytest.param(control(ControlKind.LIMITS, limits=text), id=f"limits {text}") for text in WRONG_LIMITS],
        *[pytest.param(opening("B", limits=text), id=f"open with limits {text}") for text in WRONG_LIMITS if text],
    ],
)
def test_a_wrong_command_is_answered_and_changes_nothing(command: Control) -> None:
    desk = ready()
    desk.send(new("w", BUY, "10", "9.00"))
    before = [account.to_state() for account in desk.accounts.accounts.values()]
    outputs = desk.send(command)
    (event,) = of(RiskEvent, outputs)
    assert len(outputs) == 1
    assert (event.kind, event.code, event.control_id) == (
        RiskEventKind.CONTROL_REJECTED,
        "CONTROL_REJECTED",
        command.control_id,
    )
    assert command.control_id in event.text
    assert outputs[0].partition == 0
    assert [account.to_state() for account in desk.accounts.accounts.values()] == before


def test_limits_change_what_they_name() -> None:
    desk = ready()
    before = desk.account().limits
    (event,) = of(RiskEvent, desk.send(control(ControlKind.LIMITS, limits='{"max_order_quantity": "7"}')))
    assert event.kind is RiskEventKind.LIMITS_CHANGED
    assert before == limits()
    assert desk.account().limits == limits(max_order_quantity="7")
    desk.send(control(ControlKind.LIMITS, limits='{"max_position": "9"}'))
    assert desk.account().limits == limits(max_order_quantity="7", max_position="9")


def test_a_command_without_account_is_for_all() -> None:
    desk = ready()
    desk.send(opening("B"))
    events = of(RiskEvent, desk.send(state_of_trading(TradingState.HALTED, None)))
    assert [(event.account_id, event.control_id) for event in events] == [("A", "c1"), ("B", "c1")]
    assert {account.trading_state for account in desk.accounts.accounts.values()} == {TradingState.HALTED}
    events = of(RiskEvent, desk.send(control(ControlKind.LIMITS, None, limits='{"max_position": "3"}')))
    assert [event.kind for event in events] == [RiskEventKind.LIMITS_CHANGED] * 2


def test_closing_all_closes_what_is_open() -> None:
    desk = ready()
    desk.send(opening("B"), control(ControlKind.SESSION_CLOSE, "B"))
    events = of(RiskEvent, desk.send(control(ControlKind.SESSION_CLOSE, None)))
    assert [(event.account_id, event.kind) for event in events] == [("A", RiskEventKind.SESSION_CLOSED)]


def test_closing_cancels_what_works_and_refuses_what_comes() -> None:
    desk = ready()
    desk.send(new("w1", BUY, "10", "9.00"), new("w2", SELL, "10", "11.00"))
    outputs = desk.send(closing)
    cancels = of(ApprovedOrder, outputs)
    assert [(item.action, item.order_id, item.orig_order_id) for item in cancels] == [
        (Action.CANCEL, "close-1:w1", "w1"),
        (Action.CANCEL, "close-1:w2", "w2"),
    ]
    assert {event.kind for event in of(RiskEvent, outputs)} == {RiskEventKind.SESSION_CLOSED}
    assert [item.trigger for item in of(AccountEquity, outputs)] == [EquityTrigger.SESSION_CLOSE]
    assert desk.account().ledger.working == {}
    (result,) = of(OrderResult, desk.send(new("late", BUY, "10")))
    assert (result.reason_code, result.terminal) == ("UNKNOWN_ACCOUNT", True)


def test_a_fill_on_its_way_is_booked_after_the_close() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10"), closing)
    desk.deliver_all()
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED", "CANCEL_REJECT/UNKNOWN"]
    assert desk.account().ledger.cash == money("1000000") - money("100.20")
    assert desk.account().ledger.position_quantity("ABC") == px("10")


def test_a_cancel_and_a_close_on_their_way_give_one_terminal_result() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10", "9.00"), cancel("c", "o"), closing)
    desk.deliver_all()
    assert [(result.exec_type, result.terminal) for result in desk.results] == [
        (ExecType.NEW, False),
        (ExecType.CANCELED, True),
        (ExecType.CANCEL_REJECT, False),
    ]


def test_a_new_session_needs_a_flat_account_without_orders() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10"))
    desk.deliver_all()
    desk.send(new("w", SELL, "10", "11.00"), closing)
    again = opening(session="session-2", cash="50")
    assert of(RiskEvent, desk.send(again))[0].kind is RiskEventKind.CONTROL_REJECTED
    desk.deliver_all()
    assert desk.account().ledger.working == {}
    assert of(RiskEvent, desk.send(again))[0].kind is RiskEventKind.CONTROL_REJECTED, "its position is still open"


def test_a_new_session_starts_from_its_own_cash_and_keeps_the_ids() -> None:
    desk = ready()
    desk.send(new("b", BUY, "10"), new("s", SELL, "10"), closing, opening(session="session-2", cash="50"))
    account = desk.account()
    assert (account.session_id, account.ledger.cash, account.peak_equity, account.ledger.positions) == (
        "session-2",
        money("50"),
        money("50"),
        {},
    )
    desk.send(quote(), new("b", BUY, "1"))
    assert desk.results[-1].reason_code == "DUPLICATE_ORDER_ID"
    desk.send(new("n", BUY, "1"))
    assert desk.fills[-1].session_id == "session-2"


def test_states_are_plain_json() -> None:
    desk = ready()
    desk.send(new("w", BUY, "150", "10.02"))
    for shard in (desk.accounts, desk.execution):
        assert json.loads(json.dumps(shard.to_state())) == shard.to_state()


def test_closing_with_flatten_closes_positions_and_lets_the_account_open_again() -> None:
    desk = ready()
    desk.send(new("b", BUY, "10"), new("w", SELL, "5", "11.00"))
    outputs = desk.send(closing._replace(flatten=True))
    assert {order.order_id for order in of(ApprovedOrder, outputs)} >= {"close-1:w", "flatten-close-1-ABC"}
    assert desk.account().ledger.position_quantity("ABC") == 0
    desk.send(opening(session="session-2"))
    assert desk.account().session_id == "session-2"


def test_a_closed_session_that_still_holds_something_may_be_flattened() -> None:
    desk = ready()
    desk.send(new("b", BUY, "10"), closing)
    assert desk.account().ledger.position_quantity("ABC") == px("10")
    (event,) = of(RiskEvent, desk.send(closing._replace(control_id="close-2", flatten=True)))
    assert event.kind is RiskEventKind.SESSION_CLOSED
    assert desk.account().ledger.position_quantity("ABC") == 0
    (event,) = of(RiskEvent, desk.send(closing._replace(control_id="close-3", flatten=True)))
    assert (event.kind, "holds nothing" in event.text) == (RiskEventKind.CONTROL_REJECTED, True)
