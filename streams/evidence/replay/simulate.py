"""Re-simulates: runs recorded inputs through the core under other settings, into rows of a new run."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.reference.instruments import Instrument
from streams.evidence.replay.participants import openings, participants
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.replay_engine import ReplayEngine
from streams.evidence.replay.run_results import RowStore, RunResults
from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.journal.partitions import partition_of

PROGRESS_INPUTS = 20_000
INPUT_TABLES = frozenset({"orders", "controls"})
"""Inputs that become rows of the run. Market data stays with the recorded run."""


class ReplayRun(NamedTuple):
    """A finished re-simulation.

    Attributes:
        strategies: ids of the strategies that sent orders.
        inputs, outputs: numbers of records.
        outputs_sha256: hash of the outputs; equal for equal runs.
        refused: a sentence for each input that broke a rule.
    """

    run_id: str
    what_if: WhatIf
    strategies: tuple[str, ...]
    inputs: int
    outputs: int
    outputs_sha256: str
    refused: tuple[str, ...]


def simulate(
    run_id: str,
    recorded: CoreConfig,
    inputs: Iterable[ReplayInput],
    what_if: WhatIf,
    store: RowStore | None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ReplayRun:
    """Runs inputs in their order under a changed configuration. store: receives the rows; None to hash only.

    inputs: must be in the order of market time if what_if has strategies. Raises InputError if what_if breaks a rule.
    """
    config = what_if.configure(recorded)
    instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
    pipeline = _Pipeline(config, RunResults(run_id, store), on_progress)
    loop = StrategyLoop(participants(what_if.strategies, instruments, config.run_seed), pipeline.send)
    opened = False
    for item in inputs:
        if not opened:
            for control in openings(what_if, config, instruments, item.time_ns):
                pipeline.take(control)
            opened = True
        loop.send_due(item.time_ns)
        message = what_if.change(item.message, instruments)
        if message is None:
            continue
        loop.show_results(pipeline.take(item._replace(message=message)), item.time_ns)
        if isinstance(message, MarketData):
            loop.show_market(message, item.time_ns)
    return pipeline.finish(run_id, what_if)


class _Pipeline:
    """The engine, with the counts and results of its inputs and outputs."""

    def __init__(self, config: CoreConfig, results: RunResults, on_progress: Callable[[int], None]) -> None:
        self._engine = ReplayEngine(config, self._keep)
        self._results = results
        self._on_progress = on_progress
        self._strategies: dict[str, None] = {}
        self._time_ns = 0
        self._taken = 0

    def take(self, item: ReplayInput) -> list[OrderResult]:
        """Processes an input and everything that it causes. Returns the results for clients."""
        self._time_ns = item.time_ns
        self._taken += 1
        if item.topic in INPUT_TABLES:
            self._keep(item.topic, item.partition, "", item.message)
        if isinstance(item.message, OrderRequest) and item.message.strategy_id:
            self._strategies[item.message.strategy_id] = None
        results = self._engine.process(item.topic, item.partition, item.message, item.time_ns)
        if self._taken % PROGRESS_INPUTS == 0:
            self._on_progress(self._taken)
        return results

    def send(self, request: OrderRequest, time_ns: int) -> list[OrderResult]:
        """Processes a request of a strategy in the loop. Returns the results for clients."""
        partition = partition_of(request.account_id, self._engine.config.account_partitions)
        return self.take(ReplayInput(time_ns, 0, partition, 0, "orders", request))

    def finish(self, run_id: str, what_if: WhatIf) -> ReplayRun:
        """Inserts the last rows and returns the finished run."""
        digest, refused = self._results.finish(), tuple(self._engine.refused)
        strategies = tuple(sorted(self._strategies))
        return ReplayRun(run_id, what_if, strategies, self._taken, self._results.count, digest, refused)

    def _keep(self, topic: str, partition: int, key: str, message: Message) -> None:
        self._results.add(topic, partition, key, message, self._time_ns)
