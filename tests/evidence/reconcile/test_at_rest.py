"""A pipeline is at rest if two looks at its topics find the same ends."""

from __future__ import annotations

import pytest

from streams.errors import NotAtRest
from streams.evidence.reconcile.at_rest import await_rest, demand_rest

PLACES = [("orders", 0), ("orders", 1), ("marks", 0), ("fills", 0), ("desk", 0), ("market.data", 0), ("executions", 0)]


def test_what_grew_is_named_what_clients_write_first() -> None:
    before = dict.fromkeys(PLACES, 5)
    demand_rest(before, before)
    now = {place: 5 + number for number, place in enumerate(PLACES)}
    with pytest.raises(NotAtRest) as refusal:
        demand_rest(before, now)
    assert "written to market.data-0 (+5), orders-1 (+1), executions-0 (+6), desk-0 (+4)" in str(refusal.value)
    assert "and 1 more partitions" in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_the_last_records_of_a_pipeline_may_still_come() -> None:
    ends = iter([{PLACES[0]: 1}, {PLACES[0]: 2}, {PLACES[0]: 2}])
    assert await_rest(lambda: next(ends)) == {PLACES[0]: 2}


def test_a_pipeline_that_never_rests_is_refused() -> None:
    ends = iter(range(10))
    with pytest.raises(NotAtRest, match=r"orders-0 \(\+1\)"):
        await_rest(lambda: {PLACES[0]: next(ends)}, settle_s=0)
