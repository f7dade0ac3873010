"""The account's clock believes credible times of requests, and never steps back."""

from __future__ import annotations

import pytest

from tests.builders import SECOND, START
from tests.core.desk import ready

DAY = 24 * 3600 * SECOND


@pytest.mark.parametrize(
    ("request_ts", "record_time", "expected"),
    [
        (None, False, START),
        (START, False, START),
        (START + 1, False, START + 1),
        (START + DAY, False, START + DAY),
        (START + DAY + 1, False, START),
        (START - 1, False, START),
        (0, False, START),
        (START + 1, True, START),
    ],
)
def test_a_requests_time_counts_within_a_day_of_the_markets(
    request_ts: int | None, record_time: bool, expected: int
) -> None:
    assert ready().account().ledger.advance(START, request_ts, record_time=record_time) == expected


def test_the_clock_never_steps_back() -> None:
    ledger = ready().account().ledger
    ledger.advance(START, START + 5, record_time=False)
    assert ledger.advance(START, START + 3, record_time=False) == START + 5
    assert ledger.advance(START + 4, None, record_time=False) == START + 5
    assert ledger.advance(START + 6, None, record_time=False) == START + 6 == ledger.clock_ns
