"""Re-simulates: runs recorded inputs through the core under other settings, into rows of a new run."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.core.core_config import CoreConfig
from streams.core.reference.instruments import Instrument
from streams.evidence.replay.column_market import ColumnMarket
from streams.evidence.replay.market_time import MarketTimeline
from streams.evidence.replay.participants import openings, participants
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.replay_engine import ReplayEngine
from streams.evidence.replay.run_results import RowStore, RunResults
from streams.evidence.replay.shown_quotes import ShownQuotes
from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.table import MarketTable
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

    inputs: must be in the order of market time if what_if has strategies. A MarketTimeline gives the same run as its
    inputs one by one, in a fraction of the time. Raises InputError if what_if breaks a rule.
    """
    simulation = _Simulation(what_if, what_if.configure(recorded), RunResults(run_id, store), on_progress)
    if isinstance(inputs, MarketTimeline):
        simulation.take_timeline(inputs)
    else:
        for item in inputs:
            simulation.take(item)
    return simulation.pipeline.finish(run_id, what_if)


class _Simulation:
    """A pipeline with strategies in the loop."""

    def __init__(
        self, what_if: WhatIf, config: CoreConfig, results: RunResults, on_progress: Callable[[int], None]
    ) -> None:
        self.pipeline = _Pipeline(config, results, on_progress)
        self._what_if, self._config = what_if, config
        self._instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
        trading = participants(what_if.strategies, self._instruments, config.run_seed)
        self._loop = StrategyLoop(trading, self.pipeline.send)
        self._has_opened = False

    def take(self, item: ReplayInput) -> None:
        """Takes the next input, after the requests that are due before it, and shows the strategies what came of it."""
        self._open(item.time_ns)
        self._loop.send_due(item.time_ns)
        message = self._what_if.change(item.message, self._instruments)
        if message is None:
            return
        self._loop.show_results(self.pipeline.take(item._replace(message=message)), item.time_ns)
        if isinstance(message, MarketData):
            self._loop.show_market(message, item.time_ns)

    def take_timeline(self, timeline: MarketTimeline) -> None:
        """Takes all inputs of a timeline, the market in columns."""
        market = self.pipeline.load_market(timeline.table)
        quotes = ShownQuotes(timeline.table, self._loop)
        for row, item in timeline.others():
            self._take_updates(timeline.table, market, quotes, row)
            self.take(item)
        self._take_updates(timeline.table, market, quotes, len(timeline.table))

    def _take_updates(self, table: MarketTable, market: ColumnMarket, quotes: ShownQuotes, end: int) -> None:
        """Takes the updates before a row. It halts where something may come of an update, or a request must be sent."""
        if market.row < end:
            self._open(int(table.time[market.row]))
        while market.row < end:
            row = quotes.show(min(market.next_turn(), end))
            self.pipeline.count_inputs(row - market.row)
            market.row = row
            if row < end:
                time_ns = int(table.time[row])
                self._loop.send_due(time_ns)
                if market.next_turn() == row:
                    self._loop.show_results(self.pipeline.take_turn(time_ns), time_ns)
                    quotes.show(market.row)

    def _open(self, time_ns: int) -> None:
        """Opens the sessions of the strategies, at the time of the first input."""
        if not self._has_opened:
            for control in openings(self._what_if, self._config, self._instruments, time_ns):
                self.pipeline.take(control)
            self._has_opened = True


class _Pipeline:
    """The engine, with the counts and results of its inputs and outputs."""

    def __init__(self, config: CoreConfig, results: RunResults, on_progress: Callable[[int], None]) -> None:
        self._engine = ReplayEngine(config, results.add)
        self._results = results
        self._on_progress = on_progress
        self._strategies: dict[str, None] = {}
        self._taken = 0

    def take(self, item: ReplayInput) -> list[OrderResult]:
        """Processes an input and everything that it causes. Returns the results for clients."""
        self._results.time_ns = item.time_ns
        self.count_inputs(1)
        if item.topic in INPUT_TABLES:
            self._results.add(item.topic, item.partition, "", item.message)
        if isinstance(item.message, OrderRequest) and item.message.strategy_id:
            self._strategies[item.message.strategy_id] = None
        return self._engine.process(item.topic, item.partition, item.message, item.time_ns)

    def load_market(self, table: MarketTable) -> ColumnMarket:
        """Loads a market whose updates take_turn takes."""
        return self._engine.load_market(table)

    def take_turn(self, time_ns: int) -> list[OrderResult]:
        """Processes the update whose turn it is and everything that it causes. Returns the results for clients."""
        self._results.time_ns = time_ns
        self.count_inputs(1)
        return self._engine.take_turn(time_ns)

    def count_inputs(self, count: int) -> None:
        """Counts inputs."""
        before, self._taken = self._taken, self._taken + count
        if before // PROGRESS_INPUTS != self._taken // PROGRESS_INPUTS:
            self._on_progress(self._taken // PROGRESS_INPUTS * PROGRESS_INPUTS)

    def send(self, request: OrderRequest, time_ns: int) -> list[OrderResult]:
        """Processes a request of a strategy in the loop. Returns the results for clients."""
        partition = partition_of(request.account_id, self._engine.config.account_partitions)
        return self.take(ReplayInput(time_ns, 0, partition, 0, "orders", request))

    def finish(self, run_id: str, what_if: WhatIf) -> ReplayRun:
        """Inserts the last rows and returns the finished run."""
        digest, refused = self._results.finish(), tuple(self._engine.refused)
        strategies = tuple(sorted(self._strategies))
        return ReplayRun(run_id, what_if, strategies, self._taken, self._results.count, digest, refused)
