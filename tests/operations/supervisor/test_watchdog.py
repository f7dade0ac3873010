"""Tests of the watchdog's verdicts and of the pause before a restart."""

from __future__ import annotations

import pytest

from streams.operations.health.health import Health, PartitionLag, PartitionOwner
from streams.operations.supervisor.restart_backoff import FIRST_S, MAX_S, STEADY_S, RestartBackoff
from streams.operations.supervisor.supervisor import observation
from streams.operations.supervisor.watchdog import Observation, Watchdog

PATIENCE_S = 10.0
STARTED = {"w": 0.0}


def seen(at: float, position: int | None, lagging: bool, sign: int | None = None) -> Observation:
    positions = {} if position is None else {"w": position}
    takeovers = {} if sign is None else {"w": sign}
    return Observation(at, positions, frozenset({"w"} if lagging else ()), takeovers)


@pytest.mark.parametrize(
    ("name", "observations", "condemned"),
    [
        ("stands still with lag", [seen(0, 5, True), seen(1, 5, True), seen(11, 5, True)], True),
        ("stands still, not long enough", [seen(0, 5, True), seen(1, 5, True), seen(10, 5, True)], False),
        ("moves", [seen(0, 5, True), seen(6, 6, True), seen(12, 7, True), seen(18, 8, True)], False),
        ("moves once in between", [seen(0, 5, True), seen(1, 5, True), seen(6, 6, True), seen(12, 6, True)], False),
        ("nothing to do", [seen(0, 5, False), seen(20, 5, False), seen(40, 5, False)], False),
        ("has caught up in between", [seen(0, 5, True), seen(1, 5, True), seen(6, 5, False), seen(12, 5, True)], False),
        ("never joined", [seen(1, None, False), seen(50, None, False), seen(51, None, False)], True),
        ("joins late", [seen(1, None, False), seen(11, None, False), seen(50, 5, False), seen(58, 5, False)], False),
        ("drops out", [seen(1, 5, False), seen(2, None, False), seen(12, None, False)], True),
        ("recovers for long", [seen(at, 5, True, sign=at) for at in range(0, 600, 8)], False),
        ("takes over in a long step", [seen(0, 5, True), seen(1, 5, True, 7), seen(50, 5, True, 7)], False),
        (
            "hangs while it takes over",
            [seen(0, 5, True), seen(1, 5, True, 7), seen(2, 5, True, 7), seen(52, 5, True, 7)],
            True,
        ),
        ("hangs after it", [seen(0, 5, True, 7), seen(1, 5, True), seen(2, 5, True), seen(12, 5, True)], True),
    ],
)
def test_verdicts(name: str, observations: list[Observation], condemned: bool) -> None:
    watchdog = Watchdog(PATIENCE_S)
    verdicts = [watchdog.observe(item, STARTED) for item in observations]
    assert [bool(verdict) for verdict in verdicts] == [False] * (len(verdicts) - 1) + [condemned], name


def test_patience_starts_again_with_a_restart() -> None:
    watchdog = Watchdog(PATIENCE_S)
    watchdog.observe(seen(0, None, False), STARTED)
    assert watchdog.observe(seen(51, None, False), {"w": 9.0}) == {}
    assert watchdog.observe(seen(59, None, False), {"w": 9.0}).keys() == {"w"}


def test_no_worker_is_condemned_for_an_outage_of_the_broker() -> None:
    watchdog = Watchdog(PATIENCE_S)
    watchdog.observe(seen(0, 5, True), STARTED)
    watchdog.observe(seen(1, 5, True), STARTED)
    watchdog.forget()
    assert watchdog.observe(seen(60, 5, True), STARTED) == {}
    assert watchdog.observe(seen(71, 5, True), STARTED).keys() == {"w"}


def test_an_observation_adds_up_the_positions_of_a_members_partitions() -> None:
    lag = [
        PartitionLag("g", "orders", 0, 0, 0.0, 7),
        PartitionLag("g", "orders", 1, 3, 1.0, 5),
        PartitionLag("g", "marks", 0, 0, 0.0, 2),
        PartitionLag("other", "orders", 0, 9, 1.0, 0),
    ]
    owners = [
        PartitionOwner("g", "orders", 0, "a"),
        PartitionOwner("g", "orders", 1, "b"),
        PartitionOwner("g", "marks", 0, "a"),
    ]
    health = Health("", lag, owners, {"g": ["a", "b", "idle"]}, [], [], None, [])
    assert observation(health, "g", 3.0, {"b": 1}) == Observation(
        3.0, {"a": 9, "b": 5, "idle": 0}, frozenset({"b"}), {"b": 1}
    )


def test_pauses_double_up_to_a_bound_and_start_again_after_a_long_life() -> None:
    backoff = RestartBackoff()
    pauses = [backoff.pause_s(1.0) for _ in range(12)]
    assert pauses[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert pauses[-1] == MAX_S
    assert backoff.pause_s(STEADY_S) == FIRST_S
