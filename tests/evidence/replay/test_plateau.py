"""Peak and plateau of a grid, and the ratios of a sweep's runs against scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from statistics import variance

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from scipy import stats

from streams.cli.heat_map import heat_map, print_heat_map
from streams.errors import InputError
from streams.evidence.replay.grid_points import SweepPoint
from streams.evidence.replay.plateau import Surroundings, surroundings
from streams.evidence.replay.sweep_results import span_results, sweep_results
from streams.evidence.replay.what_if import WhatIf
from tests.evidence.metrics import rows

RESULTS = ((1, 2, 1, 9), (2, 5, 6, 0), (1, 6, 7, 1))
"""By slow and fast: the peak of 9 stands alone, and 7 has good neighbours."""
MINUTE = timedelta(minutes=1)
MINUTE_NS = 60_000_000_000


def point(run_id: str, **values: object) -> SweepPoint:
    return SweepPoint(run_id, WhatIf(), values)


def grid() -> tuple[list[SweepPoint], dict[str, Decimal]]:
    """Returns the points of RESULTS, the numbers written in several ways and out of order, and their results."""
    fast, slow, points, results = [40, "5", 10, "20.0"], [200, 50, 100], [], {}
    for row, line in zip((50, 100, 200), RESULTS, strict=True):
        for column, result in zip((5, 10, 20, 40), line, strict=True):
            results[f"{row}-{column}"] = Decimal(result)
    for down in slow:
        for across in fast:
            number = int(float(str(across)))
            points.append(point(f"{down}-{number}", slow=down, fast=across, model="a"))
    return points, results


def test_a_plateau_is_no_lonely_peak() -> None:
    points, results = grid()
    found = surroundings(points, results)
    assert [name for name, around in found.items() if around.is_peak] == ["50-40"]
    assert [name for name, around in found.items() if around.is_plateau] == ["200-20"]
    assert found["50-40"].neighbours_median == Decimal("0.5"), "of 1 and 0"
    assert found["100-10"].neighbours_median == Decimal(4), "of 2, 2, 6 and 6"


def test_values_that_are_no_numbers_have_no_neighbours() -> None:
    points = [point("a", model="x"), point("b", model="y")]
    found = surroundings(points, {"a": Decimal(1), "b": Decimal(2)})
    assert found == {"a": Surroundings(None, False, False), "b": Surroundings(None, True, True)}


def test_the_heat_map_marks_both(capsys: pytest.CaptureFixture[str]) -> None:
    points, results = grid()
    around = surroundings(points, results)
    found = [{"result": results[each.run_id]} | around[each.run_id]._asdict() for each in points]
    drawn = heat_map([each.values for each in points], found, "result")
    assert drawn is not None
    print_heat_map(drawn)
    printed = capsys.readouterr().out.split("\n")
    assert printed[1] == "slow down, fast across, model=a"
    assert [line.split() for line in printed if line[:1].isdigit()] == [
        ["50", "1.00", "2.00", "1.00", "9.00*"],
        ["100", "2.00", "5.00", "6.00", "0.00"],
        ["200", "1.00", "6.00", "7.00+", "1.00"],
    ]
    assert heat_map([{"fast": 1}, {"fast": 2}], found, "result") is None


@pytest.fixture(scope="module")
def prefix(client: Client) -> str:
    """Inserts three runs of eleven minutes, of which the second has no record in some minutes."""
    name = rows.new_run()
    for number, skipped in enumerate(((), (3, 4, 7), ())):
        values = equities(number)
        records = [
            {
                "trigger": "INTERVAL" if at else "SESSION_OPEN",
                "equity": value,
                "ts": rows.FIRST_DAY + at * MINUTE if at else rows.EPOCH,
            }
            for at, value in enumerate(values)
            if at not in skipped
        ]
        about = {"run_id": f"{name}-{number}", "account_id": "a", "currency": "USD", "cash": 0}
        rows.insert(client, "account_equity", [about | record for record in records])
    return name


def equities(number: int) -> list[int]:
    steps = (3, -1, 4, -1, 5, -9, 2, 6, -5, 3, 5)
    return [1000, *(1000 + sum(steps[: at + 1]) + at * number for at in range(len(steps)))]


def returns(number: int, skipped: Sequence[int], first: int, stop: int) -> list[float]:
    """Returns the returns of the minutes from first to stop, after the opening; a skipped minute changes nothing."""
    values = equities(number)
    for at in skipped:
        values[at] = values[at - 1]
    changes = [0, *np.diff(values)]
    return [float(change) / 1000 for change in changes[first:stop]]


@pytest.mark.parametrize(("first", "stop"), [(1, 12), (1, 6), (6, 12)])
def test_ratios_are_those_of_scipy(client: Client, prefix: str, first: int, stop: int) -> None:
    start_ns = int(rows.FIRST_DAY.timestamp()) * 10**9
    span = (start_ns + first * MINUTE_NS if first > 1 else None, start_ns + stop * MINUTE_NS if stop < 12 else None)
    names = [f"{prefix}-{number}" for number in range(3)]
    found = span_results(client, names, MINUTE_NS, *span)
    series = [returns(number, (3, 4, 7) if number == 1 else (), first, stop) for number in range(3)]
    ratios = [float(np.mean(each) / np.std(each, ddof=1)) for each in series]
    count, euler = len(ratios), 0.5772156649015329
    expected = math.sqrt(variance(ratios)) * (
        (1 - euler) * stats.norm.ppf(1 - 1 / count) + euler * stats.norm.ppf(1 - 1 / (count * math.e))
    )
    for name, each, ratio in zip(names, series, ratios, strict=True):
        row, n = found[name], stop - first
        assert row["periods"] == n
        assert float(row["result"]) == pytest.approx(sum(each) * 1000)
        assert row["sharpe"] == pytest.approx(ratio)
        spread = 1 - stats.skew(each) * ratio + (stats.kurtosis(each, fisher=False) - 1) / 4 * ratio**2
        assert row["dsr"] == pytest.approx(stats.norm.cdf((ratio - expected) * math.sqrt((n - 1) / spread)))


def test_a_split_judges_by_what_came_after(client: Client, prefix: str) -> None:
    points = [point(f"{prefix}-{number}", step=number) for number in range(3)]
    start_ns = int(rows.FIRST_DAY.timestamp()) * 10**9
    found = sweep_results(client, points, MINUTE_NS, start_ns + 6 * MINUTE_NS)
    assert [row["in_sample"] + row["out_of_sample"] for row in found] == [row["result"] for row in found]
    assert [row["is_peak"] for row in found] == [False, False, True]
    with pytest.raises(InputError, match="the market lies on one side"):
        sweep_results(client, points, MINUTE_NS, start_ns + 60 * MINUTE_NS)
    with pytest.raises(InputError, match="no account has a session in it"):
        sweep_results(client, [*points, point("nosuch", step=4)], MINUTE_NS, None)
