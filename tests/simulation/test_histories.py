"""Thousands of seeded histories of crashes, rebalances and bad deliveries keep all promises."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.histories import FIRST_SEED, HISTORIES, run_history

pytestmark = pytest.mark.slow
CHUNK = 100
TOTAL: Counter[str] = Counter()
KINDS_OF_FAULT_MIN = 18


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES, CHUNK))
def test_histories_end_as_if_nothing_had_happened(first: int) -> None:
    injected: Counter[str] = Counter()
    for seed in range(first, min(first + CHUNK, FIRST_SEED + HISTORIES)):
        injected += run_history(seed)
    print(dict(injected))
    if HISTORIES >= CHUNK:
        assert len(injected) >= KINDS_OF_FAULT_MIN, injected
