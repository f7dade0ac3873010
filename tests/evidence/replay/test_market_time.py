"""Inputs in market time: records and files give the same market, and recorded requests come at their time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.enums import ControlKind, TradingState
from schemas.records.messages import Control, MarketData, OrderRequest
from schemas.records.output import Message, RecordRefused
from streams.core.core_config import TimeSource
from streams.evidence.replay.market_time import market_only, recorded_market, with_record
from streams.evidence.replay.market_updates import market_table, sorted_by_market_time, update_records
from streams.evidence.replay.recorded_inputs import ReplayInput, recorded_config
from streams.pipeline.feed.pack import heartbeat
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.partitions import partition_of
from tests.builders import MS, PROPERTY, SECOND, START, cancel, config, control, new, quote, quotes
from tests.core.simulators.long_markets import batches, story
from tests.evidence.replay.markets import recorded
from tests.pipeline.feed.feed_rows import rows_of
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

CODEC = Codec(MemoryRegistry())
CORE = config(account_partitions=PARTITIONS, execution_partitions=PARTITIONS)


def market_of(messages: list[Message]) -> list[MarketData]:
    """Returns the updates of a story without its requests and heartbeats."""
    return [message for message in messages if isinstance(message, MarketData) and message.kinds]


def as_bytes(records: list[MarketData]) -> list[bytes]:
    return [CODEC.encode("market.data", record) for record in records]


@PROPERTY
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 2**32))
def test_records_of_any_size_give_every_update_back(seed: int, cut: int) -> None:
    singles = market_of(story(seed, deep=True))
    table = sorted_by_market_time(market_table(market_of(batches(cut, singles))))
    assert as_bytes(list(update_records(table))) == as_bytes(singles)


def test_symbols_come_by_time_and_at_one_instant_by_name() -> None:
    rows = [quotes((START + at, "10", "1", "11", "1"), symbol=name) for name, at in (("Y", 1), ("Y", 2), ("X", 2))]
    table = sorted_by_market_time(market_table(rows))
    assert [(name, ts - START) for name, _, ts, _ in rows_of(table)] == [("Y", 1), ("X", 2), ("Y", 2)]


def test_what_the_venue_refused_is_no_part_of_the_market() -> None:
    early, late = quote(at=START), quote(at=START + SECOND)
    broken = late._replace(bid_px=[])
    assert as_bytes(list(update_records(market_table([late, early, broken, late])))) == as_bytes([late, late])
    assert len(market_table([])) == 0


def test_a_market_is_checked_once_when_it_is_taken() -> None:
    broken = market_table([quote(), quote("11", at=START + SECOND)])
    broken.bid_px[1] = -1
    with pytest.raises(RecordRefused, match="bid_px of 0 or less"):
        market_only(broken, CORE)


def table() -> MarketTable:
    return synthetic(SyntheticMarket(7, seconds=4), CORE.instruments)


def inputs(pipeline: MemoryPipeline, market: MarketTable | None = None, **changes: Any) -> list[ReplayInput]:
    core = recorded_config(pipeline.log, pipeline.codec).model_copy(update=changes)
    order = recorded_market(pipeline.log, pipeline.codec, core) if market is None else market_only(market, core)
    return list(with_record(order, pipeline.log, pipeline.codec, core))


def plain(item: ReplayInput) -> tuple[int, int, str, bytes]:
    """Returns the place and contents of an input without its offset, which depends on its source."""
    return (item.time_ns, item.partition, item.topic, CODEC.encode(item.topic, item.message))


def test_recorded_market_and_its_files_give_the_same_inputs() -> None:
    pipeline = recorded(table(), 90, [new("o", ts=int(table().time[50]))], CORE)
    topics, files = inputs(pipeline), inputs(pipeline, table())
    assert [plain(item) for item in topics] == [plain(item) for item in files]
    assert [item.time_ns for item in topics] == sorted(item.time_ns for item in topics)
    assert topics == inputs(pipeline), "gone through again, they are the same"


def test_an_order_comes_at_its_own_time_behind_the_market_of_that_instant() -> None:
    at = int(table().time[100])
    order, other = new("now", ts=at), new("before", account="B", ts=at - 1)
    found = inputs(recorded(table(), 90, [order, other], CORE), table())
    (place,) = [number for number, item in enumerate(found) if item.message == order]
    assert (found[place].time_ns, found[place].partition) == (at, partition_of("A", PARTITIONS))
    assert found[place - 1].topic == "market.data"
    assert all(item.time_ns <= at for item in found[:place])
    assert all(item.time_ns > at for item in found[place + 1 :])
    (earlier,) = [number for number, item in enumerate(found) if item.message == other]
    assert earlier < place


def test_an_accounts_orders_keep_their_order() -> None:
    first, second = new("first", ts=int(table().time[100])), new("second", ts=int(table().time[50]))
    found = [item for item in inputs(recorded(table(), 90, [first, second], CORE)) if item.topic == "orders"]
    assert [item.message for item in found] == [first, second]
    assert {item.time_ns for item in found} == {first.ts}


def wall_clock() -> MemoryPipeline:
    """Returns a story with a client on a wall clock and a command, both between the two halves of a market."""
    pipeline = recorded(table(), 90, (), CORE)
    newest = int(table().time[-1]) + 10 * SECOND
    halt = control(ControlKind.TRADING_STATE, "A", "halt", trading_state=TradingState.HALTED, ts=newest + 10**18)
    pipeline.send("market.data", "ABC", quote(at=newest))
    pipeline.run()
    pipeline.send("orders", "B", new("wall", account="B", symbol="NOPE", ts=newest + 10**18))
    pipeline.send("controls", "A", halt)
    pipeline.run()
    for beat in (MS, 20 * SECOND):
        for partition in range(PARTITIONS):
            pipeline.send("market.data", "", heartbeat(newest + beat), partition)
    pipeline.run()
    return pipeline


def test_other_clocks_are_read_from_the_answers() -> None:
    pipeline = wall_clock()
    times: dict[str, int] = {}
    for item in inputs(pipeline):
        if isinstance(item.message, Control | OrderRequest):
            name = item.message.control_id if isinstance(item.message, Control) else item.message.order_id
            times[name] = item.time_ns
    newest = int(table().time[-1]) + 10 * SECOND
    assert times["wall"] == newest
    assert times["halt"] == newest
    assert times["open-A-session-1"] == 0, "opened before there was a market"


def test_an_order_for_now_comes_at_the_time_at_which_it_was_judged() -> None:
    pipeline = recorded(table(), 90, (), CORE)
    for request in (new("now", price="1.00", ts=0), cancel("c", "now", ts=0)):
        pipeline.send("orders", "A", request)
        pipeline.run()
    times = {item.message.order_id: item.time_ns for item in inputs(pipeline) if isinstance(item.message, OrderRequest)}
    shards = [processor.shard.time_ns for processor in pipeline.processors.values()]
    assert times == {"now": max(shards), "c": max(shards)}


def test_record_time_keeps_kafkas_times() -> None:
    pipeline = recorded(table(), 90, [new("o", ts=START)], CORE)
    for (topic, _), log in pipeline.log.partitions.items():
        if topic == "orders":
            log[:] = [record._replace(timestamp_ns=int(table().time[70]) + 1) for record in log]
    (order,) = [item for item in inputs(pipeline, table(), time_source=TimeSource.RECORD) if item.topic == "orders"]
    assert order.time_ns == int(table().time[70]) + 1
