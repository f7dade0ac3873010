"""A recorded day is traded as it was rehearsed: shards that only see records do what strategies were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import HEADER
from schemas.records.messages import Control, Journal, OrderResult
from streams.core.core_config import RULES_OF_TODAY, CoreConfig
from streams.core.reference.instruments import Instrument
from streams.evidence.replay.market_updates import sorted_by_market_time
from streams.evidence.replay.participants import openings
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.encode import encode
from streams.pipeline.feed.mark_ends import mark_ends
from streams.pipeline.feed.pack import heartbeat
from streams.pipeline.feed.send import CLOSING_NS
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.kinds import JOURNALS
from streams.strategies.participant import Participant, make_participant
from streams.tools.demo.rehearsal import Rehearsal
from tests.builders import MS, PROPERTY, config, instrument, top_of_book
from tests.evidence.replay.markets import over_files
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

FEW = settings(PROPERTY, max_examples=5)
SYMBOLS = ("ABC", "XYZ")
STRATEGIES = ("market-maker", "momentum", "mean-reversion", "tests.evidence.replay.probe:Probe")
STRATEGY = {"quantity": "10", "max_position": "50", "every": 3, "cash": "1000000"}
LATENCIES_MS = st.sampled_from((0, 5))
INTERVALS_MS = st.sampled_from((0, 100, 1_000))


def a_core(latency_ms: int, mark_interval_ms: int, seed: int = 1) -> CoreConfig:
    return config(
        account_partitions=PARTITIONS,
        execution_partitions=PARTITIONS,
        simulators=(top_of_book(latency_ms),),
        mark_interval_ms=mark_interval_ms,
        instruments=tuple(map(instrument, SYMBOLS)),
        run_seed=seed,
        **RULES_OF_TODAY,
    )


def a_market(seed: int, core: CoreConfig, symbols: int) -> MarketTable:
    """Returns some seconds of a market with updates at one instant."""
    table = synthetic(SyntheticMarket(seed, seconds=3, quotes_per_s=25), core.instruments[:symbols])
    return sorted_by_market_time(replace(table, time=table.time // (20 * MS) * (20 * MS)))


def traders(symbols: int) -> WhatIf:
    """Returns each strategy on each symbol."""
    chosen = {
        f"{name[:8]}-{symbol}": {"strategy": name, "symbol": symbol, **STRATEGY}
        for symbol in SYMBOLS[:symbols]
        for name in STRATEGIES
    }
    return WhatIf.parse({"strategies": chosen}, "test")


def participants(what_if: WhatIf, core: CoreConfig) -> list[Participant]:
    instruments = {item.symbol: Instrument.from_config(item) for item in core.instruments}
    return [
        make_participant(account_id, item, {item.symbol: instruments[item.symbol]}, core.run_seed)
        for account_id, item in what_if.strategies.items()
    ]


def controls(what_if: WhatIf, core: CoreConfig, table: MarketTable) -> list[Control]:
    instruments = {item.symbol: Instrument.from_config(item) for item in core.instruments}
    found = [item.message for item in openings(what_if, core, instruments, int(table.time[0]))]
    assert all(isinstance(control, Control) for control in found)
    return found  # type: ignore[return-value]


def taken(pipeline: MemoryPipeline) -> Counter[tuple[str, int]]:
    """Returns how many records the shards have taken, as their journals say, without market.data."""
    found = Counter[tuple[str, int]]()
    for topic in JOURNALS:
        for journal in pipeline.messages(topic):
            assert isinstance(journal, Journal)
            for name, count in zip(journal.topics, journal.counts, strict=True):
                if name != "market.data":
                    found[name, int(journal.shard.rpartition("-")[2])] += count
    return found


def traded(rehearsal: Rehearsal, core: CoreConfig, table: MarketTable, opened: list[Control]) -> MemoryPipeline:
    """Trades a market in a pipeline of its own as the rehearsal says: it waits at its stops, and nowhere else."""
    pipeline = MemoryPipeline(core, snapshot_every=10**9)
    for control in opened:
        pipeline.send("controls", control.account_id, control)
    pipeline.run()
    header = pipeline.codec.encode("market.data", heartbeat(0))[: HEADER.size]
    ends, row = mark_ends(table, core.mark_interval_ms), 0
    for stop in rehearsal.stops():
        for symbol, value in encode(table, row, stop.row, 1, header, ends):
            pipeline.send_bytes("market.data", symbol.encode(), value)
        if not stop.orders:
            for partition in range(PARTITIONS):
                pipeline.send("market.data", "", heartbeat(int(table.time[-1]) + CLOSING_NS), partition)
        pipeline.run()
        row = stop.row
        assert taken(pipeline) == stop.taken
        for group in stop.groups():
            for order in group:
                pipeline.send("orders", order.request.account_id, order.request)
            pipeline.run()
            assert taken(pipeline) == group[-1].taken
    return pipeline


def by_account(results: list[Any]) -> dict[str, list[OrderResult]]:
    found: dict[str, list[OrderResult]] = defaultdict(list)
    for result in results:
        found[result.account_id].append(result._replace(result_id="", exec_id=None))
    return found


@FEW
@given(st.integers(0, 2**32), LATENCIES_MS, INTERVALS_MS)
def test_a_market_that_waits_gives_the_results_that_its_strategies_saw(seed: int, latency_ms: int, marks: int) -> None:
    core = a_core(latency_ms, marks)
    table, what_if = a_market(seed, core, symbols=1), traders(symbols=1)
    opened = controls(what_if, core, table)
    rehearsal = Rehearsal(core, table, opened, participants(what_if, core))
    pipeline = traded(rehearsal, core, table, opened)
    found = by_account(pipeline.messages("order.results"))
    assert found == {account: by_account(results)[account] for account, results in rehearsal.results.items()}
    assert sum(map(len, found.values())) > 20


@FEW
@given(st.integers(0, 2**32), LATENCIES_MS)
def test_strategies_see_in_the_rehearsal_what_a_simulation_shows_them(seed: int, latency_ms: int) -> None:
    core = a_core(latency_ms, mark_interval_ms=1_000)
    table, what_if = a_market(seed, core, symbols=2), traders(symbols=2)
    rehearsal = Rehearsal(core, table, controls(what_if, core, table), participants(what_if, core))
    assert list(rehearsal.stops())[-1].row == len(table)
    _, store = over_files(core, table, what_if.model_dump(mode="json"))
    seen = [result for results in rehearsal.results.values() for result in results]
    assert by_account(seen) == by_account(store.messages("order.results"))
