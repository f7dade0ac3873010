"""A process of a sweep: it maps the market of all processes into memory and runs one point after the other."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable
from contextlib import closing

from infra.clickhouse.client import connect
from infra.gc_tuning import collect_rarely
from streams.evidence.replay.grid_points import SweepPoint
from streams.evidence.replay.market_time import MarketTimeline
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.run_register import register_run
from streams.evidence.replay.shared_inputs import SharedInputs
from streams.evidence.replay.simulate import simulate
from streams.pipeline.sink.tables import Tables


class _SweepProcess:
    """The inputs of a process, which opens them once."""

    def __init__(self, shared: SharedInputs) -> None:
        self.shared = shared
        self._inputs: dict[bool, Iterable[ReplayInput]] = {}

    def inputs(self, strategies: bool) -> Iterable[ReplayInput]:
        """Returns the inputs of runs with or without strategies."""
        if strategies not in self._inputs:
            self._inputs[strategies] = self.shared.open(strategies)
        return self._inputs[strategies]


_process: list[_SweepProcess] = []


def start_process(shared: SharedInputs) -> None:
    """Prepares a process of the pool. It ends at once when the sweep ends, even if that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    collect_rarely()
    _process.append(_SweepProcess(shared))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "the pool starts this process"
    parent.join()
    os._exit(1)


def run_point(point: SweepPoint) -> None:
    """Runs a point, stores its rows, and registers it as finished."""
    (process,) = _process
    shared = process.shared
    settings = shared.opening[0].model_copy(update={"run_id": point.run_id})
    inputs = process.inputs(bool(point.what_if.strategies))
    if point.window is not None:
        assert isinstance(inputs, MarketTimeline), "a window is of a market without a record"
        inputs = inputs.market_between(*point.window)
    with closing(Tables(settings, lambda seconds: None)) as tables:
        run = simulate(point.run_id, shared.config, inputs, point.what_if, tables)
    with closing(connect(settings)) as client:
        register_run(client, run, point.base(shared.name))
