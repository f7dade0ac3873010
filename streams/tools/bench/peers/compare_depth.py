"""Compares the venue's processor time with hftbacktest's: the same quotes, books, trades and orders, many orders."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from schemas.records.enums import ExecType
from schemas.records.messages import ExecutionReport
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ModelConfig, SimulatorConfig
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.feed.infer_instruments import infer_instruments
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.peers.make_depth_file import make_depth_file
from streams.tools.bench.peers.market_file import save_arrays
from streams.tools.bench.peers.measure_peers import PeerNumbers, ask_peer, flags
from streams.tools.bench.resimulation import RECORDED, with_orders
from streams.tools.bench.touch_orders import touch_orders

COUNTS = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
QUOTES = slice(200_000, 255_000)
"""Rows of the recorded day of quotes that are compared."""
DEEP = tuple(f"BTCUSDT_BINANCE_USDM_20240808.{kind}.csv.gz" for kind in ("l2", "trades"))
ROUNDS = 2
"""Number of rounds of ours. The fastest counts."""


class DepthCase(NamedTuple):
    """A market to compare on. table: of one symbol. fill: the fill model of resting orders."""

    name: str
    table: MarketTable
    fill: str


def depth_cases(folder: Path, quotes: MarketTable) -> list[DepthCase]:
    """Returns the cases: best quotes, and books with trades where the folder has them. quotes: in place of the day."""
    day = folder / RECORDED
    found = [DepthCase("l1", rows(read_file(day), QUOTES) if day.exists() else quotes, "touch")]
    if all((folder / name).exists() for name in DEEP):
        found.append(DepthCase("l2", MarketTable.merged([read_file(folder / name) for name in DEEP]), "queue"))
    return found


def rows(table: MarketTable, chosen: slice) -> MarketTable:
    """Returns some rows of a table of quotes."""
    columns = ("symbol", "kind", "time", "bid_px", "bid_sz", "ask_px", "ask_sz")
    return replace(table, **{name: getattr(table, name)[chosen] for name in columns})


def compare_depth(
    python: Path, config: CoreConfig, cases: Sequence[DepthCase], on_step: Callable[[str], None]
) -> PeerNumbers:
    """Returns for each case and number of orders our seconds and hftbacktest's, their ratio, and the differing ends.

    Raises PeerError: hftbacktest failed, or a side or a size is missing.
    """
    numbers: PeerNumbers = {}
    with tempfile.TemporaryDirectory(prefix="paper-peers-") as folder:
        loads = {f"{case.name}_{label}": _Load(case, count) for case in cases for label, count in COUNTS.items()}
        files = {name: str(Path(folder) / f"{name}.npz") for name in loads}
        for name, load in loads.items():
            load.write(files[name])
        on_step("many orders by hftbacktest")
        answer = ask_peer(python, "hftbacktest_depth", {"files": files})
        for name, load in loads.items():
            on_step(f"many orders: {name}")
            seconds, own = load.run(config)
            theirs = flags("hftbacktest", {"filled": answer[f"{name}_filled"]}, len(own))
            numbers[f"{name}_s"], numbers[f"peer_hftbacktest_{name}_s"] = seconds, answer[f"{name}_s"]
            numbers[f"{name}_vs_hftbacktest"] = seconds / answer[f"{name}_s"]
            numbers[f"{name}_ends_differ"] = int((theirs != own).sum())
    return numbers


class _Load:
    """A market with a number of orders."""

    def __init__(self, case: DepthCase, count: int) -> None:
        (self._instrument,) = infer_instruments(case.table)
        self._simulator = SimulatorConfig(name="compared", fill=ModelConfig(model=case.fill))
        self._table = case.table
        self._orders = list(touch_orders(case.table, self._instrument, count))

    def write(self, path: str) -> None:
        latency_ns = make_model(ModelKind.LATENCY, self._simulator.latency.new).most_ns()
        save_arrays(make_depth_file(self._table, self._instrument, self._orders, latency_ns), path)

    def run(self, config: CoreConfig) -> tuple[float, Any]:
        """Returns the processor time of the fastest round, and which orders filled."""
        inputs = list(with_orders(self._table, iter(self._orders)))
        chosen = config.model_copy(
            update={
                "simulator": "compared",
                "simulators": (self._simulator,),
                "instruments": (self._instrument,),
                "account_partitions": 1,
                "execution_partitions": 1,
            }
        )
        spent, filled = [], set[str]()
        for _ in range(ROUNDS):
            shard, outputs = ExecutionShard(chosen, 0), []
            started = time.process_time()
            for message in inputs:
                outputs += shard.apply(message, None)
            spent.append(time.process_time() - started)
            reports = (item.message for item in outputs if isinstance(item.message, ExecutionReport))
            filled = {report.order_id for report in reports if report.exec_type is ExecType.FILL}
        return min(spent), np.array([order.order_id in filled for order in self._orders], bool)
