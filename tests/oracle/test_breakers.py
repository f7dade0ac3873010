"""Circuit breakers compared with published numbers.

Sources: resilience4j (tests of CircuitBreakerMetrics), and the published rules of funded-trader programmes for the
daily loss limit (share of the initial balance below the day's starting balance) and the end-of-day trailing drawdown
(floor below the highest closing balance, locked at the starting balance).
"""

from __future__ import annotations

import pytest

from schemas.records.enums import BreakerState
from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.breakers.breaker_config import Drawdown, ErrorRate, Loss
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.breakers.equity_meters import DrawdownMeter, LossMeter
from tests.builders import SECOND, START, money

DAY = 24 * 3600 * SECOND


def rate_breaker() -> BreakerSet:
    config = ErrorRate.model_validate({"window_count": 10, "min_observations": 10, "percent": "50"})
    return BreakerSet(0, [Breaker("errors", config, meter_of(config, 0))])


def state(breakers: BreakerSet, name: str = "errors") -> BreakerState:
    return breakers.by_name[name].state


def test_nine_failures_of_nine_leave_it_closed_and_the_tenth_opens_it() -> None:
    breakers = rate_breaker()
    for number in range(9):
        assert not breakers.on_outcome(START, f"o{number}", 0, 1)
    assert state(breakers) is BreakerState.CLOSED
    (transition,) = breakers.on_outcome(START, "o9", 0, 1)
    assert (transition.before, state(breakers)) == (BreakerState.CLOSED, BreakerState.OPEN)


@pytest.mark.parametrize(("failures", "expected"), [(4, BreakerState.CLOSED), (5, BreakerState.OPEN)])
def test_exactly_the_threshold_opens_it(failures: int, expected: BreakerState) -> None:
    breakers = rate_breaker()
    for number in range(10):
        breakers.on_outcome(START, f"o{number}", 0, int(number < failures))
    assert state(breakers) is expected


@pytest.mark.parametrize(("balance", "floor"), [("104000", "99000"), ("103000", "98000")])
def test_the_daily_loss_floor_hangs_on_the_balance_at_the_days_start(balance: str, floor: str) -> None:
    meter = LossMeter(Loss.model_validate({"percent": "5"}), money("100000"))
    meter.on_equity(START, money("100000"), money("100000"))
    meter.on_equity(START + 1, money(balance), money(balance))
    tomorrow = START + DAY
    assert meter.on_equity(tomorrow, money(balance), money(floor) + 1) is None
    assert meter.floor == money(floor)
    breach = meter.on_equity(tomorrow, money(balance), money(floor))
    assert breach is not None
    assert (breach.observed, breach.limit) == ("5000", "5000")


def test_the_trailing_floor_of_closes_locks_at_the_start_balance() -> None:
    config = Drawdown.model_validate({"amount": "2000", "peak": "end_of_day", "lock": True})
    meter = DrawdownMeter(config, money("50000"))
    meter.on_equity(START, money("50000"), money("50000"))
    assert meter.floor == money("48000")
    floors = []
    for day, close in enumerate(("50500", "50000", "52500")):
        assert meter.on_equity(START + day * DAY + 1, money(close), money(close)) is None
        meter.on_equity(START + (day + 1) * DAY, money(close), money(close))
        floors.append(meter.floor)
    assert floors == [money("48500"), money("48500"), money("50000")]
    assert meter.on_equity(START + 3 * DAY, money("52500"), money("50000") + 1) is None
    assert meter.on_equity(START + 3 * DAY, money("52500"), money("50000")) is not None
