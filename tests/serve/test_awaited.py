"""A request that waits for one thing is woken by it alone, and by the end."""

from __future__ import annotations

from streams.serve.awaited import Arrivals, Awaited

MINE, OTHER = Awaited("answer", "alice", "1"), Awaited("answer", "bob", "1")


def test_only_those_who_wait_for_it_are_woken() -> None:
    arrivals = Arrivals()
    mine, again, other = (arrivals.expect(wanted) for wanted in (MINE, MINE, OTHER))
    arrivals.came([MINE, Awaited("order", "bob", "1")])
    assert (mine.is_set(), again.is_set(), other.is_set()) == (True, True, False)


def test_who_left_is_not_woken() -> None:
    arrivals = Arrivals()
    left, stays = arrivals.expect(MINE), arrivals.expect(MINE)
    arrivals.leave(MINE, left)
    arrivals.came([MINE])
    assert (left.is_set(), stays.is_set()) == (False, True)


def test_the_end_wakes_everybody() -> None:
    arrivals = Arrivals()
    events = [arrivals.expect(wanted) for wanted in (MINE, OTHER)]
    arrivals.end()
    assert all(event.is_set() for event in events)
