"""Walk-forward: chooses the best point of a grid in one window of the market, and judges it in the next one.

A run begins its window without position, orders or history, and what it holds at the end counts at the last marks.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from streams.errors import InputError
from streams.evidence.replay.grid_points import HASH_CHARS, RUNS_MAX, MarketWindow, SweepPoint
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.market_time import MarketTimeline
from streams.evidence.replay.shared_inputs import Opening
from streams.evidence.replay.sweep import OnDone, run_points
from streams.evidence.replay.sweep_results import span_results
from streams.pipeline.feed.table import Ints


class WalkPlan(NamedTuple):
    """The division of the market.

    Attributes:
        train_ns, test_ns: lengths of the windows; each fold begins test_ns after the one before.
        anchored: whether every training window begins with the market, and so gets longer.
        period_ns: of one return, for the Sharpe ratio.
    """

    train_ns: int
    test_ns: int
    anchored: bool
    period_ns: int


class Fold(NamedTuple):
    """A training window and the test window that follows it."""

    train: MarketWindow
    test: MarketWindow


class FoldResult(NamedTuple):
    """A fold, the point that was best in its training window, and that point's results in both windows."""

    fold: Fold
    best: SweepPoint
    in_sample: Decimal
    out_of_sample: Decimal


class WalkResult(NamedTuple):
    """The result of a walk.

    Attributes:
        folds: in the order of time.
        out_of_sample: sum of the test windows' results.
        sharpe: of the periods of all test windows one after the other; None if undefined.
        efficiency: result for each nanosecond of the tests over that of the training windows; None if that lost.
    """

    folds: list[FoldResult]
    out_of_sample: Decimal
    sharpe: float | None
    efficiency: float | None


def walk_forward(
    source: InputSource, opening: Opening, points: Sequence[SweepPoint], plan: WalkPlan, jobs: int, on_done: OnDone
) -> WalkResult:
    """Runs all points in every training window and the best of each in its test window. Finished runs stay.

    Args:
        source: a market without a record.
        opening: how it was opened.
        points: of a grid; each has strategies.
        plan: the windows.
        jobs: number of processes.
        on_done: see run_points; called for the training windows, then for the test windows.

    Raises:
        InputError: the market is too short for a fold, there are too many runs, or as run_points raises.
    """
    timeline = source.inputs(strategies=True)
    assert isinstance(timeline, MarketTimeline), "strategies run in the order of market time"
    folds = list(folds_of(timeline.table.time, plan))
    if not folds:
        raise InputError("the market is shorter than one training window and its test window; make them shorter")
    if len(folds) * (len(points) + 1) > RUNS_MAX:
        raise InputError(f"{len(folds)} folds of {len(points)} points are more than {RUNS_MAX} runs; make it fewer")
    trained = [[_within(point, fold.train) for point in points] for fold in folds]
    run_points(source, opening, [point for fold in trained for point in fold], jobs, on_done)
    with closing(connect(opening[0])) as client:
        inside = [_results(client, fold, plan.period_ns) for fold in trained]
        best = [max(found, key=found.__getitem__) for found in inside]
        tests = [_within(points[at], fold.test) for at, fold in zip(best, folds, strict=True)]
        run_points(source, opening, tests, jobs, on_done)
        outside = [_results(client, [test], plan.period_ns)[0] for test in tests]
        sharpe = _joined_sharpe(client, tests, plan.period_ns)
    results = [found[at] for found, at in zip(inside, best, strict=True)]
    walked = [FoldResult(*parts) for parts in zip(folds, tests, results, outside, strict=True)]
    return WalkResult(walked, sum(outside, Decimal(0)), sharpe, _efficiency(walked))


def folds_of(times: Ints, plan: WalkPlan) -> Iterator[Fold]:
    """Yields the folds whose windows both lie within the market and hold updates. times: of the updates, rising."""
    first, end = int(times[0]), int(times[-1]) + 1
    for start in range(first + plan.train_ns, end - plan.test_ns + 1, plan.test_ns):
        train = MarketWindow(first if plan.anchored else start - plan.train_ns, start)
        fold = Fold(train, MarketWindow(start, start + plan.test_ns))
        if all(np.searchsorted(times, window.from_ns) < np.searchsorted(times, window.to_ns) for window in fold):
            yield fold


def _within(point: SweepPoint, window: MarketWindow) -> SweepPoint:
    digest = sha256(f"{point.run_id} {window.from_ns} {window.to_ns}".encode()).hexdigest()[:HASH_CHARS]
    prefix, _, _ = point.run_id.rpartition("-")
    return point._replace(run_id=f"{prefix}-{digest}", window=window)


def _results(client: Client, points: Sequence[SweepPoint], period_ns: int) -> dict[int, Decimal]:
    """Returns the results of points of one window, by their number."""
    found = span_results(client, [point.run_id for point in points], period_ns)
    return {at: found[point.run_id]["result"] for at, point in enumerate(points)}


def _joined_sharpe(client: Client, tests: Sequence[SweepPoint], period_ns: int) -> float | None:
    returns: list[float] = []
    for test in tests:
        assert test.window is not None
        found = span_results(client, [test.run_id], period_ns, *test.window, with_returns=True)
        returns += found[test.run_id]["returns_of_periods"]
    ((sharpe,),) = client.query(
        "SELECT paper_sharpe({returns:Array(Float64)})", parameters={"returns": returns}
    ).result_rows
    return None if sharpe is None else float(sharpe)


def _efficiency(folds: Sequence[FoldResult]) -> float | None:
    inside, outside = (
        float(sum(results)) / sum(window.to_ns - window.from_ns for window in windows)
        for results, windows in (
            ([fold.in_sample for fold in folds], [fold.fold.train for fold in folds]),
            ([fold.out_of_sample for fold in folds], [fold.fold.test for fold in folds]),
        )
    )
    return outside / inside if inside > 0 else None
