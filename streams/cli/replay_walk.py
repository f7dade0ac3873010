"""`paper replay walk-forward`: judges a grid by what came after it was chosen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from schemas.records.numbers import NANOS_PER_S
from streams.cli.options import JSON_LINES
from streams.cli.replay_options import DATA, WITH
from streams.cli.replay_sweep import GRID, JOBS, NANOS_PER_MINUTE, PERIOD, read_points, say_progress

if TYPE_CHECKING:
    from streams.evidence.replay.walk_forward import WalkResult

COLUMNS = ("train_from", "test_from", "test_to", "in_sample", "out_of_sample", "run_id")


def walk_grid(
    grid: Path = GRID,
    train: float = typer.Option(..., min=0.001, help="Minutes of market time in which the best combination is chosen."),
    test: float = typer.Option(..., min=0.001, help="Minutes that follow, in which it is judged."),
    anchored: bool = typer.Option(False, help="Begin every training window with the market, so that it gets longer."),
    name: str = typer.Option("walk", help="Prefix of the runs' names."),
    with_: Path = WITH,
    data: list[Path] = DATA,
    jobs: int = JOBS,
    period: float = PERIOD,
    as_json: bool = JSON_LINES,
) -> None:
    """Runs a grid in one window of the market and its best combination in the next window, again and again.

    The market comes from files, and the strategies bring their cash, as with --strategies-only. A run begins its window
    without a position or a history. Started again, it runs only what is missing.
    """
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.evidence.replay.input_source import open_source
    from streams.evidence.replay.walk_forward import WalkPlan, walk_forward

    points = read_points(name, grid, with_, strategies_only=True)
    opening = get_settings(), data, True
    train_ns, test_ns, period_ns = (round(minutes * NANOS_PER_MINUTE) for minutes in (train, test, period))
    plan = WalkPlan(train_ns, test_ns, anchored, period_ns)
    found = walk_forward(open_source(*opening, say), opening, points, plan, jobs, say_progress)
    _print_walk(found, as_json)


def _print_walk(found: WalkResult, as_json: bool) -> None:
    from streams.cli.output import print_rows
    from streams.evidence.replay.grid_points import point_texts

    rows = []
    for fold in found.folds:
        times = (fold.fold.train.from_ns, *fold.fold.test)
        about = dict(zip(COLUMNS, map(_time, times), strict=False))
        results = {"in_sample": fold.in_sample, "out_of_sample": fold.out_of_sample, "run_id": fold.best.run_id}
        rows.append(about | dict(point_texts(fold.best)) | results)
    print_rows(rows, [*COLUMNS[:3], *found.folds[0].best.values, *COLUMNS[3:]], as_json)
    joined = {"out_of_sample": found.out_of_sample, "sharpe": found.sharpe, "efficiency": found.efficiency}
    if as_json:
        print_rows([{"folds": len(rows)} | joined], (), as_json)
    else:
        print()
        print_rows([{"folds": len(rows)} | joined], ("folds", *joined), as_json)


def _time(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NANOS_PER_S, UTC).replace(microsecond=time_ns % NANOS_PER_S // 1000)
