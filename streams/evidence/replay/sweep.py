"""Runs many re-simulations in parallel, one for each combination of a grid. Finished runs are not repeated."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.evidence.replay.check_points import check_settings
from streams.evidence.replay.grid_points import SweepPoint
from streams.evidence.replay.input_source import InputSource, open_source
from streams.evidence.replay.run_register import is_registered
from streams.evidence.replay.shared_inputs import Opening, SharedInputs
from streams.evidence.replay.sweep_process import run_point, start_process


class SweepProgress(NamedTuple):
    """The progress of a sweep.

    Attributes:
        run_id: the run that was finished last; empty before the first.
        done, total: points that are finished, those of former sweeps included, and all points.
        left_s: seconds until the end at the present pace; None before the first run is finished.
    """

    run_id: str
    done: int
    total: int
    left_s: float | None


OnDone = Callable[[SweepProgress], None]


def sweep(
    settings: Settings,
    folders: Sequence[Path],
    strategies_only: bool,
    chosen: Sequence[SweepPoint],
    jobs: int,
    on_done: OnDone,
) -> None:
    """Runs the points that are not finished yet. folders, strategies_only: see open_source. Raises as run_points."""
    opening = settings, folders, strategies_only
    run_points(open_source(*opening, lambda _: None), opening, chosen, jobs, on_done)


def run_points(source: InputSource, opening: Opening, chosen: Sequence[SweepPoint], jobs: int, on_done: OnDone) -> None:
    """Does the same over an open source.

    Args:
        source: the source.
        opening: how it was opened.
        chosen: the points.
        jobs: number of processes.
        on_done: called at the start and with each finished run.

    Raises:
        InputError: a point does not fit the source, or its name belongs to another run.
    """
    check_settings(chosen, source.config)
    with closing(connect(opening[0])) as client:
        left = [
            point for point in chosen if not is_registered(client, point.run_id, point.what_if, point.base(source.name))
        ]
    before, total = len(chosen) - len(left), len(chosen)
    on_done(SweepProgress("", before, total, None))
    if not left:
        return
    with TemporaryDirectory(prefix="paper-sweep-") as place:
        shared = SharedInputs.of(source, opening, {bool(point.what_if.strategies) for point in left}, Path(place))
        started = time.monotonic()
        with _running(shared, left, jobs) as running:
            for number, future in enumerate(as_completed(running), 1):
                future.result()
                left_s = (time.monotonic() - started) / number * (len(left) - number)
                on_done(SweepProgress(running[future].run_id, before + number, total, left_s))


@contextmanager
def _running(shared: SharedInputs, left: Sequence[SweepPoint], jobs: int) -> Iterator[dict[Future[None], SweepPoint]]:
    """Yields the runs of the points. Upon an error or an interrupt their processes end at once."""
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(jobs, len(left)), context, initializer=start_process, initargs=(shared,))
    with pool:
        running = {pool.submit(run_point, point): point for point in left}
        try:
            yield running
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise
