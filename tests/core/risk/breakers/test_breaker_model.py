"""Breakers of money open when a model says so that looks at the whole history at each event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.breakers.breaker_config import BreakerConfig
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.breaker_set import BreakerSet
from tests.builders import PROPERTY, SECOND, money

CONFIG: TypeAdapter[BreakerConfig] = TypeAdapter(BreakerConfig)
DAY = 24 * 3600 * SECOND
OPENING = 100
MIDNIGHT = 19_000 * DAY
HOUR = 3600 * SECOND
STEPS = st.lists(
    st.tuples(st.sampled_from((0, 1, HOUR, 7 * HOUR, DAY, 3 * DAY)), st.integers(85, 130), st.integers(85, 130)),
    min_size=1,
    max_size=40,
)
Seen = tuple[int, int, int]
"""Time, balance, equity."""


def days_before(history: list[Seen]) -> list[Seen]:
    """Returns the levels before the day of the last event, the opening included."""
    midnight = history[-1][0] // DAY * DAY
    return [(0, OPENING, OPENING), *(item for item in history if item[0] < midnight)]


def today(history: list[Seen]) -> list[Seen]:
    return [item for item in history if item[0] >= history[-1][0] // DAY * DAY]


def fall_since_inception(history: list[Seen]) -> int:
    return max([OPENING, *(worth for _, _, worth in history)]) - history[-1][2]


def fall_of_day(history: list[Seen]) -> int:
    start = days_before(history)[-1][2]
    return max([start, *(worth for _, _, worth in today(history))]) - history[-1][2]


def fall_of_closes_locked(history: list[Seen]) -> int:
    """Returns the distance to a floor 10 below the best close, and never above the opening."""
    days = sorted({time_ns // DAY for time_ns, _, _ in history[:-1] if time_ns // DAY < history[-1][0] // DAY})
    closes = [[worth for time_ns, _, worth in history if time_ns // DAY == day][-1] for day in days]
    floor = min(max([OPENING, *closes]) - 10, OPENING)
    return 10 if history[-1][2] <= floor else 0


def loss_of_day(history: list[Seen]) -> int:
    return days_before(history)[-1][1] - history[-1][2]


def realised_of_day(history: list[Seen]) -> int:
    return days_before(history)[-1][1] - history[-1][1]


def loss_of_window(history: list[Seen]) -> int:
    start = history[-1][0] - 10 * HOUR
    inside = [worth for time_ns, _, worth in history if time_ns > start]
    before = [worth for time_ns, _, worth in history if time_ns <= start]
    in_force = before[-1] if before else OPENING
    return max([in_force, *inside]) - history[-1][2]


@pytest.mark.parametrize(
    ("document", "lost"),
    [
        ({"kind": "drawdown"}, fall_since_inception),
        ({"kind": "drawdown", "since": "day"}, fall_of_day),
        ({"kind": "drawdown", "peak": "end_of_day", "lock": True}, fall_of_closes_locked),
        ({"kind": "loss"}, loss_of_day),
        ({"kind": "loss", "measure": "realised"}, realised_of_day),
        ({"kind": "loss", "window_ms": 36_000_000}, loss_of_window),
    ],
)
@PROPERTY
@given(steps=STEPS)
def test_it_opens_at_the_first_event_that_reaches_the_threshold(
    document: dict[str, Any], lost: Any, steps: list[tuple[int, int, int]]
) -> None:
    config = CONFIG.validate_python({"amount": "10", **document})
    breakers = BreakerSet(money(OPENING), [Breaker("b", config, meter_of(config, money(OPENING)))])
    history: list[Seen] = []
    now = MIDNIGHT
    for ahead, settled, worth in steps:
        now += ahead
        history.append((now, settled, worth))
        opened = breakers.on_equity(now, money(settled), money(worth))
        assert bool(opened) is (lost(history) >= 10)
        if opened:
            return
        breakers = BreakerSet.from_state(money(OPENING), json.loads(json.dumps(breakers.to_state())))
