"""Sliding windows against their definitions, recomputed from the whole history after each event."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.core.risk import windows
from streams.core.risk.windows import EventWindow, HighWindow, RateWindow, SumWindow
from tests.builders import PROPERTY

SPAN = 10
STEPS = st.lists(st.tuples(st.sampled_from((0, 0, 1, 3, 9, 10, 11)), st.integers(0, 6)), min_size=1, max_size=60)


def times(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Time and value of each step."""
    now, found = 100, []
    for ahead, value in steps:
        now += ahead
        found.append((now, value))
    return found


def reborn(window: Any, *arguments: Any) -> Any:
    """Returns the window restored from its state as JSON text."""
    again = type(window)(*arguments)
    again.load(json.loads(json.dumps(window.to_state())))
    return again


@PROPERTY
@given(steps=STEPS, limit=st.integers(1, 12))
def test_event_counts_are_exact_below_the_limit(steps: list[tuple[int, int]], limit: int) -> None:
    window, history = EventWindow(limit, SPAN), list[tuple[int, int]]()
    for now, value in times(steps):
        history.append((now, value + 1))
        exact = sum(count for at, count in history if now - SPAN < at <= now)
        counted = window.add(now, value + 1)
        assert (counted == exact) if exact < limit else (limit <= counted <= exact)
        assert len(window.to_state()) <= limit
        window = reborn(window, limit, SPAN)


@PROPERTY
@given(steps=STEPS, count=st.integers(1, 8))
def test_rates_by_count(steps: list[tuple[int, int]], count: int) -> None:
    window, history = RateWindow(count, None), list[int]()
    for now, value in times(steps):
        history.append(value % 2)
        window.add(now, 1, value % 2)
        assert (window.observations, window.failures) == (len(history[-count:]), sum(history[-count:]))
        window = reborn(window, count, None)


@PROPERTY
@given(steps=STEPS)
def test_rates_by_time(steps: list[tuple[int, int]]) -> None:
    window, history = RateWindow(None, SPAN), list[tuple[int, int]]()
    for now, value in times(steps):
        history.append((now, value))
        window.add(now, 6, value)
        inside = [failures for at, failures in history if now - SPAN < at]
        assert (window.observations, window.failures) == (6 * len(inside), sum(inside))
        window = reborn(window, None, SPAN)


@PROPERTY
@given(steps=STEPS, count=st.integers(1, 8))
def test_sums_of_the_last_values(steps: list[tuple[int, int]], count: int) -> None:
    window, history = SumWindow(count), list[int]()
    for _, value in times(steps):
        history.append(value - 3)
        window.add(value - 3)
        assert (len(window), window.total) == (len(history[-count:]), sum(history[-count:]))
        window = reborn(window, count)


@PROPERTY
@given(steps=STEPS)
def test_the_highest_level_of_a_window(steps: list[tuple[int, int]]) -> None:
    window, history = HighWindow(SPAN), list[tuple[int, int]]()
    for now, value in times(steps):
        history.append((now, value))
        inside = [level for at, level in history if at > now - SPAN]
        in_force = [level for at, level in history if at <= now - SPAN][-1:]
        assert window.add(now, value) == max(inside + in_force)
        window = reborn(window, SPAN)


def test_a_window_of_time_is_bounded_by_count(monkeypatch: Any) -> None:
    """Beyond the bound a rate covers the newest times only, and a high is never too low."""
    monkeypatch.setattr(windows, "OBSERVATIONS_MAX", 3)
    rate, high = RateWindow(None, 1_000), HighWindow(1_000)
    for now in range(10):
        rate.add(now, 1, int(now < 8))
        assert high.add(now, 100 - now) == 100
    assert (rate.observations, rate.failures) == (3, 1)
    assert len(high) == 3
    assert high.add(1_008, 0) >= 92
