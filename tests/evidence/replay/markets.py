"""Records a pipeline that is fed a market in batches, and runs re-simulations over the record or over files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from schemas.avro.codec import HEADER, MAGIC, Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.messages import OrderRequest
from streams.core.core_config import CoreConfig
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.recorded_inputs import recorded_config
from streams.evidence.replay.simulate import ReplayRun, simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.pack import heartbeat, pack
from streams.pipeline.feed.send import CLOSING_NS
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.sink.avro_container import Row
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

ACCOUNTS = ("A", "B")


class Store:
    """A store that keeps rows by topic, as tables would."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self._registry = MemoryRegistry()
        self._codec = Codec(self._registry)

    def insert(self, topic: str, rows: list[Row], container: bytes) -> None:
        """See streams.evidence.replay.run_results.RowStore."""
        assert container
        self.rows.setdefault(topic, []).extend(rows)

    def messages(self, topic: str) -> list[Any]:
        """Returns the decoded rows of a topic."""
        header = HEADER.pack(MAGIC, self._registry.writer_id(topic))
        return [self._codec.decode(topic, header + row.body) for row in self.rows.get(topic, [])]


def recorded(
    table: MarketTable,
    step: int,
    orders: Iterable[OrderRequest] = (),
    core: CoreConfig | None = None,
    strategy: str | None = None,
) -> MemoryPipeline:
    """Returns a pipeline with two accounts, fed a market step by step, each step after the orders of its time.

    strategy: the one that the accounts' sessions name.
    """
    pipeline, waiting = MemoryPipeline(core), deque(orders)
    for account in ACCOUNTS:
        currency = pipeline.config.instruments[0].currency
        pipeline.send("controls", account, builders.opening(account, currency=currency, strategy_id=strategy))
    for start in range(0, len(table), step):
        stop = min(start + step, len(table))
        while waiting and waiting[0].ts <= table.time[stop - 1]:
            pipeline.send("orders", waiting[0].account_id, waiting.popleft())
        for record in pack(table, start, stop):
            pipeline.send("market.data", record.symbol, record)
        pipeline.run()
    for partition in range(PARTITIONS):
        pipeline.send("market.data", "", heartbeat(int(table.time[-1]) + CLOSING_NS), partition)
    pipeline.run()
    return pipeline


def over_record(
    pipeline: MemoryPipeline, document: dict[str, Any], market: MarketTable | None = None, store: Store | None = None
) -> ReplayRun:
    """Runs over the record. market: files in place of its market.data."""
    config = recorded_config(pipeline.log, pipeline.codec)
    what_if = WhatIf.parse(document, "test")
    source = InputSource("base", config, (pipeline.log, pipeline.codec), market)
    return simulate("r", config, source.inputs(bool(what_if.strategies)), what_if, store)


def over_files(config: CoreConfig, market: MarketTable, document: dict[str, Any]) -> tuple[ReplayRun, Store]:
    """Runs strategies without a record."""
    store, what_if = Store(), WhatIf.parse(document, "test")
    inputs = InputSource("", config, None, market).inputs(strategies=True)
    return simulate("r", config, inputs, what_if, store), store
