"""Records become notices if they pass a rule's filters; refusals become one at a rate."""

from __future__ import annotations

from typing import Any

import pytest

from infra.kafka.topics import DEAD_LETTER_TOPICS
from schemas.records.enums import BreakerState, GateDecisionKind, Liquidity, RiskEventKind, Side, TradingLevel
from schemas.records.gate_messages import GateDecision
from schemas.records.messages import Fill, RiskEvent
from schemas.records.numbers import to_money, to_price
from streams.operations.notify.notice import TEXT_CHARS_MAX, Notice, NoticePlace
from streams.operations.notify.notify_rules import NotifyRule
from streams.operations.notify.record_notice import record_notice
from streams.operations.notify.reject_rate import NANOS_PER_S, RejectRate
from streams.pipeline.journal.raw_records import RawRecord


def rule(watch: str, **fields: Any) -> NotifyRule:
    """Returns a rule."""
    return NotifyRule.model_validate({"name": "r", "watch": watch, "to": ["desk"]} | fields)


def told(by: NotifyRule, message: Any, topic: str = "risk.events", headers: Any = ()) -> Notice | None:
    """Returns the notice of a record."""
    record = RawRecord(topic, 0, 7, b"A", b"", 5, headers)
    return record_notice(by, NoticePlace(topic, 0, 7), record, message, False)


def event(kind: RiskEventKind = RiskEventKind.KILLED, account: str = "A", **changes: Any) -> RiskEvent:
    """Returns a risk event."""
    empty = RiskEvent("e1", kind, account, None, None, None, None, "stopped", None, None, None, None, 0)
    return empty._replace(**changes)


def fill(notional: str, currency: str = "USD") -> Fill:
    """Returns a fill of one unit."""
    one, price = to_price(1), to_price(notional)
    return Fill(
        exec_id="x1",
        order_id="o1",
        account_id="A",
        session_id=None,
        strategy_id="momentum",
        symbol="ACME.SIM",
        side=Side.BUY,
        quantity=one,
        price=price,
        notional=to_money(notional),
        commission=0,
        currency=currency,
        liquidity=Liquidity.REMOVED,
        realised_pnl=0,
        position_qty=one,
        position_avg_px=price,
        cash=0,
        simulator=None,
        bid_px=None,
        bid_sz=None,
        ask_px=None,
        ask_sz=None,
        quote_ts=None,
        ts=0,
    )


@pytest.mark.parametrize(
    ("fields", "passes"),
    [
        ({}, True),
        ({"kinds": ["KILLED"]}, True),
        ({"kinds": ["RESUMED"]}, False),
        ({"accounts": ["B"]}, False),
        ({"strategies": ["momentum"]}, False),
    ],
)
def test_a_risk_event_passes_the_filters_or_not(fields: dict[str, Any], passes: bool) -> None:
    assert (told(rule("risk-events", **fields), event()) is not None) == passes


def test_a_notice_names_who_did_it_and_why() -> None:
    found = told(rule("risk-events"), event(actor="bob", reason="too\nfast\x1b[2J"))
    assert found is not None
    assert found.heading == "Killed"
    assert found.text == "A: stopped by bob: too fast\\x1b[2J"


def test_a_breaker_is_named_with_its_state() -> None:
    changes = {"breaker": "daily-loss", "breaker_state": BreakerState.OPEN, "text": "x" * 2_000}
    found = told(rule("risk-events"), event(RiskEventKind.BREAKER_TRANSITION, **changes))
    assert found is not None
    assert found.heading == "Breaker OPEN"
    assert found.text.startswith("A daily-loss: xxx")
    assert len(found.text) == TEXT_CHARS_MAX


@pytest.mark.parametrize(
    ("notional", "currency", "passes"),
    [("100", "USD", True), ("-100", "USD", True), ("99.99", "USD", False), ("500", "EUR", False)],
)
def test_a_fill_above_a_size_of_its_currency_is_told(notional: str, currency: str, passes: bool) -> None:
    found = told(rule("fills", currency="USD", notional_at_least=100), fill(notional, currency), "fills")
    assert (found is not None) == passes


def test_a_decision_of_the_gate_is_told() -> None:
    decision = GateDecision(
        "d1", "momentum", GateDecisionKind.REVOKED, TradingLevel.PAPER_ONLY, "[]", "", "", "bob", "drift", None, 0
    )
    found = told(rule("gate", kinds=["REVOKED"]), decision, "gate.decisions")
    assert found is not None
    assert (found.heading, found.text) == (
        "Gate REVOKED",
        "strategy momentum: PAPER_ONLY by bob, decision d1: drift",
    )
    assert told(rule("gate", kinds=["APPROVED"]), decision, "gate.decisions") is None


def test_a_dead_letter_is_told_whatever_its_headers_hold() -> None:
    topic = DEAD_LETTER_TOPICS[0].name
    found = told(rule("dead-letters"), None, topic, (("error_class", b"WRONG_MAGIC"), ("message", b"\xff bad")))
    assert found is not None
    assert found.heading == f"Dead letter on {topic}"
    assert found.text == "offset 7: WRONG_MAGIC: \\xff bad"
    assert told(rule("dead-letters"), None, topic) is not None


def refusal(second: int, account: str = "A") -> Notice:
    """Returns the notice of a refused order."""
    return Notice("Order rejected", f"at {second}", account, second * NANOS_PER_S, (NoticePlace("t", 0, second),))


def test_refusals_of_one_account_within_the_window_are_one_notice() -> None:
    rate = RejectRate(3, 10)
    assert [rate.take(refusal(second)) for second in (0, 1)] == [None, None]
    assert rate.take(refusal(2, "B")) is None
    full = rate.take(refusal(9))
    assert full is not None
    assert full.text == "A: 3 refused within 10 s; the last: at 9"
    assert [place.offset for place in full.places] == [0, 1, 9]
    assert [place.offset for place in rate.places()] == [2]
    assert rate.take(refusal(10)) is None


def test_old_refusals_do_not_count_and_hold_nothing() -> None:
    rate = RejectRate(2, 10)
    rate.take(refusal(0))
    assert rate.take(refusal(11)) is None
    rate.forget(30 * NANOS_PER_S)
    assert not list(rate.places())
