"""A floor under an account's equity: what trips it, what it says, and what survives a restart and a reopening."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import BreakerState, ControlKind, RiskEventKind, Side
from schemas.records.messages import RiskEvent
from schemas.records.numbers import NANOS_PER_DAY
from schemas.records.output import Message, Output
from tests.builders import SECOND, START, config, control, limits, new, opening, quote
from tests.core.desk import Desk, last, of

TRAILING = {
    "kind": "drawdown",
    "since": "account",
    "amount": "2500",
    "lock": True,
    "lock_above": "100",
    "at_floor": False,
}


def holding(breaker: dict[str, Any], cash: str = "50000", **changes: Any) -> Desk:
    """An account of 50,000 with one ABC from 10,000.00, so that its equity is 40,000 and the price."""
    desk = Desk(config(limits=limits(breakers={"floor": breaker}), **changes))
    desk.send(opening(cash=cash), quote("10000", "10000"), new("buy", Side.BUY, "1"))
    assert desk.fills
    return desk


DAILY = {
    "kind": "loss",
    "percent": "5",
    "day_start": "equity",
    "percent_of": "day_start",
    "timezone": "Europe/Prague",
    "at_floor": False,
}
MIDNIGHT = START + 2800 * SECOND
"""23:00 UTC, which is midnight in Prague."""


def trips(desk: Desk) -> list[RiskEvent]:
    return [item for item in of(RiskEvent, desk.outputs) if item.breaker_state is BreakerState.OPEN]


def marked(desk: Desk, *prices: str) -> list[RiskEvent]:
    """Quotes ABC at these prices, a second apart, with a restart after each; returns the breaker's transitions."""
    for price in prices:
        desk.send(quote(price, price, at=desk.accounts.time_ns + SECOND))
        desk.restart()
    return trips(desk)


@pytest.mark.parametrize(
    ("prices", "opens"),
    [
        (("7500.00",), False),
        (("7499.99",), True),
        (("12599.99", "10099.99"), False),
        (("12599.99", "10099.98"), True),
        (("12600.00", "10100.00"), False),
        (("12600.00", "10099.99"), True),
        (("20000.00", "10100.00"), False),
        (("20000.00", "10099.99"), True),
    ],
)
def test_unrealised_profit_raises_the_floor_until_it_locks(prices: tuple[str, ...], opens: bool) -> None:
    assert bool(marked(holding(TRAILING), *prices)) is opens


def test_the_event_and_the_refusal_name_floor_equity_and_remedy() -> None:
    desk = holding(TRAILING)
    (event,) = marked(desk, "13000", "10099.99")
    why = (
        "equity 50099.99 is below the floor 50100, where it locks, after the peak 53000; "
        "no order passes until a person resets it: paper risk breakers reset floor --account A --reason R"
    )
    assert event.text == f"breaker floor of account A is OPEN, was CLOSED: {why}"
    assert (event.observed_value, event.limit_value, event.window) == ("2900.01", "2900", "since the account's start")
    desk.send(new("next", Side.BUY, "1"))
    refusal = f"breaker floor of account A is OPEN since risk event {event.event_id}: {why}"
    assert last(desk, "next").text == f"order next: {refusal}"
    desk.send(control(ControlKind.BREAKER_RESET, breaker="floor"), new("after", Side.BUY, "1"))
    assert last(desk, "after").reason_code is None


def test_a_journal_from_before_this_rule_has_the_old_texts() -> None:
    desk = holding(TRAILING, trips_name_floors=False)
    (event,) = marked(desk, "7499.99")
    assert event.text == (
        "breaker floor of account A is OPEN, was CLOSED: equity 47499.99 is 2500.01 below its peak 50000, 2500 or more"
    )
    desk.send(new("next", Side.BUY, "1"))
    assert (
        last(desk, "next").text == f"order next: breaker floor of account A is OPEN since risk event {event.event_id}"
    )


TEXTS = [
    ({"kind": "drawdown", "amount": "100"}, "equity 49900 is at the floor 49900, 100 below the peak 50000"),
    (
        {"kind": "drawdown", "amount": "100", "peak": "start"},
        "equity 49900 is at the floor 49900, 100 below the start 50000",
    ),
    (
        {"kind": "loss", "percent": "0.2", "when_open": "REDUCING"},
        "equity 49900 is at the floor 49900, 100 below the start of the day 50000",
    ),
    (
        {"kind": "loss", "amount": "100", "window_ms": 60000},
        "equity 49900 is at the floor 49900, 100 below the highest in 60 s 50000",
    ),
    (
        {"kind": "loss", "amount": "100", "by_symbol": True},
        "PnL in ABC -100 is at the floor -100, 100 below the start of the day 0",
    ),
]


@pytest.mark.parametrize(("breaker", "why"), TEXTS)
def test_every_breaker_of_money_names_its_floor(breaker: dict[str, Any], why: str) -> None:
    (event,) = marked(holding(breaker), "9900")
    stops = "orders may only reduce a position" if "when_open" in breaker else "no order passes"
    remedy = f"{stops} until a person resets it: paper risk breakers reset floor --account A --reason R"
    assert event.text == f"breaker floor of account A is OPEN, was CLOSED: {why}; {remedy}"


def test_a_breaker_that_heals_says_when() -> None:
    desk = holding({"kind": "frequency", "limit": 2, "window_ms": 1000, "wait_ms": 5000, "trial_orders": 2})
    desk.send(new("second", Side.BUY, "1"))
    (event,) = trips(desk)
    assert event.text.endswith("reached the limit 2; no order passes for 5000 ms, then 2 trial orders may pass")


def test_the_floor_stays_where_it_was_when_the_account_is_reopened() -> None:
    desk = holding(TRAILING)
    desk.send(quote("13000", "13000", at=START + SECOND), new("sell", Side.SELL, "1"))
    desk.send(control(ControlKind.SESSION_CLOSE), opening(session="session-2", cash="53000"))
    desk.restart()
    desk.send(new("again", Side.BUY, "1"))
    assert not marked(desk, "10100")
    (event,) = marked(desk, "10099.99")
    assert (event.kind, event.session_id) == (RiskEventKind.BREAKER_TRANSITION, "session-2")
    assert "equity 50099.99 is below the floor 50100" in event.text


@pytest.mark.parametrize(
    ("days", "why"),
    [
        ([("13000", "7850")], None),
        ([("13000", "7849.99")], "equity 97849.99 is below the floor 97850, 5150 below the start of the day 103000"),
        ([("13000", "11000"), ("11000", "5950")], None),
        (
            [("13000", "11000"), ("11000", "5949.99")],
            "equity 95949.99 is below the floor 95950, 5050 below the start of the day 101000",
        ),
    ],
)
def test_a_daily_loss_in_percent_of_the_equity_at_midnight_in_prague(
    days: list[tuple[str, str]], why: str | None
) -> None:
    desk = holding(DAILY, "100000")
    for number, (before, after) in enumerate(days):
        midnight = MIDNIGHT + number * NANOS_PER_DAY
        desk.send(quote(before, before, at=midnight - 1))
        desk.restart()
        desk.send(quote(after, after, at=midnight))
    assert [event.text.split(": ")[1].split(";")[0] for event in trips(desk)] == ([why] if why else [])


RULES = [
    TRAILING,
    DAILY,
    {"kind": "drawdown", "since": "account", "peak": "end_of_day_balance", "percent": "10", "percent_of": "initial"},
    {"kind": "drawdown", "since": "account", "peak": "start", "percent": "5", "percent_of": "initial"},
    {"kind": "drawdown", "since": "account", "percent": "10", "flatten": True},
    {"kind": "loss", "percent": "3", "percent_of": "initial", "day_start": "higher", "timezone": "Europe/Prague"},
]


def story(breaker: dict[str, Any], *, restarts: bool) -> tuple[list[Output], str]:
    """Two sessions over two midnights; returns all outputs and the last state."""
    desk = holding(breaker)
    records: list[Message] = [
        quote("12600", "12600", at=START + SECOND),
        new("sell", Side.SELL, "1"),
        control(ControlKind.SESSION_CLOSE),
        quote("12700", "12700", at=MIDNIGHT),
        opening(session="session-2", cash="70000"),
        new("again", Side.BUY, "1"),
        *(
            quote(f"{price}", f"{price}", at=MIDNIGHT + (13_000 - price) * SECOND)
            for price in range(12_500, 6_000, -250)
        ),
        quote("5000", "5000", at=MIDNIGHT + NANOS_PER_DAY),
        new("next", Side.BUY, "1"),
    ]
    for record in records:
        desk.send(record)
        if restarts:
            desk.restart()
    return desk.outputs, desk.state()


@pytest.mark.parametrize("breaker", RULES)
def test_a_restart_after_any_record_changes_nothing(breaker: dict[str, Any]) -> None:
    outputs, state = story(breaker, restarts=True)
    assert (outputs, state) == story(breaker, restarts=False)
    assert [item.breaker for item in of(RiskEvent, outputs) if item.breaker_state is BreakerState.OPEN] == ["floor"]
