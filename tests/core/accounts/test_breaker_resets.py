"""BREAKER_RESET: a person closes what latched, says why, and is told; what makes no sense changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records.enums import BreakerState, ControlKind, RiskEventKind, Side
from schemas.records.messages import ApprovedOrder, Control, RiskEvent
from tests.builders import control, new, opening, quote
from tests.core.desk import Desk, last, of

BUY = Side.BUY
BREAKERS = {"breakers": {"loss": {"kind": "loss", "amount": "50"}}}


def tripped() -> Desk:
    """Account A has lost more than its limit at the mark."""
    desk = Desk()
    desk.send(opening(limits=json.dumps(BREAKERS)), quote("10.00", "10.02"), new("b", BUY, "100"))
    events = of(RiskEvent, desk.send(quote("9.00", "9.02")))
    assert [event.breaker_state for event in events] == [BreakerState.OPEN]
    return desk


def reset(breaker: str | None = "loss", account: str | None = "A", **changes: Any) -> Control:
    return control(ControlKind.BREAKER_RESET, account, "reset-1", breaker=breaker, **changes)


def test_a_latched_breaker_stops_orders_over_restarts_and_sessions_until_it_is_reset() -> None:
    desk = tripped()
    desk.restart()
    desk.send(new("n1", BUY, "1"))
    assert (last(desk, "n1").reason_code, last(desk, "n1").breaker) == ("BREAKER_OPEN", "loss")
    desk.send(control(ControlKind.SESSION_CLOSE, flatten=True), opening(session="session-2"))
    desk.send(new("n2", BUY, "1"))
    assert last(desk, "n2").reason_code == "BREAKER_OPEN"
    (event,) = of(RiskEvent, desk.send(reset()))
    assert (event.kind, event.breaker_state) == (RiskEventKind.BREAKER_TRANSITION, BreakerState.CLOSED)
    assert (event.actor, event.reason, event.control_id) == ("operator", "test", "reset-1")
    assert of(ApprovedOrder, desk.send(new("n3", BUY, "1")))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(reset("other"), id="no such breaker"),
        pytest.param(reset(None), id="no name"),
        pytest.param(reset(account="B"), id="a strange account"),
        pytest.param(reset(account=None), id="no such breaker of the desk"),
        pytest.param(reset(reason=""), id="no reason"),
    ],
)
def test_a_wrong_reset_changes_nothing_and_is_answered(wrong: Control) -> None:
    desk = tripped()
    (event,) = of(RiskEvent, desk.send(wrong))
    assert event.kind is RiskEventKind.CONTROL_REJECTED
    desk.send(new("n", BUY, "1"))
    assert last(desk, "n").reason_code == "BREAKER_OPEN"
