"""A shard is a function of its inputs: two runs agree, and one restored from its state goes on as if never stopped."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import ControlKind, Side, TimeInForce
from schemas.records.messages import OrderRequest
from schemas.records.output import Message, Output
from streams.core.core_config import CoreConfig
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    Update,
    cancel,
    columns,
    config,
    control,
    heartbeat,
    instrument,
    new,
    opening,
    quote,
    replace,
    updates,
)
from tests.core.desk import Desk, last, ready
from tests.core.scenarios import CONFIGS, PRICES, STEADY, stories

Changes = dict[int, CoreConfig]
"""Configurations by the step before which they come into force."""

CHANGES = st.dictionaries(st.integers(0, 30), st.sampled_from(CONFIGS), max_size=3)


def run(story: list[Message], core: CoreConfig, changes: Changes, restarts: set[int], at_record_time: bool) -> Desk:
    """Runs a story; both shards are restored from their states before the steps named in restarts."""
    desk = Desk(core)
    for step, message in enumerate(story):
        if step in changes:
            desk.configure(changes[step])
        if step in restarts:
            desk.restart()
        desk.send(message, at=START + step * SECOND // 3 if at_record_time else None)
    return desk


@pytest.mark.slow
@settings(PROPERTY, max_examples=250)
@given(
    stories(payments=True), st.sampled_from(CONFIGS), CHANGES, st.sets(st.integers(0, 30), max_size=4), st.booleans()
)
def test_a_restored_shard_goes_on_as_if_never_stopped(
    story: list[Message], core: CoreConfig, changes: Changes, restarts: set[int], at_record_time: bool
) -> None:
    """Outputs are compared as text, so that a plain string differs from an enumeration."""
    uninterrupted = run(story, core, changes, set(), at_record_time)
    interrupted = run(story, core, changes, restarts, at_record_time)
    assert list(map(repr, interrupted.outputs)) == list(map(repr, uninterrupted.outputs))
    assert interrupted.state() == uninterrupted.state()


@settings(PROPERTY, max_examples=50)
@given(stories(payments=True), st.sampled_from(CONFIGS), CHANGES)
def test_two_runs_are_equal(story: list[Message], core: CoreConfig, changes: Changes) -> None:
    assert repr(run(story, core, changes, set(), False).outputs) == repr(
        run(story, core, changes, set(), False).outputs
    )


FULL = [
    new("stranger", Side.BUY, "10", "9.00"),
    opening(),
    new("waits", Side.BUY, "10", "9.99", tif=TimeInForce.DAY),
    cancel("waits too", "waits", ts=START + SECOND),
    new("waits longer", Side.SELL, "10", "10.50"),
    quote(ask_sz="30"),
    new("under way", Side.BUY, "20", "10.02"),
    new("stranger", Side.BUY, "10", "9.00"),
    quote(ask_sz="30", at=START + 7_000_000),
    new("takes the rest", Side.BUY, "20", "10.02", tif=TimeInForce.DAY),
    replace("changes", "waits longer", "15", "10.40"),
    heartbeat(START + 2 * SECOND),
    quote("10.40", "10.60", at=START + 70 * SECOND),
    control(ControlKind.LIMITS, limits='{"max_position": "40"}'),
    new("too much", Side.BUY, "100", "9.00"),
    heartbeat(START + 24 * 3600 * SECOND),
    control(ControlKind.SESSION_CLOSE),
]
"""A story whose state holds, at one step or another, every kind of thing that a shard remembers."""


@pytest.mark.parametrize("step", range(len(FULL)))
def test_it_goes_on_after_a_restart_at_any_step(step: int) -> None:
    uninterrupted = run(FULL, CONFIGS[1], {}, set(), at_record_time=False)
    interrupted = run(FULL, CONFIGS[1], {}, {step}, at_record_time=False)
    assert list(map(repr, interrupted.outputs)) == list(map(repr, uninterrupted.outputs))
    assert interrupted.state() == uninterrupted.state()


def test_fewer_remembered_ids_stay_fewer_after_a_restart() -> None:
    desks = [ready(), ready()]
    for desk in desks:
        desk.send(*[new(f"o{number}", Side.BUY, "1") for number in range(5)])
        desk.configure(config(seen_order_ids_max=2))
        desk.send(new("o5", Side.BUY, "1"))
    desks[1].restart()
    for desk in desks:
        desk.send(new("o0", Side.BUY, "2"), new("o5", Side.BUY, "2"))
        assert (last(desk, "o0").reason_code, last(desk, "o5").reason_code) == (None, "DUPLICATE_ORDER_ID")
    assert desks[0].state() == desks[1].state()


def test_orders_of_an_instrument_that_is_taken_away_can_be_cancelled_and_nothing_else() -> None:
    desk = ready()
    desk.send(new("o", Side.BUY, "10", "9.00"), new("p", Side.BUY, "10", "9.00"))
    desk.configure(config(instruments=()))
    desk.send(
        new("n", Side.BUY, "10", "9.00"),
        replace("r", "o", "20"),
        columns("ABC", [("Q", START + 1, (1, 10**12, 2, 10**12))]),
    )
    assert last(desk, "n").reason_code == "UNKNOWN_INSTRUMENT"
    assert (last(desk, "o").reason_code, last(desk, "o").terminal) == ("UNKNOWN_INSTRUMENT", False)
    assert desk.fills == []
    desk.send(cancel("c", "o"))
    assert last(desk, "o").terminal
    assert list(desk.account().ledger.working) == ["p"]


def test_a_new_definition_applies_to_what_arrives_after_it() -> None:
    desk = ready(hold=True)
    desk.send(new("o", Side.BUY, "10"))
    desk.configure(config(instruments=()))
    desk.deliver_all()
    assert (last(desk).reason_code, last(desk).terminal) == ("UNKNOWN_INSTRUMENT", True)


def test_a_new_day_end_holds_for_orders_that_arrive_after_it() -> None:
    midnight, noon = 1_700_006_400 * SECOND, (1_700_006_400 + 12 * 3600) * SECOND
    desk = ready()
    desk.send(new("o1", Side.BUY, "10", "9.00", tif=TimeInForce.DAY))
    desk.configure(config(instruments=(instrument(day_end="12:00"),)))
    desk.send(new("o2", Side.BUY, "10", "9.00", tif=TimeInForce.DAY), heartbeat(midnight), heartbeat(noon))
    ends = [(item.order_id, item.ts) for item in desk.executions if item.exec_type == "EXPIRED"]
    assert ends == [("o1", midnight), ("o2", noon)]


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Update], dict[int, list[OrderRequest]]]:
    """Updates, and requests with the number of updates before each."""
    market = draw(updates(14))
    sent: dict[int, list[OrderRequest]] = {}
    for number in range(draw(st.integers(1, 6))):
        index = draw(st.integers(0, len(market)))
        now = market[index - 1][1] if index else START
        ts = now + draw(st.sampled_from((0, 1, 3_000_000, SECOND)))
        order = new(f"o{number}", draw(st.sampled_from((Side.BUY, Side.SELL))), "40", draw(PRICES), ts=ts)
        sent.setdefault(index, []).append(order)
        if draw(st.booleans()):
            sent[index].append(cancel(f"c{number}", f"o{number}", ts=ts + SECOND))
    return market, sent


def executions(
    market: list[Update], sent: dict[int, list[OrderRequest]], cuts: set[int], core: CoreConfig
) -> list[Output]:
    """Returns the venue's reports if records end at the cuts and at each request."""
    desk = Desk(core)
    desk.send(opening(), columns("ABC", [("Q", START, (10**10, 10**12, 10**10, 10**12))]))
    desk.outputs.clear()
    start = 0
    for end in sorted(cuts | set(sent) | {len(market)}):
        if end > start:
            desk.send(columns("ABC", market[start:end]))
        desk.send(*sent.get(end, ()))
        start = end
    desk.send(heartbeat(START + 100 * SECOND))
    return [item for item in desk.outputs if item.topic == "executions"]


@pytest.mark.slow
@settings(PROPERTY, max_examples=200)
@given(days(), st.sets(st.integers(0, 14)), st.sampled_from(STEADY))
def test_executions_do_not_depend_on_how_updates_are_split_into_records(
    day: tuple[list[Update], dict[int, list[OrderRequest]]], cuts: set[int], core: CoreConfig
) -> None:
    """In event time each request keeps its place among the updates. Marks may differ: at most one for each record."""
    market, sent = day
    # An account shard releases requests for later by marks, of which a record has one; here the venue is tried.
    core = core.model_copy(update={"orders_wait": False})
    one_each = executions(market, sent, set(range(len(market) + 1)), core)
    assert executions(market, sent, {cut for cut in cuts if cut <= len(market)}, core) == one_each
