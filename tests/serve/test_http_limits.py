"""Tests of the limits of the HTTP service."""

from __future__ import annotations

from streams.serve.http_limits import BUCKETS, RateLimit


def test_a_key_may_send_a_burst_and_no_more() -> None:
    limit = RateLimit(rate_per_s=0.001, burst=3)
    assert [limit.allows("a") for _ in range(4)] == [True, True, True, False]
    assert limit.allows("b")


def test_wrong_keys_fill_no_memory() -> None:
    limit = RateLimit(rate_per_s=1e9, burst=400)
    for number in range(20 * BUCKETS):
        limit.allows(f"guess-{number}")
    assert len(limit._buckets) <= BUCKETS


def test_a_key_that_is_limited_stays_limited_among_wrong_keys() -> None:
    limit = RateLimit(rate_per_s=0.001, burst=1)
    assert limit.allows("a")
    for number in range(3 * BUCKETS):
        limit.allows(f"guess-{number}")
    assert not limit.allows("a")
