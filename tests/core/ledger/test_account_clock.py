"""The account's clock is the shard's time; only journals from before orders_wait are replayed by clients' times."""

from __future__ import annotations

import pytest

from tests.builders import SECOND, START, config, new, quote
from tests.core.desk import ready

DAY = 24 * 3600 * SECOND


def test_the_clock_never_steps_back() -> None:
    ledger = ready().account().ledger
    assert ledger.advance(START + 5) == START + 5
    assert ledger.advance(START + 4) == START + 5
    assert ledger.advance(START + 6) == START + 6 == ledger.clock_ns


@pytest.mark.parametrize(
    ("request_ts", "by_the_old_rule"),
    [
        (START, START),
        (START + 1, START + 1),
        (START + DAY, START + DAY),
        (START + DAY + 1, START),
        (START - 1, START),
        (0, START),
    ],
)
def test_a_requests_time_counts_only_in_old_journals(request_ts: int, by_the_old_rule: int) -> None:
    for core, expected in ((config(), START), (config(orders_wait=False), by_the_old_rule)):
        desk = ready(core)
        desk.send(new("o", price="9.00", ts=request_ts), quote(at=START))
        assert desk.account().ledger.clock_ns in (0, expected), "without a request nothing has moved it"
        desk.send(new("now", price="9.00", ts=START))
        assert desk.account().ledger.clock_ns == expected
