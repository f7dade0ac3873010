"""Runs many re-simulations in parallel, one for each combination of a grid. Finished runs are not repeated."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from infra.clickhouse.client import connect
from infra.gc_tuning import collect_rarely
from infra.settings import Settings
from streams.core.reference.merge_patch import merge_patch
from streams.errors import InputError
from streams.evidence.replay.input_source import InputSource, open_source
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.run_register import is_registered, register_run
from streams.evidence.replay.shared_inputs import Opening, SharedInputs
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
    opening = settings, folders, strategies_only
    run_points(open_source(*opening, lambda _: None), opening, chosen, jobs, on_done)


def run_points(
    source: InputSource, opening: Opening, chosen: Sequence[SweepPoint], jobs: int, on_done: Callable[[str, int], None]
) -> None:
    """Does the same over an open source. opening: how it was opened."""
    settings = opening[0]
    with closing(connect(settings)) as client:
        left = [point for point in chosen if not is_registered(client, point.run_id, point.what_if, source.name)]
    if not left:
        return
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="paper-sweep-") as place:
        shared = SharedInputs.of(source, opening, {bool(point.what_if.strategies) for point in left}, Path(place))
        with ProcessPoolExecutor(min(jobs, len(left)), context, initializer=_start_process, initargs=(shared,)) as pool:
            running = {pool.submit(_run_point, point): point for point in left}
            for number, future in enumerate(as_completed(running), 1):
                future.result()
                on_done(running[future].run_id, len(left) - number)


class _PoolProcess:
    """The inputs of a process of the pool, which opens them once."""

    def __init__(self, shared: SharedInputs) -> None:
        self.shared = shared
        self._inputs: dict[bool, Iterable[ReplayInput]] = {}

    def inputs(self, strategies: bool) -> Iterable[ReplayInput]:
        """Returns the inputs of runs with or without strategies."""
        if strategies not in self._inputs:
            self._inputs[strategies] = self.shared.open(strategies)
        return self._inputs[strategies]


_process: list[_PoolProcess] = []


def _start_process(shared: SharedInputs) -> None:
    collect_rarely()
    _process.append(_PoolProcess(shared))


def _run_point(point: SweepPoint) -> None:
    (process,) = _process
    shared = process.shared
    settings = shared.opening[0].model_copy(update={"run_id": point.run_id})
    inputs = process.inputs(bool(point.what_if.strategies))
    with closing(Tables(settings, lambda seconds: None)) as tables:
        run = simulate(point.run_id, shared.config, inputs, point.what_if, tables)
    with closing(connect(settings)) as client:
        register_run(client, run, shared.name)


def point_texts(point: SweepPoint) -> Iterator[tuple[str, str]]:
    """Yields the grid's values of a run as text."""
    for name, value in point.values.items():
        yield name, value if isinstance(value, str) else json.dumps(value)
