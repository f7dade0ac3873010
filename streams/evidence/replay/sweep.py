"""Runs many re-simulations in parallel, one for each combination of a grid. Finished runs are not repeated."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.core.reference.merge_patch import merge_patch
from streams.errors import InputError
from streams.evidence.replay import run_register
from streams.evidence.replay.input_source import InputSource, open_source
from streams.evidence.replay.market_time import MarketTimeline
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.what_if import WhatIf, read_yaml
from streams.pipeline.sink.tables import Tables

RUNS_MAX = 10_000
HASH_CHARS = 10
GRID_REMEDY = "write YAML, as `orders.scale: [0.5, 1, 2]`"


class SweepPoint(NamedTuple):
    """A run of a sweep. values: the values of the grid that it changes."""

    run_id: str
    what_if: WhatIf
    values: dict[str, Any]


def read_grid(path: Path) -> dict[str, list[Any]]:
    """Reads a grid: dotted names of settings, each with its values. Raises InputError."""
    document = read_yaml(path, GRID_REMEDY)
    if not isinstance(document, dict) or not all(isinstance(values, list) and values for values in document.values()):
        raise InputError(f"{path}: a grid is a mapping of names to lists of values; {GRID_REMEDY}")
    return document


def sweep_points(prefix: str, grid: Mapping[str, Sequence[Any]], base: Mapping[str, Any]) -> list[SweepPoint]:
    """Returns a point for each combination of the grid, named after a hash of its changes. base: changes of all runs.

    Raises InputError.
    """
    combinations = list(product(*grid.values()))
    if len(combinations) > RUNS_MAX:
        raise InputError(f"the grid has {len(combinations)} combinations; at most {RUNS_MAX} are run")
    found = []
    for combination in combinations:
        values = dict(zip(grid, combination, strict=True))
        what_if = WhatIf.parse(merge_patch(base, _document(values)), "grid")
        found.append(SweepPoint(f"{prefix}-{what_if.sha256[:HASH_CHARS]}", what_if, values))
    return found


def _document(values: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = str(value) if isinstance(value, float) else value
    return document


def sweep(
    settings: Settings,
    folders: Sequence[Path],
    strategies_only: bool,
    chosen: Sequence[SweepPoint],
    jobs: int,
    on_done: Callable[[str, int], None],
) -> None:
    """Runs the points that are not finished yet. folders, strategies_only: see open_source.

    on_done: called with the name of a finished run and the number of runs left.
    """
    base = open_source(settings, folders, strategies_only, lambda _: None).name
    with closing(connect(settings)) as client:
        left = [point for point in chosen if not run_register.is_registered(client, point.run_id, point.what_if, base)]
    if not left:
        return
    context = multiprocessing.get_context("spawn")
    arguments = (settings, folders, strategies_only)
    with ProcessPoolExecutor(min(jobs, len(left)), context, initializer=_start_process, initargs=arguments) as pool:
        running = {pool.submit(_run_point, point): point for point in left}
        for number, future in enumerate(as_completed(running), 1):
            future.result()
            on_done(running[future].run_id, len(left) - number)


class _PoolProcess:
    """The inputs of a process of the pool, which reads them once."""

    def __init__(self, settings: Settings, source: InputSource) -> None:
        self.settings = settings
        self.source = source
        self._inputs: dict[bool, Iterable[ReplayInput]] = {}

    def inputs(self, strategies: bool) -> Iterable[ReplayInput]:
        """Returns the inputs of the source in a form that can be iterated many times."""
        if strategies not in self._inputs:
            found = self.source.inputs(strategies)
            self._inputs[strategies] = found if isinstance(found, MarketTimeline) else list(found)
        return self._inputs[strategies]


_process: list[_PoolProcess] = []


def _start_process(settings: Settings, folders: Sequence[Path], strategies_only: bool) -> None:
    _process.append(_PoolProcess(settings, open_source(settings, folders, strategies_only, lambda _: None)))


def _run_point(point: SweepPoint) -> None:
    (process,) = _process
    settings = process.settings.model_copy(update={"run_id": point.run_id})
    inputs = process.inputs(bool(point.what_if.strategies))
    with closing(Tables(settings, lambda seconds: None)) as tables:
        run = simulate(point.run_id, process.source.config, inputs, point.what_if, tables)
    with closing(connect(settings)) as client:
        run_register.register_run(client, run, process.source.name)


def point_texts(point: SweepPoint) -> Iterator[tuple[str, str]]:
    """Yields the grid's values of a run as text."""
    for name, value in point.values.items():
        yield name, value if isinstance(value, str) else json.dumps(value)
