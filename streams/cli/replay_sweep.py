"""`paper replay sweep`: runs a grid of settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from schemas.records.numbers import NANOS_PER_S
from streams.cli.options import JSON_LINES
from streams.cli.replay_options import DATA, STRATEGIES_ONLY, WITH

if TYPE_CHECKING:
    from streams.evidence.replay.grid_points import SweepPoint
    from streams.evidence.replay.sweep import SweepProgress

GRID = typer.Option(..., help="YAML file with settings to change and a list of values for each.")
JOBS = typer.Option(os.cpu_count(), min=1, help="Number of runs at the same time.")
PERIOD = typer.Option(5, min=0.001, help="Minutes of market time of one return, for the columns sharpe and dsr.")
NANOS_PER_MINUTE = 60 * NANOS_PER_S
COLUMNS = (
    "fills", "fees", "result", "worst_drawdown", "sharpe", "dsr", "neighbours_median", "run_id",
)  # fmt: skip
SPLIT_COLUMNS = ("in_sample", "out_of_sample", "out_sharpe")


def sweep_grid(
    grid: Path = GRID,
    name: str = typer.Option("sweep", help="Prefix of the runs' names."),
    with_: Path = WITH,
    data: list[Path] = DATA,
    strategies_only: bool = STRATEGIES_ONLY,
    jobs: int = JOBS,
    split: str = typer.Option(
        None,
        help="UTC market time that ends the sample: peak, plateau and dsr are found before it, and judged after it.",
    ),
    period: float = PERIOD,
    as_json: bool = JSON_LINES,
) -> None:
    """Runs every combination of a grid of settings, and shows the best one and the plateau.

    Started again, it runs only what is missing, also after an interrupt or a crash. Each combination counts as a trial
    for the gate.
    """
    from tempfile import TemporaryDirectory

    from infra.settings import get_settings
    from streams.cli.archive import write_pipeline
    from streams.cli.times import parse_time
    from streams.evidence.replay.archive import MANIFEST
    from streams.evidence.replay.sweep import sweep

    settings = get_settings()
    split_ns = parse_time("--split", split)
    chosen = read_points(name, grid, with_, strategies_only)
    with TemporaryDirectory(prefix="paper-sweep-") as folder:
        if not strategies_only and not any((path / MANIFEST).is_file() for path in data):
            archive = Path(folder) / "archive"
            write_pipeline(archive)
            data = [archive, *data]
        sweep(settings, data, strategies_only, chosen, jobs, say_progress)
    _print_sweep(chosen, period, split_ns, as_json)


def read_points(name: str, grid: Path, with_: Path | None, strategies_only: bool) -> list[SweepPoint]:
    """Reads the points of a grid and checks their strategies. Raises InputError."""
    from streams.evidence.replay.check_points import check_strategies
    from streams.evidence.replay.grid_points import read_grid, sweep_points
    from streams.evidence.replay.what_if import read_document

    chosen = sweep_points(name, read_grid(grid), read_document(with_) if with_ else {})
    if strategies_only:
        for point in chosen:
            point.what_if.require_strategies()
    check_strategies(chosen)
    return chosen


def say_progress(progress: SweepProgress) -> None:
    """Prints how many runs are finished and how long the others will take."""
    from streams.cli.output import say

    count = f"{progress.done:,}/{progress.total:,} runs are finished"
    if progress.left_s is None:
        say(count)
    else:
        say(f"{count}, about {progress.left_s:,.0f} s left ({progress.run_id})")


def _print_sweep(chosen: list[SweepPoint], period: float, split_ns: int | None, as_json: bool) -> None:
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.cli.heat_map import heat_map, print_heat_map
    from streams.cli.output import print_rows
    from streams.evidence.replay.grid_points import point_texts
    from streams.evidence.replay.sweep_results import sweep_results

    with closing(connect(get_settings())) as client:
        found = sweep_results(client, chosen, round(period * NANOS_PER_MINUTE), split_ns)
    rows = [
        dict(point_texts(point)) | {name: plain(value) for name, value in row.items()}
        for point, row in zip(chosen, found, strict=True)
    ]
    if as_json:
        print_rows(rows, (), as_json)
        return
    shown = [*COLUMNS[:-1], *SPLIT_COLUMNS, COLUMNS[-1]] if split_ns is not None else COLUMNS
    print_rows(rows, [*chosen[0].values, *shown], as_json)
    drawn = heat_map([point.values for point in chosen], found, "result" if split_ns is None else "in_sample")
    if drawn:
        print_heat_map(drawn)


def plain(value: Any) -> Any:
    """Returns counts as text, as scripts know them, and all other values as they are."""
    return str(value) if type(value) is int else value
