"""Tests of updates by ccxt: impossible ones never come out, and possible ones are exact."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pipeline.live.back_off import BackOff
from streams.pipeline.live.ccxt_agreement import BOOKS_MIN, LASTING_NS, Agreement
from streams.pipeline.live.ccxt_tape import Tape
from streams.pipeline.live.ccxt_updates import DEPTH, book_of, quote_of, trade_of
from streams.pipeline.live.source import SourceHealth
from streams.pipeline.live.update_checks import number_of
from streams.pipeline.live.update_refusals import SAY_EVERY_NS, Refusals, RefusedUpdate

NOW = 1_800_000_000_000_000_000
DAY_MS = 86_400_000
QUOTE: dict[str, Any] = {"timestamp": 1_800_000_000_000, "bid": 1.5, "bidVolume": 2.0, "ask": 1.6, "askVolume": 3.0}
TRADE: dict[str, Any] = {"timestamp": 1_800_000_000_000, "price": 1.5, "amount": 2.0, "side": "sell"}
HOSTILE = [float("nan"), float("inf"), float("-inf"), -1.0, 1e-12, 1e30, "x", "0x10", [], {}, True, 10**5_000]


@given(st.integers(1, 10**15 - 1))
def test_a_number_of_15_digits_survives_the_float(units: int) -> None:
    exact = Decimal(units).scaleb(-9)
    assert number_of(float(exact), "quote") == exact


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: str(value)[:10] if not isinstance(value, int) else "int")
def test_a_hostile_number_is_refused_wherever_it_stands(value: object) -> None:
    for name in ("bid", "bidVolume", "ask", "askVolume"):
        with pytest.raises(RefusedUpdate):
            quote_of("A", QUOTE | {name: value}, NOW)
    for name in ("price", "amount"):
        with pytest.raises(RefusedUpdate):
            trade_of("A", TRADE | {name: value}, NOW)
    for level in ([value, 1.0], [1.0, value]):
        with pytest.raises(RefusedUpdate):
            book_of("A", {"bids": [level], "asks": []}, NOW)


@pytest.mark.parametrize("missing", [None, 0, 0.0, "0"])
def test_a_side_without_price_or_size_is_empty(missing: object) -> None:
    for name in ("bid", "bidVolume"):
        quote = quote_of("A", QUOTE | {name: missing}, NOW)
        assert quote[3:] == (Decimal(0), Decimal(0), Decimal("1.6"), Decimal(3))
    with pytest.raises(RefusedUpdate):
        trade_of("A", TRADE | {"price": missing}, NOW)


@pytest.mark.parametrize(
    ("millis", "time_ns"),
    [
        (None, None),
        (1, 1_000_000),
        (1_800_000_000_000 + DAY_MS, NOW + DAY_MS * 1_000_000),
    ],
)
def test_a_time_within_a_day_is_taken(millis: int | None, time_ns: int | None) -> None:
    assert quote_of("A", QUOTE | {"timestamp": millis}, NOW).exchange_ns == time_ns


@pytest.mark.parametrize("millis", [0, -1, 1_800_000_000_001 + DAY_MS, float("nan"), float("inf"), "1", True, 10**40])
def test_a_time_of_no_clock_is_refused(millis: object) -> None:
    with pytest.raises(RefusedUpdate):
        trade_of("A", TRADE | {"timestamp": millis}, NOW)


def test_crossed_prices_are_refused() -> None:
    with pytest.raises(RefusedUpdate, match=r"bid 1\.7 is above ask 1.6"):
        quote_of("A", QUOTE | {"bid": 1.7}, NOW)
    assert quote_of("A", QUOTE | {"bid": 1.6}, NOW).bid == Decimal("1.6")
    with pytest.raises(RefusedUpdate, match=r"best bid 2\.0 is not below best ask 2\.0"):
        book_of("A", {"bids": [[2.0, 1.0]], "asks": [[2.0, 1.0]]}, NOW)
    with pytest.raises(RefusedUpdate, match="out of order"):
        book_of("A", {"bids": [[2.0, 1.0], [2.5, 1.0]], "asks": []}, NOW)


def test_a_book_has_the_best_levels() -> None:
    bids = [[100.0 - level, 1.0] for level in range(DEPTH + 5)]
    book = book_of("A", {"timestamp": None, "bids": bids, "asks": []}, NOW)
    assert book.bids == tuple((Decimal(100 - level), Decimal(1)) for level in range(DEPTH))
    assert (book.asks, book.exchange_ns) == ((), None)


def test_refusals_are_counted_and_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    health = SourceHealth()
    refusals = Refusals("binance", health)
    with caplog.at_level(logging.WARNING):
        for at in (0, 1, SAY_EVERY_NS - 1, SAY_EVERY_NS):
            refusals.take("A", "quote", "price NaN", at)
        refusals.take("B", "quote", "price NaN", 1)
    assert health.refused == 5
    assert caplog.messages == [
        "binance A: refused quote: price NaN (1 refused so far)",
        "binance A: refused quote: price NaN (4 refused so far)",
        "binance B: refused quote: price NaN (5 refused so far)",
    ]


def test_only_a_lasting_disagreement_counts() -> None:
    right, wrong = (Decimal(1), Decimal(2)), (Decimal(1), Decimal(3))
    agreement = Agreement()
    assert not agreement.book_is_wrong(wrong, 0)
    agreement.quote(right, 0)
    assert not agreement.book_is_wrong(right, 0)
    step = LASTING_NS // BOOKS_MIN
    found = [agreement.book_is_wrong(wrong, step * number) for number in range(1, BOOKS_MIN + 1)]
    assert found == [False] * (BOOKS_MIN - 1) + [True]
    assert not agreement.book_is_wrong(right, step * BOOKS_MIN)
    assert not agreement.book_is_wrong(wrong, step * BOOKS_MIN + 1)


def test_a_book_behind_the_quotes_agrees() -> None:
    agreement = Agreement()
    for number in range(200):
        agreement.quote((Decimal(number + 1), Decimal(number + 2)), number * 100_000_000)
        shown = max(number - 15, 0)
        assert not agreement.book_is_wrong((Decimal(shown + 1), Decimal(shown + 2)), number * 100_000_000)


def test_a_trade_comes_once() -> None:
    tape = Tape()
    cache = [{"id": "1"}, {"id": "2"}]
    assert tape.fresh(cache) == cache
    assert tape.fresh(cache) == []
    cache.append({"id": "3"})
    assert tape.fresh(cache) == [{"id": "3"}]
    assert tape.fresh([{"id": "2"}, {"id": "3"}, {"id": "4"}]) == [{"id": "4"}]
    assert len(tape.fresh([{"id": None}, {}])) == 2


def test_delays_double_up_to_a_bound() -> None:
    class Most:
        def uniform(self, low: float, high: float) -> float:
            assert (low, high) == (0.5, 1)
            return high

    delays = [BackOff(Most(), 0.25, 60).delay_s(attempt) for attempt in (0, 1, 2, 8, 10_000)]  # type: ignore[arg-type]
    assert delays == [0.25, 0.5, 1, 60, 60]
