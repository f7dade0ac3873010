"""Tests of latency models: draws depend on seed and order alone, keep their bounds and have the declared shape."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from schemas.records.messages import ApprovedOrder
from streams.core.reference.declarations import ModelConfig
from streams.core.simulators.latency_models import LatencyModel
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from tests.builders import MS, START, new


def model(name: str, **parameters: Any) -> LatencyModel:
    made: LatencyModel = make_model(ModelKind.LATENCY, ModelConfig.model_validate({"model": name} | parameters))
    return made


def request(number: int) -> ApprovedOrder:
    asked = new(f"o{number}")
    return ApprovedOrder(*asked[:11], "a0-1", "s", START, START, *asked[12:])


def drawn(found: LatencyModel, count: int = 2_000, seed: int = 1) -> list[int]:
    return [found.latency_ns(seed, request(number), START) for number in range(count)]


def test_uniform_takes_its_whole_range() -> None:
    values = drawn(model("uniform", min_ms="2", max_ms="4"))
    assert 2 * MS <= min(values) < 2.01 * MS
    assert 3.99 * MS < max(values) <= 4 * MS
    assert median(values) == pytest.approx(3 * MS, rel=0.03)


def test_lognormal_has_its_median_and_spread() -> None:
    values = sorted(drawn(model("lognormal", median_ms="5", sigma="0.5", max_ms="1000")))
    assert median(values) == pytest.approx(5 * MS, rel=0.05)
    one_sigma = values[int(0.841345 * len(values))] / median(values)
    assert one_sigma == pytest.approx(2.718281828**0.5, rel=0.06)
    assert max(drawn(model("lognormal", median_ms="5", sigma="3", max_ms="20"))) == 20 * MS


def test_draws_depend_on_seed_and_order_alone() -> None:
    found = model("lognormal", median_ms="5", sigma="0.5")
    assert drawn(found, 50) == drawn(model("lognormal", median_ms="5", sigma="0.5"), 50)
    assert drawn(found, 50) != drawn(found, 50, seed=2)


def test_these_draws_never_change() -> None:
    """Old journals must draw the same when they are replayed."""
    found = model("lognormal", median_ms="5", sigma="0.5")
    assert drawn(found, 3) == [5_671_069, 2_457_041, 4_947_256]


@pytest.mark.parametrize(("after_ns", "expected"), [(-5, 7), (0, 7), (9, 7), (10, 5), (10**9, 5)])
def test_the_newest_measurement_counts(after_ns: int, expected: int) -> None:
    found = model("recorded", times_ns=[START, START + 10], latencies_ns=[7, 5])
    assert found.latency_ns(1, request(0), START + after_ns) == expected
    assert found.most_ns() == 7
