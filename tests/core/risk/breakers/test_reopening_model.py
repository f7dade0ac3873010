"""Breakers of money judge an account that is closed and opened again as they judge one that never was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.breakers.breaker_config import breaker_config
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.breaker_set import BreakerSet, Measured
from tests.builders import PROPERTY, SECOND, money

HOUR = 3600 * SECOND
MIDNIGHT = 19_000 * 24 * HOUR
OPENING = 100
STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, 1, HOUR, 7 * HOUR, 24 * HOUR)),
        st.integers(85, 130),
        st.integers(85, 130),
        st.none() | st.integers(0, 1_000),
    ),
    min_size=1,
    max_size=40,
)
"""Time ahead, balance, equity, and the cash with which the account is opened again when it has closed its positions."""


def breakers_of(document: dict[str, Any], opening: int) -> BreakerSet:
    config = breaker_config({"amount": "10", **document})
    return BreakerSet(opening, [Breaker("b", config, meter_of(config, opening))])


DOCUMENTS = pytest.mark.parametrize(
    "document",
    [
        {"kind": "loss"},
        {"kind": "loss", "timezone": "America/New_York"},
        {"kind": "loss", "measure": "realised"},
        {"kind": "loss", "window_ms": 36_000_000},
        {"kind": "drawdown", "since": "day"},
        {"kind": "drawdown", "since": "account"},
    ],
)


@DOCUMENTS
@PROPERTY
@given(steps=STEPS)
def test_reopening_with_any_cash_changes_no_judgement(
    document: dict[str, Any], steps: list[tuple[int, int, int, int | None]]
) -> None:
    steady, opened = breakers_of(document, money(OPENING)), breakers_of(document, money(OPENING))
    now, more, opening = MIDNIGHT, 0, money(OPENING)
    for ahead, settled, worth, cash in steps:
        now += ahead
        levels = [(money(settled), money(worth))] + ([(money(settled),) * 2] if cash is not None else [])
        for balance, equity in levels:
            expected = steady.on_equity(now, balance, equity)
            found = opened.on_equity(now, balance + more, equity + more)
            assert [item.breach and item.breach.observed for item in found] == [
                item.breach and item.breach.observed for item in expected
            ]
            if expected:
                return
        if cash is not None:
            opening, ended = money(cash), money(settled) + more
            last, opened = opened, breakers_of(document, opening)
            opened.go_on(last, opening - ended)
            more = opening - money(settled)
        opened = BreakerSet.from_state(opening, json.loads(json.dumps(opened.to_state())))


@DOCUMENTS
@PROPERTY
@given(steps=STEPS, names=st.lists(st.none() | st.sampled_from(("b", "c")), min_size=40, max_size=40))
def test_a_breaker_under_changing_names_or_away_for_sessions_judges_as_one_that_stayed(
    document: dict[str, Any], steps: list[tuple[int, int, int, int | None]], names: list[str | None]
) -> None:
    config, steady = breaker_config({"amount": "10", **document}), breakers_of(document, money(OPENING))
    opened = breakers_of(document, money(OPENING))
    now, more, opening = MIDNIGHT, 0, money(OPENING)
    for (ahead, settled, worth, cash), name in zip(steps, names, strict=False):
        now += ahead
        levels = [(money(settled), money(worth))] + ([(money(settled),) * 2] if cash is not None else [])
        for balance, equity in levels:
            expected = bool(steady.on_equity(now, balance, equity))
            found = opened.on_equity(now, balance + more, equity + more)
            assert bool(found) is (expected and bool(opened.by_name))
            if expected:
                return
        if cash is not None:
            opening, ended = money(cash), money(settled) + more
            last, opened = opened, BreakerSet(opening)
            opened.configure({} if name is None else {name: config})
            opened.go_on(last, opening - ended, Measured.OF_ANY_NAME)
            more = opening - money(settled)
        opened = BreakerSet.from_state(opening, json.loads(json.dumps(opened.to_state())))
