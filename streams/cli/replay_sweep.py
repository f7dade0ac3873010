"""`paper replay sweep`: runs a grid of settings."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.options import JSON_LINES
from streams.cli.replay_options import DATA, STRATEGIES_ONLY, WITH

if TYPE_CHECKING:
    from streams.evidence.replay.grid_points import SweepPoint
    from streams.evidence.replay.sweep import SweepProgress

GRID = typer.Option(..., help="YAML file with settings to change and a list of values for each.")
JOBS = typer.Option(os.cpu_count(), min=1, help="Number of runs at the same time.")


def sweep_grid(
    grid: Path = GRID,
    name: str = typer.Option("sweep", help="Prefix of the runs' names."),
    with_: Path = WITH,
    data: list[Path] = DATA,
    strategies_only: bool = STRATEGIES_ONLY,
    jobs: int = JOBS,
    as_json: bool = JSON_LINES,
) -> None:
    """Runs every combination of a grid of settings.

    Started again, it runs only what is missing, also after an interrupt or a crash. Each combination counts as a trial
    for the gate.
    """
    from tempfile import TemporaryDirectory

    from infra.settings import get_settings
    from streams.cli.archive import write_pipeline
    from streams.evidence.replay.archive import MANIFEST
    from streams.evidence.replay.sweep import sweep

    settings = get_settings()
    chosen = read_points(name, grid, with_, strategies_only)
    with TemporaryDirectory(prefix="paper-sweep-") as folder:
        if not strategies_only and not any((path / MANIFEST).is_file() for path in data):
            archive = Path(folder) / "archive"
            write_pipeline(archive)
            data = [archive, *data]
        sweep(settings, data, strategies_only, chosen, jobs, say_progress)
    _print_sweep(chosen, as_json)


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


def _print_sweep(chosen: list[SweepPoint], as_json: bool) -> None:
    from contextlib import closing

    from infra.clickhouse.client import connect, query_file
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.evidence.replay.grid_points import point_texts

    with closing(connect(get_settings())) as client:
        result = client.query(query_file("replay_summary"), parameters={"run_ids": [point.run_id for point in chosen]})
    found = {row[0]: dict(zip(result.column_names, map(plain, row), strict=True)) for row in result.result_rows}
    rows = [dict(point_texts(point)) | found[point.run_id] for point in chosen]
    columns = list(dict.fromkeys([*chosen[0].values, *result.column_names]))
    print_rows(rows, columns, as_json)


def plain(value: Any) -> Any:
    """Returns counts as text, as scripts know them, and amounts and times as they are."""
    return value if isinstance(value, Decimal | datetime) else str(value)
