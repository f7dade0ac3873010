"""A sweep of EMA crosses over a market: seconds, and memory of each process, without storing any row."""

import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from infra.gc_tuning import collect_rarely
from infra.settings import Settings
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import InstrumentConfig
from streams.core.simulators.simulator_choice import TOP_OF_BOOK
from streams.evidence.replay.grid_points import SweepPoint, sweep_points
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.shared_inputs import SharedInputs
from streams.evidence.replay.simulate import simulate
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.peak_memory import BYTES_PER_MB
from streams.tools.bench.peers.make_market_file import make_quotes_file
from streams.tools.bench.peers.market_file import save_arrays
from streams.tools.bench.peers.measure_peers import ask_peer

FAST, SLOW = (4, 6, 8, 10, 12), (15, 20, 30, 40)
SWEPT: dict[str, list[int]] = {
    "strategies.ema.parameters.fast": [*FAST],
    "strategies.ema.parameters.slow": [*SLOW],
}
BAR_TICKS, DISTANCE_BPS, QUANTITY = 50, 5, 10


class SweepFigures(NamedTuple):
    """Figures of a sweep.

    Attributes:
        engine: whose.
        points, seconds: number of runs, and seconds from the market in memory to the last result, start included.
        process_mb: most resident memory of one process, in megabytes.
        own_mb: the part of it that it shares with no other process; None if it was not measured.
        orders: orders, or trades where an engine counts these, of all runs.
    """

    engine: str
    points: int
    seconds: float
    process_mb: float
    own_mb: float | None
    orders: int


class _PointMemory(NamedTuple):
    orders: int
    resident: int
    own: int


_shared: list[Any] = []


def measure_sweep(settings: Settings, config: CoreConfig, table: MarketTable, jobs: int) -> SweepFigures:
    """Runs the points of SWEPT in processes that share the market. config: knows the table's symbol."""
    source, opening = InputSource("sweep", config, None, table), (settings, (), True)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="paper-sweep-") as place:
        shared = SharedInputs.of(source, opening, {True}, Path(place))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, initializer=_open, initargs=(shared,)) as pool:
            found: Sequence[_PointMemory] = list(pool.map(_run, bench_points(table.symbols[0])))
    seconds = time.perf_counter() - started
    resident, own = (max(each) / BYTES_PER_MB for each in zip(*(point[1:] for point in found), strict=True))
    return SweepFigures("paper", len(found), seconds, resident, own, sum(point.orders for point in found))


def measure_sweep_peers(python: Path, table: MarketTable, config: InstrumentConfig, jobs: int) -> list[SweepFigures]:
    """Runs the same grid in hftbacktest and vectorbt, each in its own way. python: of the engines' environment.

    Raises:
        PeerError: an engine failed, or the quotes lack a side or a size.
    """
    swept = {"fast": FAST, "slow": SLOW, "bar_ticks": [BAR_TICKS], "distance_bps": [DISTANCE_BPS]}
    figures = []
    with tempfile.TemporaryDirectory(prefix="paper-peers-") as folder:
        path = Path(folder) / "market.npz"
        save_arrays(make_quotes_file(table, config, 0), path)
        for name in ("hftbacktest", "vectorbt"):
            request = swept | {"market": str(path), "quantity": [QUANTITY], "jobs": [jobs]}
            answer = ask_peer(python, f"{name}_sweep", request)
            told = answer["seconds"], answer["process_mb"], None, int(answer["orders"])
            figures.append(SweepFigures(name, len(FAST) * len(SLOW), *told))
    return figures


def bench_points(symbol: str) -> list[SweepPoint]:
    """Returns the points of SWEPT for a symbol. The latency is constant, so that no stop overtakes its entry."""
    parameters = {"bar_ticks": BAR_TICKS, "distance_bps": str(DISTANCE_BPS), "quantity": str(QUANTITY)}
    told = {"strategy": "examples.ema_cross:EmaCross", "symbol": symbol, "cash": "1000000", "parameters": parameters}
    return sweep_points("bench", SWEPT, {"config": {"simulator": TOP_OF_BOOK}, "strategies": {"ema": told}})


def _open(shared: SharedInputs) -> None:
    collect_rarely()
    _shared.extend((shared, shared.open(strategies=True)))


def _run(point: SweepPoint) -> _PointMemory:
    shared, inputs = _shared
    counted = _OrderCount()
    simulate(point.run_id, shared.config, inputs, point.what_if, counted)
    memory = psutil.Process().memory_full_info()
    return _PointMemory(counted.orders, memory.rss, memory.uss)


class _OrderCount:
    """A store that counts orders and forgets all rows."""

    def __init__(self) -> None:
        self.orders = 0

    def insert(self, topic: str, rows: list[Any], container: bytes) -> None:
        """See streams.evidence.replay.run_results.RowStore."""
        self.orders += len(rows) if topic == "orders" else 0
