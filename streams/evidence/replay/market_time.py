"""Inputs in the order of market time: the market update by update, recorded orders and controls where they belong.

Live, Kafka said what came before what. Under another market, or beside strategies that decide anew, the market's clock
must say it:
- an update comes at its own time;
- an order at its own ts. A ts behind the market's end is of another clock (decision 2): it comes at the time of its
  first answer, which is the market's. An account's orders keep their order;
- a control at the time of the risk event that answered it; one without waits for nothing and follows the one before.
At one instant controls come first, then the market, then orders. With TIME_SOURCE=record the clock is that of Kafka:
orders and controls come at their Kafka times.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge

from schemas.avro.codec import Codec
from schemas.records.messages import Control, MarketData, OrderRequest, OrderResult, RiskEvent
from streams.core.core_config import CoreConfig, TimeSource
from streams.evidence.replay.market_updates import in_market_time, unpacked, updates
from streams.evidence.replay.recorded_inputs import OUTSIDE, ReplayInput, recorded_inputs
from streams.pipeline.feed.pack import heartbeat
from streams.pipeline.feed.send import CLOSING_NS
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of

RANKS = {topic: rank for rank, topic in enumerate(OUTSIDE)}


@dataclass(frozen=True, slots=True)
class MarketTimeline:
    """Inputs that can be gone through again and again. table: in the order of in_market_time."""

    table: MarketTable
    heartbeats: list[ReplayInput]
    controls: list[ReplayInput]
    orders: list[ReplayInput]
    partitions: int
    """Of the execution shards."""

    def __iter__(self) -> Iterator[ReplayInput]:
        streams = (self.controls, self._updates(), self.heartbeats, self.orders)
        return merge(*streams, key=lambda item: item[:2])

    def _updates(self) -> Iterator[ReplayInput]:
        topic, rank = "market.data", RANKS["market.data"]
        owners = {symbol: partition_of(symbol, self.partitions) for symbol in self.table.symbols}
        for row, update in enumerate(updates(self.table)):
            yield ReplayInput(update.ts, rank, owners[update.symbol], row, topic, update)


def market_only(table: MarketTable, config: CoreConfig) -> MarketTimeline:
    """A market without a record; it ends as a feed does, a heartbeat CLOSING_NS after its last update."""
    table = in_market_time(table)
    end_ns = int(table.time[-1]) + CLOSING_NS
    rank, beat = RANKS["market.data"], heartbeat(end_ns)
    partitions = config.execution_partitions
    beats = [ReplayInput(end_ns, rank, partition, len(table), "market.data", beat) for partition in range(partitions)]
    return MarketTimeline(table, beats, [], [], partitions)


def with_record(market: MarketTimeline, reader: LogReader, codec: Codec, config: CoreConfig) -> MarketTimeline:
    """The market with the recorded orders and controls."""
    by_kafka = config.time_source is TimeSource.RECORD
    controls = list(recorded_inputs(reader, codec, config, ("controls",)))
    orders = list(recorded_inputs(reader, codec, config, ("orders",)))
    if not by_kafka:
        controls = _controls(controls, _answer_times(reader, codec, config))
        orders = _orders(orders, market.heartbeats[-1].time_ns if market.heartbeats else 0, reader, codec, config)
    return MarketTimeline(market.table, market.heartbeats, controls, orders, market.partitions)


def recorded_market(reader: LogReader, codec: Codec, config: CoreConfig) -> MarketTimeline:
    """The recorded market.data; its heartbeats as they were sent."""
    beats = list[ReplayInput]()

    def with_updates() -> Iterator[MarketData]:
        for item in recorded_inputs(reader, codec, config, ("market.data",)):
            assert isinstance(item.message, MarketData)
            if item.message.kinds:
                yield item.message
            else:
                beats.append(item._replace(time_ns=item.message.ts))

    table = in_market_time(unpacked(with_updates()))
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
    """Market time of the first event that names a control, by control and account partition."""
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
    if any(request.ts > end_ns for request in requests):
        for _, result in _records(reader, codec, config, "order.results"):
            assert isinstance(result, OrderResult)
            answered.setdefault((result.account_id, result.request_id or result.order_id), result.ts)
    newest, found = dict[str, int](), list[ReplayInput]()
    for item, request in zip(orders, requests, strict=True):
        time_ns = request.ts
        if time_ns > end_ns:
            time_ns = answered.get((request.account_id, request.order_id), time_ns)
        newest[request.account_id] = time_ns = max(newest.get(request.account_id, 0), time_ns)
        found.append(item._replace(time_ns=time_ns))
    return sorted(found, key=lambda item: item.time_ns)


def _records(reader: LogReader, codec: Codec, config: CoreConfig, topic: str) -> Iterable[tuple[int, object]]:
    for partition in range(ACCOUNTS.partitions(config)):
        for record in reader.read(topic, partition, 0):
            if record.value is not None:
                yield partition, codec.decode(topic, record.value)
