"""Nothing that a client writes moves a clock: not of windows, breakers, days, sessions or authorisations."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Action, Side
from schemas.records.messages import ApprovedOrder, Mark, OrderRequest
from schemas.records.output import Message
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.venue import venue_records
from tests.builders import MS, PROPERTY, SECOND, START, cancel, config, heartbeat, limits, new, opening, quote, replace
from tests.core.desk import Desk, last, of, ready

BUY, SELL = Side.BUY, Side.SELL
HOUR = 3600 * SECOND


def states(desk: Desk) -> list[str]:
    return [breaker.state for breaker in desk.account().breakers.by_name.values()]


def breaking(**breaker: Any) -> CoreConfig:
    return config(limits=limits(breakers={"b": breaker}))


def test_an_order_dated_two_hours_ahead_begins_no_new_day() -> None:
    """At 22:13 the account has lost 4 %, and 4 % more are too much; on the next day they would not be."""
    desk = Desk(breaking(kind="loss", percent="5"))
    desk.send(opening(cash="1000"), quote(), new("b", BUY, "100"))
    desk.send(quote("9.60", "9.62", at=START + SECOND), new("s", SELL, "100"))
    assert states(desk) == ["CLOSED"]
    desk.send(new("ahead", BUY, "1", "9.00", ts=START + 2 * HOUR), new("b2", BUY, "100"))
    desk.send(quote("9.25", "9.27", at=START + 3 * SECOND))
    assert states(desk) == ["OPEN"]


def test_orders_dated_201_ms_apart_do_not_pass_a_rate_of_5_in_a_second() -> None:
    desk = ready(config(limits=limits(order_rate={"limit": 5, "window_ms": 1_000})))
    for number in range(40):
        desk.send(new(f"o{number}", BUY, "1", "9.00", ts=START + number * 201 * MS))
    assert len(of(ApprovedOrder, desk.outputs)) == 5
    for tenth in range(1, 100):
        desk.send(heartbeat(START + tenth * 100 * MS))
    passed = [order.ts for order in of(ApprovedOrder, desk.outputs)]
    assert len(passed) > 5, "the market has come to the times of others"
    assert all(sum(first <= ts < first + SECOND for ts in passed) <= 5 for first in passed)


def test_an_open_breaker_does_not_go_half_open_at_an_order_dated_ahead() -> None:
    desk = ready(breaking(kind="frequency", limit=3, window_ms=1_000, wait_ms=3_600_000, trial_orders=1))
    desk.send(*(new(f"o{number}", BUY, "1", "9.00") for number in range(3)))
    assert states(desk) == ["OPEN"]
    desk.send(new("ahead", BUY, "1", "9.00", ts=START + HOUR), new("near", BUY, "1", "9.00", ts=START + SECOND))
    assert states(desk) == ["OPEN"]
    assert last(desk, "near").reason_code == "BREAKER_OPEN"
    desk.send(heartbeat(START + HOUR - SECOND))
    assert states(desk) == ["OPEN"]
    assert last(desk, "ahead").reason_code == "BREAKER_OPEN", "it is judged when the market is there"


def test_record_times_that_step_back_or_stand_still_move_nothing() -> None:
    desk = Desk(config(time_source=TimeSource.RECORD))
    desk.send(opening(), quote(), at=START)
    desk.send(new("o", BUY, "1", "9.00", ts=START + HOUR), at=START - 365 * 24 * HOUR)
    assert desk.accounts.time_ns == START == desk.account().ledger.clock_ns


TIMES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3 * HOUR, 30 * HOUR).map(lambda after: START + after),
    st.sampled_from((0, START, START + SECOND, START + SECOND + 1)),
)


@st.composite
def sent(draw: st.DrawFn) -> list[Message]:
    """Draws requests of any time, with marks between them."""
    story: list[Message] = []
    now_ns = START
    for number in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(("new", "new", "cancel", "replace", "mass", "mark")))
        target, ts = f"o{draw(st.integers(0, 10))}", draw(TIMES)
        if kind == "new":
            story.append(new(f"o{number}", draw(st.sampled_from((BUY, SELL))), "1", "9.00", ts=ts))
        elif kind == "cancel":
            story.append(cancel(f"o{number}", target, ts=ts))
        elif kind == "replace":
            story.append(replace(f"o{number}", target, "2", ts=ts))
        elif kind == "mass":
            story.append(cancel(f"o{number}", None, ts=ts)._replace(action=Action.MASS_CANCEL))
        else:
            now_ns += draw(st.sampled_from((MS, SECOND, HOUR, 25 * HOUR)))
            story.append(venue_records.heartbeat("", now_ns))
    return story


LIMITED = config(
    limits=limits(
        order_rate={"limit": 3, "window_ms": 1_000},
        repeated_order={"limit": 4, "window_ms": 2_000},
        breakers={
            "frequency": {"kind": "frequency", "limit": 6, "window_ms": 1_000, "wait_ms": 5_000, "trial_orders": 1},
            "loss": {"kind": "loss", "percent": "5"},
        },
    )
)


@settings(PROPERTY)
@given(sent(), st.integers(0, 24))
def test_the_clock_is_what_marks_say_whatever_clients_write(story: list[Message], restart: int) -> None:
    """The clock, every time that is remembered, and the outputs of a shard that is restored in the middle."""
    desks = [ready(LIMITED, hold=True), ready(LIMITED, hold=True)]
    now_ns = START
    for step, message in enumerate(story):
        if step == restart:
            desks[1].restart()
        if isinstance(message, Mark):
            now_ns = message.ts
        for desk in desks:
            desk.outputs += desk.accounts.apply(message, None)
            assert desk.accounts.time_ns == now_ns
            assert desk.account().ledger.clock_ns in (0, now_ns) or not isinstance(message, OrderRequest)
            assert desk.account().ledger.clock_ns <= now_ns
            memory = desk.account().memory.to_state()
            assert all(time_ns <= now_ns for time_ns in memory["orders"])
    assert list(map(repr, desks[0].outputs)) == list(map(repr, desks[1].outputs))
    assert desks[0].state() == desks[1].state()
