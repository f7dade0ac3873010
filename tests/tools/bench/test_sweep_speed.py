"""`paper bench sweep`: all points run, in a process that shares the market."""

from __future__ import annotations

from infra.settings import Settings
from streams.evidence.replay.check_points import check_settings, check_strategies
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.tools.bench.sweep_speed import bench_points, measure_sweep
from tests.builders import config


def test_twenty_points_are_measured() -> None:
    core = config(mark_interval_ms=60_000)
    table = synthetic(SyntheticMarket(7, seconds=24), core.instruments[:1])
    points = bench_points(table.symbols[0])
    check_strategies(points)
    check_settings(points, core)
    found = measure_sweep(Settings(_env_file=None), core, table, jobs=1)
    assert (found.engine, found.points) == ("paper", len(points)) == ("paper", 20)
    assert found.own_mb is not None
    assert 0 < found.own_mb < found.process_mb
    assert found.seconds > 0
    assert found.orders > 0
