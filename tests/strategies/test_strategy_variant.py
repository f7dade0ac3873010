"""A variant: equal for equal code and equal numbers, however they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records.bounds import TEXT_CHARS_MAX
from streams.strategies.code_digest import strategy_code
from streams.strategies.strategy_config import StrategyConfig
from streams.strategies.strategy_variant import StrategyVariant, variant_of

BASE: dict[str, Any] = {"strategy": "momentum", "symbol": "ABC", "quantity": "10", "max_position": "50", "every": 5}


def variant(**changes: Any) -> StrategyVariant:
    return variant_of(StrategyConfig.model_validate(BASE | changes))


def test_a_variant_is_code_and_plain_parameters() -> None:
    found = variant(latency={"model": "constant", "ms": "2.50"})
    assert found.code_sha256 == strategy_code("momentum").sha256
    assert json.loads(found.parameters) == {
        "entry": 0,
        "symbol": "ABC",
        "quantity": "10",
        "max_position": "50",
        "every": 5,
        "latency": {"model": "constant", "ms": "2.5"},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "10.000"},
        {"quantity": 10},
        {"latency": {"model": "constant", "ms": "0.0"}},
        {"cash": "1000"},
        {"strategy": "streams.strategies.momentum:Momentum"},
    ],
)
def test_what_changes_nothing_is_the_same_variant(changes: dict[str, Any]) -> None:
    assert variant(**changes) == variant()


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "11"},
        {"max_position": "51"},
        {"every": 6},
        {"symbol": "ABCD"},
        {"latency": {"model": "constant", "ms": 1}},
        {"latency": {"model": "uniform", "max_ms": 0}},
    ],
)
def test_another_parameter_is_another_variant(changes: dict[str, Any]) -> None:
    assert variant(**changes).code_sha256 == variant().code_sha256
    assert variant(**changes).parameters != variant().parameters


def test_measured_latencies_fit_into_a_record_and_count() -> None:
    def measured(last: int) -> StrategyVariant:
        return variant(
            latency={"model": "recorded", "times_ns": [*range(5_000)], "latencies_ns": [*range(4_999), last]}
        )

    assert len(measured(1).parameters) < TEXT_CHARS_MAX
    assert measured(1) == measured(1) != measured(2)
