"""Each kind of breaker at, below and above its threshold, and the life of one that heals by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.records.enums import BreakerState, Side
from streams.core.risk.breakers.breaker import Breaker, Transition
from streams.core.risk.breakers.breaker_config import BreakerConfig, BreakerConfigs, DeskConfig
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.breakers.gap_meter import GapMeter
from streams.core.risk.breakers.meter import FillFacts
from tests.builders import MS, SECOND, START, money, px

CONFIG: TypeAdapter[BreakerConfig] = TypeAdapter(BreakerConfig)
CONFIGS: TypeAdapter[BreakerConfigs] = TypeAdapter(BreakerConfigs)
DAY = 24 * 3600 * SECOND
BUY, SELL = Side.BUY, Side.SELL
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def only(kind: str, opening: str = "1000", **fields: Any) -> BreakerSet:
    """A set of one breaker named b."""
    config = CONFIG.validate_python({"kind": kind, **fields})
    return BreakerSet(money(opening), [Breaker("b", config, meter_of(config, money(opening)))])


def state(breakers: BreakerSet) -> BreakerState:
    return breakers.by_name["b"].state


def equity(breakers: BreakerSet, now: int, worth: str, settled: str | None = None) -> list[Transition]:
    return breakers.on_equity(now, money(settled or worth), money(worth))


def fill(**changes: Any) -> FillFacts:
    plain = FillFacts("ABC", BUY, px("10"), None, False, None, None)
    return plain._replace(**changes)


@pytest.mark.parametrize(
    ("fields", "path", "opens"),
    [
        ({"amount": "100"}, ["1050", "950.000000001"], False),
        ({"amount": "100"}, ["1050", "950"], True),
        ({"amount": "100"}, ["900"], True),
        ({"percent": "10"}, ["2000", "1800.000000001"], False),
        ({"percent": "10"}, ["2000", "1800"], True),
        ({"percent": "10", "amount": "50"}, ["2000", "1950"], True),
        ({"percent": "1", "amount": "500"}, ["2000", "1980"], True),
        ({"amount": "100", "lock": True}, ["1050", "950"], True),
        ({"amount": "100", "lock": True}, ["2000", "1000.5"], False),
        ({"amount": "100", "lock": True}, ["2000", "1000"], True),
        ({"amount": "100", "peak": "end_of_day"}, ["1500", "901"], False),
        ({"amount": "100", "peak": "end_of_day"}, ["1500", "900"], True),
    ],
)
def test_drawdown(fields: dict[str, Any], path: list[str], opens: bool) -> None:
    breakers = only("drawdown", **fields)
    for step, worth in enumerate(path):
        assert state(breakers) is CLOSED
        equity(breakers, START + step, worth)
    assert (state(breakers) is OPEN) is opens


def test_an_intraday_peak_starts_with_the_equity_at_the_days_start() -> None:
    breakers = only("drawdown", amount="100", since="day")
    equity(breakers, START, "1090")
    equity(breakers, START + 1, "1000")
    assert not equity(breakers, START + DAY, "901")
    assert equity(breakers, START + DAY + 1, "900")


def test_a_day_ends_at_midnight_of_its_time_zone() -> None:
    """START is 22:13:20 UTC: in Tokyo the next day has come, in New York it is afternoon."""
    end_of_day_in_new_york = START + (6 * 3600 + 46 * 60 + 40) * SECOND
    for zone, at, opens in (
        ("America/New_York", end_of_day_in_new_york - 1, True),
        ("America/New_York", end_of_day_in_new_york, False),
        ("UTC", end_of_day_in_new_york - 1, False),
    ):
        breakers = only("loss", amount="100", timezone=zone)
        equity(breakers, START, "1000")
        equity(breakers, START + 1, "950")
        equity(breakers, at, "900")
        assert (state(breakers) is OPEN) is opens, (zone, at)


@pytest.mark.parametrize(
    ("fields", "settled", "worth", "opens"),
    [
        ({"amount": "100"}, "1000", "900.01", False),
        ({"amount": "100"}, "1000", "900", True),
        ({"percent": "5"}, "1000", "950", True),
        ({"percent": "5"}, "1000", "950.01", False),
        ({"amount": "100", "measure": "realised"}, "1000", "500", False),
        ({"amount": "100", "measure": "realised"}, "900", "1500", True),
        ({"amount": "100", "measure": "realised"}, "900.01", "900.01", False),
    ],
)
def test_loss_of_the_day(fields: dict[str, Any], settled: str, worth: str, opens: bool) -> None:
    breakers = only("loss", **fields)
    equity(breakers, START, worth, settled)
    assert (state(breakers) is OPEN) is opens


def test_loss_in_a_sliding_window_counts_from_its_highest_level() -> None:
    breakers = only("loss", amount="100", window_ms=1_000)
    equity(breakers, START, "1080")
    equity(breakers, START + 1, "1060")
    assert not equity(breakers, START + SECOND, "980.01"), "1080 was in force until just after the start"
    assert not equity(breakers, START + SECOND + 1, "960.01"), "1080 has left, 1060 has not"
    assert equity(breakers, START + SECOND + 1, "960")


def test_loss_by_instrument_judges_each_alone() -> None:
    breakers = only("loss", amount="100", by_symbol=True)
    breakers.on_symbol(START, "ABC", 0, money("-60"))
    assert not breakers.on_symbol(START, "XYZ", 0, money("-99.99"))
    assert breakers.on_symbol(START, "ABC", 0, money("-100"))[0].breach is not None


@pytest.mark.parametrize(
    ("counted", "business", "technical", "opens"),
    [
        ("business", 1, 0, True),
        ("business", 0, 1, False),
        ("technical", 1, 0, False),
        ("technical", 0, 1, True),
        ("all", 1, 0, True),
        ("all", 0, 1, True),
        ("all", 0, 0, False),
    ],
)
def test_error_rate_tells_business_rejects_from_technical_failures(
    counted: str, business: int, technical: int, opens: bool
) -> None:
    breakers = only("error_rate", window_count=4, min_observations=4, percent="50", failures=counted)
    for number in range(4):
        breakers.on_outcome(START, f"o{number}", business, technical)
    assert (state(breakers) is OPEN) is opens


def test_error_rate_by_time_needs_its_minimum_within_the_window() -> None:
    breakers = only("error_rate", window_ms=1_000, min_observations=3, percent="60")
    breakers.on_outcome(START, "o1", 0, 1)
    breakers.on_outcome(START + 1, "o2", 0, 1)
    assert not breakers.on_outcome(START + SECOND, "o3", 0, 0), "2 of 3 would be above, but the first has left"
    assert breakers.on_outcome(START + SECOND, "o4", 0, 1), "2 of 3"


@pytest.mark.parametrize(("requests", "orders", "cancels"), [("orders", 1, 0), ("cancels", 0, 1), ("all", 1, 0)])
def test_frequency_opens_with_the_request_that_reaches_the_limit(requests: str, orders: int, cancels: int) -> None:
    breakers = only("frequency", requests=requests, limit=3, window_ms=1_000)
    assert not breakers.on_requests(START, orders, cancels)
    assert not breakers.on_requests(START + 1, orders, cancels)
    assert not breakers.on_requests(START + SECOND, orders, cancels), "the first has left the window"
    assert breakers.on_requests(START + SECOND, orders, cancels)


def test_frequency_of_orders_does_not_hear_cancels() -> None:
    breakers = only("frequency", requests="orders", limit=1, window_ms=1_000)
    assert not breakers.on_requests(START, 0, 1)


def test_consecutive_losses_are_round_trips_in_a_row() -> None:
    breakers = only("consecutive_losses", limit=3)
    for trip in ("-1", None, "-1", "0", "-1", "-1", None):
        assert not breakers.on_fill(START, "o", fill(trip=None if trip is None else money(trip)))
    assert breakers.on_fill(START, "o", fill(trip=money("-0.01")))


def test_stop_outs_count_stop_orders() -> None:
    breakers = only("stop_outs", limit=2, window_ms=1_000)
    breakers.on_fill(START, "o", fill(stopped_out=True))
    assert not breakers.on_fill(START, "o", fill())
    assert not breakers.on_fill(START + SECOND, "o", fill(stopped_out=True))
    assert breakers.on_fill(START + SECOND, "o", fill(stopped_out=True))


def test_repeated_execution_counts_each_symbol_and_side() -> None:
    breakers = only("repeated_execution", limit=2, window_ms=1_000)
    assert not breakers.on_fill(START, "o", fill())
    assert not breakers.on_fill(START, "o", fill(side=SELL))
    assert not breakers.on_fill(START, "o", fill(symbol="XYZ"))
    assert breakers.on_fill(START + SECOND - 1, "o", fill())


@pytest.mark.parametrize(
    ("slipped", "opens"),
    [("0.011", True), ("0.0109", False), ("-0.02", False)],
)
def test_slippage_beyond_expectation(slipped: str, opens: bool) -> None:
    """0.011 on a benchmark of 10 is 11 bps: 10 beyond the expected 1."""
    breakers = only("slippage", expected_bps="1", limit_bps="10", window_count=2, min_observations=2)
    worse = fill(price=px("10") + px(slipped), slippage_mid=px(slipped))
    breakers.on_fill(START, "o", worse)
    assert state(breakers) is CLOSED, "one fill is below the minimum"
    breakers.on_fill(START, "o", worse)
    assert (state(breakers) is OPEN) is opens


def test_a_sale_slips_downwards() -> None:
    breakers = only("slippage", limit_bps="10", window_count=1, min_observations=1, benchmark="arrival")
    assert not breakers.on_fill(START, "o", fill(side=SELL, price=px("9.99"), slippage_mid=px("0.01")))
    assert breakers.on_fill(START, "o", fill(side=SELL, price=px("9.99"), slippage_arrival=px("0.01")))


@pytest.mark.parametrize(("gap", "opens"), [(SECOND - 1, False), (SECOND, True), (2 * SECOND, True)])
def test_a_gap_of_market_data(gap: int, opens: bool) -> None:
    breakers = only("market_data_gap", gap_ms=1_000)
    ((breaker, meter),) = breakers.gaps
    assert isinstance(meter, GapMeter)
    assert bool(breakers.on_gap(START + gap, breaker, meter, gap, "ABC")) is opens


def test_a_gap_that_lasts_postpones_the_trial() -> None:
    breakers = only("market_data_gap", gap_ms=1_000, wait_ms=500)
    ((breaker, meter),) = breakers.gaps
    assert breakers.on_gap(START + SECOND, breaker, meter, SECOND, "ABC")
    assert not breakers.on_gap(START + 2 * SECOND, breaker, meter, 2 * SECOND, "ABC"), "one transition, not two"
    assert not breakers.on_time(START + 2 * SECOND + 499 * MS)
    assert breakers.on_time(START + 2 * SECOND + 500 * MS)


def healing() -> BreakerSet:
    """Opens at the second failure, waits a second, tries two orders."""
    breakers = only("error_rate", window_count=2, min_observations=2, percent="100", wait_ms=1_000, trial_orders=2)
    breakers.on_outcome(START, "o1", 0, 1)
    breakers.on_outcome(START, "o2", 0, 1)
    assert state(breakers) is OPEN
    assert not breakers.on_time(START + SECOND - 1)
    (transition,) = breakers.on_time(START + SECOND)
    assert (transition.before, state(breakers)) == (OPEN, HALF_OPEN)
    return breakers


def test_trials_decide_when_the_last_is_known() -> None:
    for outcomes, expected in (((0, 0), CLOSED), ((0, 1), OPEN), ((1, 0), OPEN)):
        breakers = healing()
        breakers.on_approved("t1")
        assert breakers.by_name["b"].admits
        breakers.on_approved("t2")
        assert not breakers.by_name["b"].admits
        assert not breakers.on_outcome(START + SECOND, "other", 0, 1), "not a trial"
        assert not breakers.on_outcome(START + SECOND, "t2", 0, outcomes[0])
        assert state(breakers) is HALF_OPEN
        assert len(breakers.on_outcome(START + SECOND, "t1", 0, outcomes[1])) == 1
        assert state(breakers) is expected


def test_a_trial_that_a_control_refuses_has_failed() -> None:
    breakers = healing()
    breakers.on_approved("t1")
    breakers.on_outcome(START + SECOND, "t1", 0, 0)
    assert breakers.on_refused(START + SECOND, "t2")
    assert state(breakers) is OPEN


def test_a_closed_breaker_measures_afresh() -> None:
    breakers = healing()
    for name in ("t1", "t2"):
        breakers.on_approved(name)
        breakers.on_outcome(START + SECOND, name, 0, 0)
    assert not breakers.on_outcome(START + SECOND, "o3", 0, 1), "1 of 1 is below the minimum of 2"


def test_a_half_open_frequency_opens_again_when_the_window_is_full() -> None:
    breakers = only("frequency", limit=2, window_ms=1_000, wait_ms=1_000, trial_orders=5)
    breakers.on_requests(START, 2, 0)
    breakers.on_time(START + SECOND)
    assert not breakers.on_requests(START + SECOND, 1, 0), "the window starts afresh"
    (transition,) = breakers.on_requests(START + SECOND, 1, 0)
    assert (transition.before, state(breakers)) == (HALF_OPEN, OPEN)


def test_a_slippage_trial_is_judged_by_its_fill() -> None:
    for worse, expected in (("0.001", CLOSED), ("0.01", OPEN)):
        breakers = only("slippage", limit_bps="10", window_count=1, min_observations=1, wait_ms=1, trial_orders=1)
        breakers.on_fill(START, "o", fill(price=px("10.1"), slippage_mid=px("0.1")))
        breakers.on_time(START + MS)
        breakers.on_approved("t1")
        assert not breakers.on_outcome(START + MS, "t1", 0, 0)
        breakers.on_fill(START + MS, "t1", fill(price=px("10") + px(worse), slippage_mid=px(worse)))
        assert state(breakers) is expected


def test_what_latches_waits_for_a_person() -> None:
    breakers = only("loss", amount="100")
    equity(breakers, START, "900")
    assert not breakers.on_time(START + 100 * DAY)
    assert not equity(breakers, START + 1, "800"), "open already"
    assert breakers.reset("b").before is OPEN
    assert not equity(breakers, START + 2, "700.01"), "losses count from 800, where it was reset"
    assert equity(breakers, START + 3, "700")


def test_a_reset_drawdown_starts_from_the_equity_now() -> None:
    breakers = only("drawdown", amount="100")
    equity(breakers, START, "900")
    breakers.reset("b")
    assert not equity(breakers, START + 1, "800.01")
    assert equity(breakers, START + 2, "800")


@pytest.mark.parametrize(("name", "problem"), [("x", "there is no breaker x; there are: b"), ("b", "CLOSED already")])
def test_a_reset_that_makes_no_sense_is_refused(name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        only("loss", amount="100").reset(name)


def test_changed_limits_do_not_close_a_breaker() -> None:
    breakers = only("loss", amount="100")
    equity(breakers, START, "900")
    breakers.configure(
        CONFIGS.validate_python({"b": {"kind": "loss", "amount": "5000"}, "c": {"kind": "drawdown", "percent": "5"}})
    )
    assert state(breakers) is OPEN
    breakers.configure({})
    assert [item.name for item in breakers.stopping] == ["b"], "removed, but open until a person resets it"
    breakers.reset("b")
    breakers.configure({})
    assert not breakers.by_name


def test_an_open_breaker_that_becomes_one_that_latches_waits_for_a_person() -> None:
    breakers = only("error_rate", window_count=1, min_observations=1, percent="100", wait_ms=5_000, trial_orders=2)
    assert breakers.on_outcome(START, "o", 0, 1)
    breakers.configure(CONFIGS.validate_python({"b": {"kind": "loss", "amount": "100"}}))
    assert state(breakers) is OPEN
    assert not breakers.on_time(START + 60 * SECOND)
    breakers.reset("b")
    assert state(breakers) is CLOSED


def test_a_set_goes_on_from_its_state() -> None:
    breakers = healing()
    breakers.on_approved("t1")
    again = BreakerSet.from_state(money("1000"), json.loads(json.dumps(breakers.to_state())))
    again.on_approved("t2")
    again.on_outcome(START + SECOND, "t1", 0, 0)
    again.on_outcome(START + SECOND, "t2", 0, 0)
    assert state(again) is CLOSED


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "drawdown"},
        {"kind": "drawdown", "amount": "0"},
        {"kind": "drawdown", "amount": "1", "since": "day", "peak": "end_of_day"},
        {"kind": "loss", "percent": "101"},
        {"kind": "error_rate", "percent": "50"},
        {"kind": "error_rate", "percent": "50", "window_count": 5},
        {"kind": "error_rate", "percent": "50", "window_count": 50, "window_ms": 5},
        {"kind": "loss", "amount": "1", "wait_ms": 5},
        {"kind": "frequency", "limit": 100_000, "window_ms": 1},
        {"kind": "other"},
    ],
)
def test_a_breaker_that_makes_no_sense_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CONFIG.validate_python(document)


@pytest.mark.parametrize(
    "document",
    [{"kind": "loss", "amount": "1", "by_symbol": True}, {"kind": "error_rate", "percent": "5", "window_count": 9}],
)
def test_a_desk_takes_only_what_it_can_measure(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="desk"):
        DeskConfig.model_validate(
            {"breakers": {"b": {"min_observations": 5, **document} if "percent" in document else document}}
        )
