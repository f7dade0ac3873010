"""The kill switch: by account, strategy, symbol and for all; at once, across restarts and sessions, until resumed."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import Action, ControlKind, RiskEventKind, Side
from schemas.records.messages import ApprovedOrder, Control, RiskEvent
from tests.builders import SECOND, START, cancel, config, control, new, opening, quote, replace
from tests.core.desk import Desk, last, of, ready

BUY = Side.BUY
SCOPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all": ({"account": None}, {}),
    "account": ({"account": "A"}, {"account": "B"}),
    "strategy": ({"account": None, "strategy_id": "s1"}, {"strategy_id": "s2"}),
    "symbol": ({"account": None, "symbol": "ABC"}, {"symbol": "XYZ"}),
}
"""Who is killed, and fields of an order that is not meant ({}: there is none)."""


def command(kind: ControlKind, account: str | None = None, **fields: Any) -> Control:
    return control(kind, account, f"{kind.lower()}-1", **fields)


def desk_of_two() -> Desk:
    desk = ready()
    desk.send(opening("B"), quote(symbol="XYZ"))
    return desk


@pytest.mark.parametrize("scope", SCOPES)
def test_a_kill_cancels_what_works_and_refuses_what_comes_and_nothing_else(scope: str) -> None:
    killed, spared = SCOPES[scope]
    desk = desk_of_two()
    desk.send(new("w", BUY, "10", "9.00"))
    if spared:
        desk.send(new("s", BUY, "10", "9.00", **spared))
    (event,) = of(RiskEvent, desk.send(command(ControlKind.KILL, **killed)))
    assert (event.kind, event.actor, event.reason) == (RiskEventKind.KILLED, "operator", "test")
    assert "1 working orders are being canceled" in event.text
    assert last(desk, "w").ord_status == "CANCELED"
    desk.send(new("n", BUY, "10", "9.00"))
    assert (last(desk, "n").reason_code, last(desk, "n").terminal) == ("KILLED", True)
    assert event.event_id in str(last(desk, "n").text)
    if spared:
        assert last(desk, "s").ord_status == "NEW"
        assert of(ApprovedOrder, desk.send(new("s2", BUY, "10", "9.00", **spared)))


@pytest.mark.parametrize("scope", SCOPES)
def test_only_its_own_resume_lets_trade_again(scope: str) -> None:
    killed, _ = SCOPES[scope]
    desk = desk_of_two()
    desk.send(command(ControlKind.KILL, **killed))
    for other, (fields, _) in SCOPES.items():
        if other != scope:
            (event,) = of(RiskEvent, desk.send(command(ControlKind.RESUME, **fields)))
            assert event.kind is RiskEventKind.CONTROL_REJECTED
            assert "is not killed" in event.text
    desk.send(new("n1", BUY, "10", "9.00"))
    assert last(desk, "n1").reason_code == "KILLED"
    (event,) = of(RiskEvent, desk.send(command(ControlKind.RESUME, **killed)))
    assert event.kind is RiskEventKind.RESUMED
    assert of(ApprovedOrder, desk.send(new("n2", BUY, "10", "9.00")))


def test_a_kill_survives_a_restart_and_a_new_session() -> None:
    desk = ready()
    desk.send(command(ControlKind.KILL, "A"))
    desk.restart()
    desk.send(new("n", BUY, "10"))
    assert last(desk, "n").reason_code == "KILLED"
    desk.send(control(ControlKind.SESSION_CLOSE), opening(session="session-2"), new("m", BUY, "10"))
    assert last(desk, "m").reason_code == "KILLED"


NAMINGS = [
    pytest.param("rsi", {None: True, "rsi": True, "rsi:Rsi": True}, id="the session's strategy"),
    pytest.param("rsi:Rsi", {None: False, "rsi": False, "rsi:Rsi": True}, id="the order's own"),
    pytest.param("other", {None: False, "rsi": False, "rsi:Rsi": False}, id="neither"),
]
"""Who is killed, and whether an order that names a strategy is stopped in a session of rsi."""


@pytest.mark.parametrize(("killed", "stopped"), NAMINGS)
def test_a_kill_covers_the_strategy_of_the_session_whatever_an_order_calls_itself(
    killed: str, stopped: dict[str | None, bool]
) -> None:
    desk = Desk()
    desk.send(opening(strategy_id="rsi"), quote())
    for name in stopped:
        desk.send(new(f"working {name}", BUY, "10", "9.00", strategy_id=name))
        desk.send(new(f"early {name}", BUY, "10", "9.00", strategy_id=name, ts=START + 60 * SECOND))
    desk.send(command(ControlKind.KILL, strategy_id=killed))
    for name, is_stopped in stopped.items():
        assert (f"working {name}" in desk.account().ledger.working) is not is_stopped
        assert (f"early {name}" in desk.account().early) is not is_stopped
        desk.send(new(f"new {name}", BUY, "10", strategy_id=name))
        assert (last(desk, f"new {name}").reason_code == "KILLED") is is_stopped
        if not is_stopped:
            desk.send(replace(f"replace {name}", f"working {name}", price="9.01"))
            assert last(desk, f"working {name}").reason_code is None


def test_a_journal_from_before_this_rule_is_replayed_by_the_old_one() -> None:
    desk = Desk(config(kills_reach_sessions=False))
    desk.send(opening(strategy_id="rsi"), quote(), command(ControlKind.KILL, strategy_id="rsi"))
    desk.send(new("n", BUY, "10", strategy_id=None), new("m", BUY, "10", strategy_id="rsi:Rsi"))
    assert (last(desk, "n").reason_code, last(desk, "m").reason_code) == ("KILLED", None)


def test_replaces_are_refused_and_cancels_pass() -> None:
    desk = ready(hold=True)
    desk.send(new("w", BUY, "10", "9.00"))
    desk.deliver_all()
    desk.send(command(ControlKind.KILL, "A"), replace("r", "w", price="9.01"), cancel("c", "w"))
    sent = [(item.action, item.order_id) for item in desk.to_venue if isinstance(item, ApprovedOrder)]
    assert sent == [(Action.CANCEL, "kill-1:w"), (Action.CANCEL, "c")]
    assert desk.results[-1].reason_code == "KILLED"


def test_a_kill_of_one_batch_stops_the_next_order_of_the_same_batch() -> None:
    desk = ready(hold=True)
    outputs = desk.send(new("before", BUY, "10"), command(ControlKind.KILL), new("after", BUY, "10"))
    approved = [(item.action, item.order_id) for item in of(ApprovedOrder, outputs)]
    assert approved == [(Action.NEW, "before"), (Action.CANCEL, "kill-1:before")]


def test_a_repeated_kill_is_answered_and_keeps_the_first_event() -> None:
    desk = ready()
    first, second = (of(RiskEvent, desk.send(command(ControlKind.KILL)))[0] for _ in range(2))
    assert second.kind is RiskEventKind.KILLED
    desk.send(new("n", BUY, "10"))
    assert first.event_id in str(last(desk, "n").text)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(command(ControlKind.KILL, "A", symbol="ABC"), id="two targets"),
        pytest.param(command(ControlKind.KILL, "Z"), id="a strange account"),
        pytest.param(command(ControlKind.RESUME), id="nothing is killed"),
        pytest.param(command(ControlKind.KILL, reason=" "), id="no reason"),
        pytest.param(command(ControlKind.KILL, actor=""), id="no actor"),
    ],
)
def test_a_wrong_command_changes_nothing_and_is_answered_once(wrong: Control) -> None:
    desk = desk_of_two()
    (event,) = of(RiskEvent, desk.send(wrong))
    assert event.kind is RiskEventKind.CONTROL_REJECTED
    assert of(ApprovedOrder, desk.send(new("n", BUY, "10")))


def test_a_session_of_named_instruments_trades_no_other() -> None:
    desk = Desk()
    desk.send(opening(instruments="XYZ"), quote(), quote(symbol="XYZ"), new("a", BUY, "1"))
    assert last(desk, "a").reason_code == "NOT_IN_SESSION"
    desk.restart()
    assert of(ApprovedOrder, desk.send(new("x", BUY, "1", symbol="XYZ")))


@pytest.mark.parametrize("scope", SCOPES)
def test_a_kill_with_flatten_closes_what_is_named(scope: str) -> None:
    killed, _ = SCOPES[scope]
    desk = Desk()
    desk.send(opening(strategy_id="s1"), opening("B", strategy_id="s2"), quote(), quote(symbol="XYZ"))
    for account in ("A", "B"):
        desk.send(new("b", BUY, "10", account=account), new("x", BUY, "10", symbol="XYZ", account=account))
    desk.send(command(ControlKind.KILL, flatten=True, **killed))
    held = {
        (account, symbol)
        for account in ("A", "B")
        for symbol in ("ABC", "XYZ")
        if desk.account(account).ledger.position_quantity(symbol)
    }
    left = {
        "all": set(),
        "account": {("B", "ABC"), ("B", "XYZ")},
        "strategy": {("B", "ABC"), ("B", "XYZ")},
        "symbol": {("A", "XYZ"), ("B", "XYZ")},
    }
    assert held == left[scope]
