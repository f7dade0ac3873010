"""Turns records into notices, if they pass the filters of a rule."""

from __future__ import annotations

from typing import Any, NamedTuple

from infra.kafka.topics import DEAD_LETTER_TOPICS
from schemas.records.enums import RiskEventKind
from schemas.records.gate_messages import GateDecision
from schemas.records.messages import Fill, RiskEvent
from schemas.records.numbers import money_text, price_text, to_money
from streams.operations.notify.notice import Notice, NoticePlace, one_line
from streams.operations.notify.notify_rules import NotifyRule
from streams.pipeline.journal.raw_records import RawRecord

WATCHED_TOPICS: dict[str, tuple[str, ...]] = {
    "risk-events": ("risk.events",),
    "rejects": ("risk.events",),
    "fills": ("fills",),
    "gate": ("gate.decisions",),
    "dead-letters": tuple(topic.name for topic in DEAD_LETTER_TOPICS),
}
"""The topics, by base name, that a rule reads; a rule that watches the health reads none."""


class _Told(NamedTuple):
    heading: str
    text: str
    key: str


def record_notice(
    rule: NotifyRule, place: NoticePlace, record: RawRecord, message: Any, is_repeat: bool
) -> Notice | None:
    """Returns the notice of a record, or None if it does not pass. message: decoded; None for a dead letter."""
    match message:
        case RiskEvent():
            told = _of_risk_event(rule, message)
        case Fill():
            told = _of_fill(rule, message)
        case GateDecision():
            told = _of_decision(rule, message)
        case _:
            told = _of_letter(place, record)
    if told is None:
        return None
    return Notice(told.heading, one_line(told.text), told.key, record.timestamp_ns, (place,), is_repeat)


def _passes(rule: NotifyRule, account: str, strategy: str | None, symbol: str | None) -> bool:
    pairs = ((rule.accounts, account), (rule.strategies, strategy), (rule.symbols, symbol))
    return all(not wanted or value in wanted for wanted, value in pairs)


def _of_risk_event(rule: NotifyRule, event: RiskEvent) -> _Told | None:
    if not _passes(rule, event.account_id, event.strategy_id, event.symbol):
        return None
    if rule.watch == "rejects" and event.kind != RiskEventKind.ORDER_REJECTED:
        return None
    if rule.kinds and event.kind not in rule.kinds:
        return None
    heading = event.kind.replace("_", " ").capitalize()
    if event.kind == RiskEventKind.BREAKER_TRANSITION:
        heading = f"Breaker {event.breaker_state}"
    who = f" by {event.actor}: {event.reason or 'no reason given'}" if event.actor else ""
    subject = " ".join(filter(None, [event.account_id or "all accounts", event.breaker, event.symbol, event.code]))
    return _Told(heading, f"{subject}: {event.text}{who}", event.account_id)


def _of_fill(rule: NotifyRule, fill: Fill) -> _Told | None:
    if not _passes(rule, fill.account_id, fill.strategy_id, fill.symbol):
        return None
    if (rule.currency and fill.currency != rule.currency) or abs(fill.notional) < to_money(rule.notional_at_least):
        return None
    size = f"{fill.side} {price_text(fill.quantity)} {fill.symbol} at {price_text(fill.price)}"
    worth = f"{money_text(abs(fill.notional))} {fill.currency}"
    return _Told("Fill", f"{fill.account_id}: {size}, worth {worth}, order {fill.order_id}", fill.account_id)


def _of_decision(rule: NotifyRule, decision: GateDecision) -> _Told | None:
    if not _passes(rule, "", decision.strategy_id, None) or (rule.kinds and decision.kind not in rule.kinds):
        return None
    who = f" by {decision.actor}" if decision.actor else ""
    text = f"strategy {decision.strategy_id}: {decision.level}{who}, decision {decision.decision_id}"
    return _Told(f"Gate {decision.kind}", f"{text}: {decision.reason}" if decision.reason else text, "")


def _of_letter(place: NoticePlace, record: RawRecord) -> _Told:
    headers = dict(record.headers)
    error, text = (headers.get(name, b"").decode(errors="backslashreplace") for name in ("error_class", "message"))
    return _Told(f"Dead letter on {record.topic}", f"offset {place.offset}: {error}: {text}", record.topic)
