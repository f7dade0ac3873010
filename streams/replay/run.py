"""A re-simulation: recorded inputs, under other settings, through the same core, into rows of a run of their own."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from streams.domain.config import CoreConfig
from streams.domain.instruments import Instrument
from streams.domain.messages import OrderRequest
from streams.domain.shard import Message
from streams.replay.engine import Engine
from streams.replay.inputs import Input
from streams.replay.results import Results, RowStore
from streams.replay.what_if import WhatIf

PROGRESS_INPUTS = 20_000
INPUT_TABLES = frozenset({"orders", "controls"})
"""Inputs that become rows of the run; the market is the recorded run's."""


class ReplayRun(NamedTuple):
    """inputs, outputs: records; outputs_sha256: equal for equal runs. refused: inputs that broke a rule."""

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
    inputs: Iterable[Input],
    what_if: WhatIf,
    store: RowStore | None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ReplayRun:
    """Runs inputs, in their order, under a changed configuration. store: where rows go; None: only hashes are kept.

    Raises InputError where what_if breaks a rule.
    """
    config = what_if.configure(recorded)
    instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
    results, strategies, time_ns, taken = Results(run_id, store), dict[str, None](), 0, 0

    def keep(topic: str, partition: int, key: str, message: Message) -> None:
        results.add(topic, partition, key, message, time_ns)

    engine = Engine(config, keep)
    for item in inputs:
        message = what_if.change(item.message, instruments)
        if message is None:
            continue
        time_ns, taken = item.time_ns, taken + 1
        if item.topic in INPUT_TABLES:
            results.add(item.topic, item.partition, "", message, time_ns)
        if isinstance(message, OrderRequest) and message.strategy_id:
            strategies[message.strategy_id] = None
        engine.put(item.topic, item.partition, message, time_ns)
        if taken % PROGRESS_INPUTS == 0:
            on_progress(taken)
    digest = results.finish()
    return ReplayRun(run_id, what_if, tuple(sorted(strategies)), taken, results.count, digest, tuple(engine.refused))
