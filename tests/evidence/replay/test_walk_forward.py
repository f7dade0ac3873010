"""Walk-forward: the windows of the folds, the runs in them, and the joined result."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np

from infra.settings import Settings
from streams.evidence.replay.grid_points import MarketWindow
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.walk_forward import Fold, WalkPlan, folds_of
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from tests.builders import config
from tests.end_to_end.processes import done, paper

TIMES = np.array([0, 10, 20, 30, 90, 100], np.int64)


def fold(train_from: int, test_from: int, test_to: int) -> Fold:
    return Fold(MarketWindow(train_from, test_from), MarketWindow(test_from, test_to))


def test_windows_follow_each_other_and_hold_updates() -> None:
    rolling = list(folds_of(TIMES, WalkPlan(train_ns=20, test_ns=10, anchored=False, period_ns=1)))
    assert rolling == [fold(0, 20, 30), fold(10, 30, 40)], "the later windows hold no updates"
    anchored = list(folds_of(TIMES, WalkPlan(train_ns=20, test_ns=10, anchored=True, period_ns=1)))
    assert anchored == [fold(0, 20, 30), fold(0, 30, 40), fold(0, 90, 100)]
    assert list(folds_of(TIMES, WalkPlan(95, 10, anchored=False, period_ns=1))) == []


def test_a_window_is_a_market_of_its_own() -> None:
    core = config()
    table = synthetic(SyntheticMarket(7, seconds=4), core.instruments)
    whole = market_only(table, core)
    first, stop = len(table) // 4, len(table) // 2
    part = whole.market_between(int(whole.table.time[first]), int(whole.table.time[stop]))
    assert part.table.time[0] == whole.table.time[first]
    assert part.table.time[-1] < whole.table.time[stop]
    assert part.heartbeats[0].time_ns > part.table.time[-1]
    ran = simulate("part", core, part, WhatIf(), None)
    assert ran.inputs == len(part.table) + len(part.heartbeats)


def test_the_best_of_each_window_is_judged_in_the_next(
    server_settings: Settings,
    told: tuple[str, ...],
    tmp_path: Path,
) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text("strategies.ema.parameters.fast: [3, 8]\n")
    options = [option for option in told if option != "--strategies-only"]
    windows = ("--train", "0.12", "--test", "0.1", "--period", "0.02")
    walk = ("replay", "walk-forward", *options, "--grid", str(grid), *windows)
    result = paper(server_settings, *walk, "--json")
    assert result.returncode == 0, result.stderr
    *folds, joined = map(json.loads, result.stdout.splitlines())
    assert joined["folds"] == len(folds) == 2
    assert Decimal(joined["out_of_sample"]) == sum(Decimal(fold["out_of_sample"]) for fold in folds)
    assert folds[0]["test_to"] == folds[1]["test_from"]
    assert "4/4 runs are finished" in result.stderr, "two windows of two combinations"
    assert "2/2 runs are finished" in result.stderr
    again = paper(server_settings, *walk, "--json")
    assert again.stdout == result.stdout
    assert again.stderr.endswith("4/4 runs are finished\n2/2 runs are finished\n"), "nothing is run again"
    assert "folds" in done(server_settings, *walk)
    short = paper(server_settings, *walk, "--train", "60")
    assert (short.returncode, "shorter than one training window" in short.stderr) == (1, True)
