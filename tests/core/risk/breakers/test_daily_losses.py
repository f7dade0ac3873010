"""A day's loss from balance or equity at midnight of the firm's time zone, in percent of it, to the cent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.breakers.breaker_config import Loss, breaker_config
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.breakers.equity_meters import LossMeter
from tests.builders import PROPERTY, SECOND, money

PRAGUE = ZoneInfo("Europe/Prague")
HOUR = 3600 * SECOND
CENT = 10**16
OF_EQUITY = {"percent": "5", "day_start": "equity", "percent_of": "day_start", "timezone": "Europe/Prague"}


def at(text: str) -> int:
    """UTC nanoseconds of a local time in Prague."""
    return int(datetime.fromisoformat(text).replace(tzinfo=PRAGUE).timestamp()) * SECOND


def meter(document: dict[str, Any], opening: str = "100000", **changes: Any) -> LossMeter:
    return LossMeter(Loss.model_validate(document | changes), money(opening))


@pytest.mark.parametrize("at_floor", [True, False])
def test_five_percent_of_the_equity_at_the_last_midnight(at_floor: bool) -> None:
    found = meter(OF_EQUITY, at_floor=at_floor)
    days = [("100000", "95000"), ("103000", "97850"), ("101000", "95950"), ("100000.10", "95000.095")]
    for day, (equity, floor) in enumerate(days, 10):
        assert found.on_equity(at(f"2026-06-{day - 1}T23:59:59") if day > 10 else 1, 0, money(equity)) is None
        midnight = at(f"2026-06-{day}T00:00:00")
        assert found.on_equity(midnight, 0, money(equity)) is None
        assert found.floor == money(floor)
        assert found.on_equity(midnight + 1, 0, money(floor) + CENT) is None, "a cent above"
        assert (found.on_equity(midnight + 1, 0, money(floor)) is not None) is at_floor
        assert found.on_equity(midnight + 1, 0, money(floor) - CENT) is not None, "a cent below"


@pytest.mark.parametrize(
    ("day_start", "percent_of", "floors"),
    [
        ("balance", "opening", ("99000", "97000")),
        ("equity", "opening", ("97000", "99000")),
        ("higher", "opening", ("99000", "99000")),
        ("balance", "day_start", ("98800", "96900")),
        ("equity", "day_start", ("96900", "98800")),
        ("higher", "day_start", ("98800", "98800")),
    ],
)
def test_the_days_start_is_the_balance_the_equity_or_the_higher(
    day_start: str, percent_of: str, floors: tuple[str, str]
) -> None:
    levels = (money("104000"), money("102000"))
    for (balance, equity), floor in zip((levels, levels[::-1]), floors, strict=True):
        found = meter(OF_EQUITY, day_start=day_start, percent_of=percent_of)
        found.on_equity(at("2026-06-10T12:00:00"), balance, equity)
        found.on_equity(at("2026-06-11T00:00:00"), balance, equity)
        assert found.floor == money(floor)


@pytest.mark.parametrize(
    ("midnight", "utc"),
    [
        ("2026-03-29T00:00:00", "2026-03-28T23:00:00"),
        ("2026-03-30T00:00:00", "2026-03-29T22:00:00"),
        ("2026-10-25T00:00:00", "2026-10-24T22:00:00"),
        ("2026-10-26T00:00:00", "2026-10-25T23:00:00"),
    ],
)
def test_a_day_of_23_or_25_hours_ends_at_midnight(midnight: str, utc: str) -> None:
    moment = at(midnight)
    assert datetime.fromtimestamp(moment // SECOND, UTC).replace(tzinfo=None).isoformat() == utc
    found = meter(OF_EQUITY)
    found.on_equity(moment - 23 * HOUR + 1, 0, money("100000"))
    found.on_equity(moment - 1, 0, money("103000"))
    assert found.floor == money("95000"), "the day has not ended"
    found.on_equity(moment, 0, money("103000"))
    assert found.floor == money("97850")


@pytest.mark.parametrize(("percent_of", "floor"), [("opening", "42900"), ("initial", "39500")])
def test_a_percentage_of_the_initial_cash_stays_with_the_first_session(percent_of: str, floor: str) -> None:
    found = meter({"percent": "5", "percent_of": percent_of}, "110000")
    found.on_equity(1, money("110000"), money("110000"))
    found.reopen(money("42000"), money("42000") - money("107000"))
    restored = meter({"percent": "5", "percent_of": percent_of}, "42000")
    restored.load(json.loads(json.dumps(found.to_state())))
    assert found.floor == restored.floor == money(floor)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"amount": "1", "day_start": "equity", "window_ms": 1}, "without window_ms"),
        ({"percent": "1", "percent_of": "day_start", "by_symbol": True}, "without window_ms and by_symbol"),
        ({"amount": "1", "day_start": "higher", "measure": "realised"}, "counts from the balance"),
    ],
)
def test_a_start_that_makes_no_sense_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Loss.model_validate(document)


@pytest.mark.parametrize(
    ("document", "floor"),
    [
        ({"amount": "50"}, "99950"),
        ({"amount": "50", "window_ms": 1_000}, None),
        ({"amount": "50", "by_symbol": True}, None),
    ],
)
def test_a_loss_of_the_day_alone_has_a_floor(document: dict[str, Any], floor: str | None) -> None:
    assert meter(document).floor == (None if floor is None else money(floor))


OPENING = 100
STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, 1, HOUR, 7 * HOUR, 24 * HOUR, 70 * HOUR)),
        st.integers(85, 130),
        st.integers(85, 130),
        st.none() | st.integers(0, 1_000),
    ),
    min_size=1,
    max_size=40,
)
"""Time ahead, balance, equity, and the cash with which the account is opened again when it has closed its positions."""
Seen = tuple[int, int, int, int]
"""Time, balance and equity as if nothing had been put in or taken out, and the sum of what has been."""


def start_of_day(history: list[Seen], day_start: str) -> tuple[int, int]:
    """Returns the level before the local day of the last event, without and with what had been put in by then.

    It is the opening cash on the first day.
    """
    today = local_day(history[-1][0])
    before = [item for item in history if local_day(item[0]) < today]
    _, balance, equity, put_in = before[-1] if before else (0, OPENING, OPENING, 0)
    level = {"balance": balance, "equity": equity, "higher": max(balance, equity)}[day_start]
    return level, level + put_in


def local_day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // SECOND, UTC).astimezone(PRAGUE).date().isoformat()


def breakers_of(document: dict[str, Any], opening: int) -> BreakerSet:
    config = breaker_config({"kind": "loss", "timezone": "Europe/Prague", "percent": "7", **document})
    return BreakerSet(opening, [Breaker("b", config, meter_of(config, opening))])


@pytest.mark.parametrize("at_floor", [True, False])
@pytest.mark.parametrize("percent_of", ["initial", "day_start"])
@pytest.mark.parametrize("day_start", ["balance", "equity", "higher"])
@PROPERTY
@given(steps=STEPS)
def test_it_opens_when_a_model_of_the_whole_history_says_so(
    day_start: str, percent_of: str, at_floor: bool, steps: list[tuple[int, int, int, int | None]]
) -> None:
    document = {"day_start": day_start, "percent_of": percent_of, "at_floor": at_floor}
    breakers, opening, now = breakers_of(document, money(OPENING)), money(OPENING), at("2026-10-24T20:00:00")
    history: list[Seen] = []
    put_in = 0
    for ahead, balance, equity, cash in steps:
        now += ahead
        for settled, worth in [(balance, equity)] + ([(balance, balance)] if cash is not None else []):
            history.append((now, settled, worth, put_in))
            start, whole = start_of_day(history, day_start)
            lost, whole = start - worth, whole if percent_of == "day_start" else OPENING
            expected = 100 * lost >= max(7 * whole, 1) if at_floor else 100 * lost > 7 * whole
            opened = breakers.on_equity(now, money(settled + put_in), money(worth + put_in))
            assert bool(opened) is expected
            if opened:
                return
        if cash is not None:
            last, opening = breakers, money(cash)
            breakers = breakers_of(document, opening)
            breakers.go_on(last, opening - money(balance + put_in))
            put_in = cash - balance
            history.append((now, balance, balance, put_in))
        breakers = BreakerSet.from_state(opening, json.loads(json.dumps(breakers.to_state())))
