"""Market time of a live feed rises, follows the exchange's clock, and mixes no two clocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.pipeline.live.live_times import FAR_NS, QUIET_NS, SKEW_WINDOW_NS, LiveTimes
from tests.builders import MS, PROPERTY, SECOND, START

AHEAD = 1_270 * MS
"""Lead of an exchange's clock over the clock of the computer that recorded it."""


def test_the_exchanges_time_is_the_markets_time() -> None:
    times = LiveTimes({})
    assert times.next_ns("A", START, START + 30 * MS) == START
    assert times.next_ns("A", START + 5, START + 35 * MS) == START + 5
    assert (times.steps_back, times.unstamped, times.far) == (0, 0, 0)


def test_a_step_back_becomes_the_next_nanosecond_and_is_counted() -> None:
    times = LiveTimes({})
    times.next_ns("A", START, START)
    assert times.next_ns("A", START - 166 * MS, START) == START + 1
    assert times.next_ns("A", START, START) == START + 2, "a repeated stamp is no step back"
    assert (times.steps_back, times.step_back_max_ns) == (1, 166 * MS)


def test_symbols_have_times_of_their_own() -> None:
    times = LiveTimes({"A": START + SECOND})
    assert times.next_ns("A", START, START) == START + SECOND + 1
    assert times.next_ns("B", START, START) == START


def test_an_unstamped_update_is_put_on_the_exchanges_clock() -> None:
    for skew in (-AHEAD, AHEAD):
        times = LiveTimes({})
        times.next_ns("A", START, START + skew + 40 * MS)
        times.next_ns("A", START + SECOND, START + SECOND + skew + 20 * MS)
        received = START + 2 * SECOND + skew + 25 * MS
        assert times.next_ns("A", None, received) == START + 2 * SECOND + 5 * MS
        assert times.skew_ns == skew + 20 * MS
    assert times.unstamped == 1


def test_no_time_made_of_receipt_lies_ahead_of_the_exchanges_clock() -> None:
    times = LiveTimes({})
    times.next_ns("A", START, START - AHEAD + 10 * MS)
    heard = times.next_ns("A", None, START + SECOND - AHEAD + 10 * MS)
    assert heard <= START + SECOND


def test_a_stamp_far_from_the_clock_is_left_out() -> None:
    for wrong in (START + FAR_NS + 1, START - FAR_NS - 1, 0, 7_258_118_400 * SECOND):
        times = LiveTimes({})
        assert times.next_ns("A", wrong, START) == START
        assert (times.far, times.skew_ns) == (1, None)


def test_a_clock_that_drifts_is_followed() -> None:
    times = LiveTimes({})
    times.next_ns("A", START, START)
    for window in (1, 2):
        received = START + window * SKEW_WINDOW_NS
        times.next_ns("A", received - SECOND, received)
    assert times.skew_ns == SECOND


def test_only_a_quiet_symbol_has_a_heartbeat() -> None:
    times = LiveTimes({})
    times.next_ns("A", START, START + 20 * MS)
    assert times.heartbeat_ns("A", START + 20 * MS + QUIET_NS - 1) is None
    assert times.heartbeat_ns("A", START + 20 * MS + QUIET_NS) == START + QUIET_NS
    assert times.heartbeat_ns("new", START) is not None


@PROPERTY
@given(st.lists(st.tuples(st.none() | st.integers(-2 * FAR_NS, 2 * FAR_NS), st.integers(0, SECOND)), max_size=40))
def test_times_rise_and_stay_near_the_clock(steps: list[tuple[int | None, int]]) -> None:
    """Draws the exchange's time against the receipt, and the time until the next receipt."""
    times, received, last = LiveTimes({"A": START - 1}), START, START - 1
    for difference, pause in steps:
        time_ns = times.next_ns("A", None if difference is None else received + difference, received)
        assert last < time_ns <= received + FAR_NS + len(steps)
        last = time_ns
        received += pause
