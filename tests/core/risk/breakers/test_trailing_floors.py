"""Floors that trail an account's equity and lock, to the cent, and through the account's sessions."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.breakers.breaker_config import Drawdown, breaker_config
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.breakers.equity_meters import DrawdownMeter
from tests.builders import PROPERTY, SECOND, START, money

DAY = 24 * 3600 * SECOND
TRAILING = {"kind": "drawdown", "since": "account", "amount": "2500", "lock": True, "lock_above": "100"}
STATIC = {"kind": "drawdown", "since": "account", "peak": "start", "percent": "10"}
OF_BALANCES = {
    "kind": "drawdown",
    "since": "account",
    "peak": "end_of_day_balance",
    "percent": "10",
    "percent_of": "initial",
}


def meter(document: dict[str, Any], opening: str = "50000", **changes: Any) -> DrawdownMeter:
    return DrawdownMeter(Drawdown.model_validate(document | changes), money(opening))


def opens(found: DrawdownMeter, equity: str, now: int = START) -> bool:
    return found.on_equity(now, money(equity), money(equity)) is not None


@pytest.mark.parametrize(
    ("peak", "floor"),
    [
        ("50000", "47500"),
        ("50500", "48000"),
        ("50875", "48375"),
        ("52599.99", "50099.99"),
        ("52600", "50100"),
        ("52600.01", "50100"),
        ("60000", "50100"),
    ],
)
@pytest.mark.parametrize("at_floor", [True, False])
def test_the_floor_trails_the_peak_and_locks(peak: str, floor: str, at_floor: bool) -> None:
    found = meter(TRAILING, at_floor=at_floor)
    assert not opens(found, peak)
    assert found.floor == money(floor)
    assert found.on_equity(START, 0, money(floor) + 10**16) is None, "a cent above"
    assert (found.on_equity(START, 0, money(floor)) is not None) is at_floor
    assert found.floor == money(floor), "it never falls"
    assert found.on_equity(START, 0, money(floor) - 10**16) is not None, "a cent below"


def test_a_static_floor_never_moves() -> None:
    found = meter(STATIC, "100000")
    for equity in ("100000", "125000", "90000.01"):
        assert not opens(found, equity)
        assert found.floor == money("90000")
    assert opens(found, "90000")


def test_a_floor_of_balances_rises_at_midnight_with_the_balance_and_not_with_open_profit() -> None:
    found = meter(OF_BALANCES, "100000")
    balances = [("100000", "109000", "90000"), ("104000", "95000", "94000"), ("103000", "103000", "94000")]
    for day, (balance, equity, floor) in enumerate(balances):
        assert found.on_equity(START + day * DAY, money(balance), money(equity)) is None
        found.on_equity(START + (day + 1) * DAY, money(balance), money(equity))
        assert found.floor == money(floor)


def test_a_percentage_of_the_initial_cash_does_not_grow_with_the_peak() -> None:
    initial, of_peak = meter(STATIC, peak="equity", percent_of="initial"), meter(STATIC, peak="equity")
    for found in (initial, of_peak):
        assert not opens(found, "60000")
    assert (initial.floor, of_peak.floor) == (money("55000"), money("54000"))


def test_a_reset_trails_from_the_equity_now_and_stays_locked() -> None:
    found = meter(TRAILING)
    assert not opens(found, "53000")
    assert opens(found, "50100")
    found.reset()
    assert found.floor == money("47600")
    assert not opens(found, "54000")
    assert found.floor == money("50100")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"amount": "1", "lock_above": "100"}, "use it with lock true"),
        ({"amount": "1", "since": "day", "peak": "end_of_day_balance"}, "goes over days"),
        ({"amount": "1", "since": "day", "peak": "start"}, "use kind loss"),
        ({"amount": "1", "lock": True, "lock_above": "-1"}, "greater than or equal to 0"),
        ({"lock": True}, "amount or percent is needed"),
    ],
)
def test_a_floor_that_makes_no_sense_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Drawdown.model_validate(document)


OPENING = 100
STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, SECOND, DAY // 3, DAY, 3 * DAY)),
        st.integers(80, 150),
        st.integers(80, 150),
        st.none() | st.integers(0, 1_000),
    ),
    min_size=1,
    max_size=40,
)
"""Time ahead, balance, equity, and the cash with which the account is opened again when it has closed its positions."""
Seen = tuple[int, int, int, int]
"""Day, balance and equity as if nothing had been put in or taken out, and the sum of what has been."""


def closes(history: list[Seen], level: int) -> list[int]:
    """Returns the last level of each ended day."""
    ended = sorted({item[0] for item in history if item[0] < history[-1][0]})
    return [[item for item in history if item[0] == day][-1][level] for day in ended]


def trailing_floor(history: list[Seen]) -> int:
    return min(max([OPENING, *(item[2] for item in history)]) - 10, OPENING + 5)


def floor_in_percent(history: list[Seen]) -> Fraction:
    """Returns the peak less a tenth of what the account held when it was reached."""
    peak = held = OPENING
    for _, _, equity, put_in in history:
        if equity > peak:
            peak, held = equity, equity + put_in
    return peak - max(Fraction(held, 10), Fraction(1, 10**18))


def static_floor(history: list[Seen]) -> int:
    return OPENING - 10


def floor_of_closes(history: list[Seen]) -> int:
    return max([OPENING, *closes(history, 2)]) - 10


def floor_of_balances(history: list[Seen]) -> int:
    return max([OPENING, *closes(history, 1)]) - 10


MODELS = [
    ({"peak": "equity", "amount": "10", "lock": True, "lock_above": "5"}, trailing_floor),
    ({"peak": "equity", "percent": "10"}, floor_in_percent),
    ({"peak": "start", "percent": "10"}, static_floor),
    ({"peak": "end_of_day", "amount": "10"}, floor_of_closes),
    ({"peak": "end_of_day_balance", "percent": "10", "percent_of": "initial"}, floor_of_balances),
]


def breakers_of(document: dict[str, Any], opening: int) -> BreakerSet:
    config = breaker_config({"kind": "drawdown", "since": "account", **document})
    return BreakerSet(opening, [Breaker("b", config, meter_of(config, opening))])


@pytest.mark.parametrize("at_floor", [True, False])
@pytest.mark.parametrize(("document", "floor"), MODELS)
@PROPERTY
@given(steps=STEPS)
def test_it_opens_at_the_floor_of_the_whole_history_however_often_the_account_is_reopened(
    document: dict[str, Any], floor: Any, at_floor: bool, steps: list[tuple[int, int, int, int | None]]
) -> None:
    document = document | {"at_floor": at_floor}
    breakers, opening, put_in, now = breakers_of(document, money(OPENING)), money(OPENING), 0, 19_000 * DAY
    history: list[Seen] = []
    for ahead, balance, equity, cash in steps:
        now += ahead
        levels = [(balance, equity)] + ([(balance, balance)] if cash is not None else [])
        for settled, worth in levels:
            history.append((now // DAY, settled, worth, put_in))
            opened = breakers.on_equity(now, money(settled + put_in), money(worth + put_in))
            expected = worth <= floor(history) if at_floor else worth < floor(history)
            assert bool(opened) is expected
            if opened:
                return
        if cash is not None:
            last, opening = breakers, money(cash)
            breakers = breakers_of(document, opening)
            breakers.go_on(last, opening - money(balance + put_in))
            put_in = cash - balance
        breakers = BreakerSet.from_state(opening, json.loads(json.dumps(breakers.to_state())))
