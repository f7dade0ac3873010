"""Puts recorded orders, controls and market updates in the order of market time.

Live, Kafka decides the order of inputs. With another market, or with strategies that decide anew, the market's clock
decides it:
- an update comes at its own time;
- an order comes at its ts. An order for now (ts 0) comes at the market time at which it was judged, and one whose ts is
  after the market's end at the time of its first answer (decision 15). The orders of an account keep their order;
- a control comes at the time of the risk event that answered it. A control without an answer follows the one before.
At one instant controls come first, then the market, then orders. With TIME_SOURCE=record, orders and controls come at
their Kafka times.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any, Literal

from schemas.avro.codec import Codec
from schemas.records.messages import Control, MarketData, OrderRequest, OrderResult, RiskEvent
from streams.core.core_config import CoreConfig, TimeSource
from streams.evidence.replay.market_updates import check_updates, market_table, sorted_by_market_time, update_records
from streams.evidence.replay.recorded_inputs import CLIENT_INPUTS, ReplayInput, recorded_inputs
from streams.pipeline.feed.pack import heartbeat
from streams.pipeline.feed.send import CLOSING_NS
from streams.pipeline.feed.table import COLUMNS, MarketTable
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of

RANKS = {topic: rank for rank, topic in enumerate(CLIENT_INPUTS)}


@dataclass(frozen=True, slots=True)
class MarketTimeline:
    """Inputs in the order of market time, for many iterations.

    table: sorted by sorted_by_market_time, checked by check_updates.
    """

    table: MarketTable
    heartbeats: list[ReplayInput]
    controls: list[ReplayInput]
    orders: list[ReplayInput]
    partitions: int
    """Number of execution shards."""

    def __iter__(self) -> Iterator[ReplayInput]:
        streams = (self.controls, self._updates(), self.heartbeats, self.orders)
        return merge(*streams, key=_place)

    def others(self) -> Iterator[tuple[int, ReplayInput]]:
        """Yields the inputs that are no updates in their order, each with the number of updates before it."""
        for item in merge(self.controls, self.heartbeats, self.orders, key=_place):
            side: Literal["left", "right"] = "left" if item.rank < RANKS["market.data"] else "right"
            yield int(self.table.time.searchsorted(item.time_ns, side)), item

    def market_between(self, from_ns: int, to_ns: int) -> "MarketTimeline":
        """Returns the updates from a time on and before another one, as market_only returns a market."""
        first, stop = (int(row) for row in self.table.time.searchsorted([from_ns, to_ns]))
        columns: dict[str, Any] = {name: getattr(self.table, name)[first:stop] for name in ("symbol", *COLUMNS)}
        return _closed(replace(self.table, **columns), self.partitions)

    def _updates(self) -> Iterator[ReplayInput]:
        topic, rank = "market.data", RANKS["market.data"]
        owners = {symbol: partition_of(symbol, self.partitions) for symbol in self.table.symbols}
        for row, update in enumerate(update_records(self.table)):
            yield ReplayInput(update.ts, rank, owners[update.symbol], row, topic, update)


def _place(item: ReplayInput) -> tuple[int, int]:
    return item.time_ns, item.rank


def market_only(table: MarketTable, config: CoreConfig) -> MarketTimeline:
    """Returns a market without recorded orders. It ends with a heartbeat CLOSING_NS after the last update.

    Raises RecordRefused if an update breaks a rule of market.data, which those of files never do.
    """
    table = sorted_by_market_time(table)
    check_updates(table)
    return _closed(table, config.execution_partitions)


def _closed(table: MarketTable, partitions: int) -> MarketTimeline:
    end_ns = int(table.time[-1]) + CLOSING_NS
    rank, beat = RANKS["market.data"], heartbeat(end_ns)
    beats = [ReplayInput(end_ns, rank, partition, len(table), "market.data", beat) for partition in range(partitions)]
    return MarketTimeline(table, beats, [], [], partitions)


def with_record(market: MarketTimeline, reader: LogReader, codec: Codec, config: CoreConfig) -> MarketTimeline:
    """Returns the market with the recorded orders and controls."""
    by_kafka = config.time_source is TimeSource.RECORD
    controls = list(recorded_inputs(reader, codec, config, ("controls",)))
    orders = list(recorded_inputs(reader, codec, config, ("orders",)))
    if not by_kafka:
        controls = _controls(controls, _answer_times(reader, codec, config))
        orders = _orders(orders, market.heartbeats[-1].time_ns if market.heartbeats else 0, reader, codec, config)
    return MarketTimeline(market.table, market.heartbeats, controls, orders, market.partitions)


def recorded_market(reader: LogReader, codec: Codec, config: CoreConfig) -> MarketTimeline:
    """Returns the recorded market data, with the heartbeats at the times at which they were sent."""
    beats = list[ReplayInput]()

    def with_updates() -> Iterator[MarketData]:
        for item in recorded_inputs(reader, codec, config, ("market.data",)):
            assert isinstance(item.message, MarketData)
            if item.message.kinds:
                yield item.message
            else:
                beats.append(item._replace(time_ns=item.message.ts))

    table = sorted_by_market_time(market_table(with_updates()))
    beats.sort(key=lambda item: (item.time_ns, item.partition, item.offset))
    return MarketTimeline(table, beats, [], [], config.execution_partitions)


def _controls(controls: list[ReplayInput], answered: dict[tuple[str, int], int]) -> list[ReplayInput]:
    newest, found = dict[int, int](), list[ReplayInput]()
    for item in controls:
        assert isinstance(item.message, Control)
        time_ns = max(newest.get(item.partition, 0), answered.get((item.message.control_id, item.partition), 0))
        newest[item.partition] = time_ns
        found.append(item._replace(time_ns=time_ns))
    return sorted(found, key=lambda item: item.time_ns)


def _answer_times(reader: LogReader, codec: Codec, config: CoreConfig) -> dict[tuple[str, int], int]:
    """Returns the market time of the first event that names a control, by control and account partition."""
    times: dict[tuple[str, int], int] = {}
    for partition, event in _records(reader, codec, config, "risk.events"):
        assert isinstance(event, RiskEvent)
        if event.control_id is not None:
            times.setdefault((event.control_id, partition), event.ts)
    return times


def _orders(
    orders: list[ReplayInput], end_ns: int, reader: LogReader, codec: Codec, config: CoreConfig
) -> list[ReplayInput]:
    requests = [item.message for item in orders if isinstance(item.message, OrderRequest)]
    answered: dict[tuple[str, str], int] = {}
    if any(request.ts > end_ns or not request.ts for request in requests):
        for _, result in _records(reader, codec, config, "order.results"):
            assert isinstance(result, OrderResult)
            time_ns = result.ts if result.request_id else min(result.order_ts or result.ts, result.ts)
            answered.setdefault((result.account_id, result.request_id or result.order_id), time_ns)
    newest, found = dict[str, int](), list[ReplayInput]()
    for item, request in zip(orders, requests, strict=True):
        time_ns = request.ts
        if time_ns > end_ns or not time_ns:
            time_ns = answered.get((request.account_id, request.order_id), time_ns)
        newest[request.account_id] = time_ns = max(newest.get(request.account_id, 0), time_ns)
        found.append(item._replace(time_ns=time_ns))
    return sorted(found, key=lambda item: item.time_ns)


def _records(reader: LogReader, codec: Codec, config: CoreConfig, topic: str) -> Iterable[tuple[int, object]]:
    for partition in range(ACCOUNTS.partitions(config)):
        for record in reader.read(topic, partition, 0):
            if record.value is not None:
                yield partition, codec.decode(topic, record.value)
