"""Sending a market table to market.data: at full speed, or paced by the table's own time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from infra.settings import Settings
from infra.topics import partition_count, topic_name
from schemas.codec import Codec
from schemas.errors import UndecodableRecord
from streams.clients.producer import RecordProducer
from streams.domain.messages import MarketData
from streams.domain.numbers import NANOS_PER_S
from streams.errors import FeedError
from streams.feed.pack import heartbeat, pack
from streams.feed.table import QUOTE, MarketTable
from streams.journal.kafka_log import raw_record, watermarks
from streams.journal.partitions import partition_of

TOPIC = "market.data"
UPDATES_PER_RECORD = 500
PACE_SLICE_S = 0.02
HEARTBEAT_S = 1.0
CLOSING_NS = NANOS_PER_S
TAIL_RECORDS = 200
TAIL_TIMEOUT_S = 10.0

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FeedResult:
    """What was sent: updates (quotes among them), records, and the seconds that it took."""

    updates: int
    quotes: int
    records: int
    seconds: float


def send(
    settings: Settings,
    codec: Codec,
    table: MarketTable,
    speed: float | None,
    on_progress: OnProgress = lambda _: None,
) -> FeedResult:
    """Sends the whole table. speed: times real time, None: as fast as the broker takes it.

    Ends with a heartbeat one second of market time later, so that what is still on its way arrives.
    Raises FeedError for a symbol whose market.data is further than the table's start, DeliveryError.
    """
    _demand_fresh(settings, codec, table)
    producer = RecordProducer(settings, codec, linger_ms=20 if speed is None else 1)
    started, records = time.monotonic(), 0
    slices = _at_once(table) if speed is None else _paced(table, speed, producer)
    for start, stop in slices:
        for record in pack(table, start, stop):
            producer.send(TOPIC, record.symbol, record)
            records += 1
        on_progress(stop - start)
    producer.broadcast(TOPIC, "", heartbeat(int(table.time[-1]) + CLOSING_NS))
    producer.flush()
    quotes = int(np.count_nonzero(table.kind == QUOTE))
    return FeedResult(len(table), quotes, records, time.monotonic() - started)


def _at_once(table: MarketTable) -> Iterator[tuple[int, int]]:
    step = UPDATES_PER_RECORD * len(table.symbols)
    for start in range(0, len(table), step):
        yield start, min(start + step, len(table))


def _paced(table: MarketTable, speed: float, producer: RecordProducer) -> Iterator[tuple[int, int]]:
    """What falls due, slice by slice of wall time, and a heartbeat each HEARTBEAT_S in between."""
    wall_start, market_start = time.monotonic(), int(table.time[0])
    sent, beat = 0, wall_start
    while sent < len(table):
        wall = time.monotonic()
        market_ns = market_start + int((wall - wall_start) * speed * NANOS_PER_S)
        due = int(np.searchsorted(table.time, market_ns, side="right"))
        for start in range(sent, due, UPDATES_PER_RECORD):
            yield start, min(start + UPDATES_PER_RECORD, due)
        sent = max(sent, due)
        if wall - beat >= HEARTBEAT_S:
            producer.broadcast(TOPIC, "", heartbeat(market_ns))
            beat = wall
        time.sleep(PACE_SLICE_S)


def _demand_fresh(settings: Settings, codec: Codec, table: MarketTable) -> None:
    """Looks at the newest records of market.data, where a feed that ran before has left its times."""
    first = {name: int(table.time[table.symbol == code][0]) for code, name in enumerate(table.symbols)}
    for partition in {partition_of(symbol, partition_count(settings, TOPIC)) for symbol in first}:
        for record in _tail(settings, codec, partition):
            start = first.get(record.symbol)
            if start is not None and start < record.ts:
                raise FeedError(
                    f"{record.symbol}: these updates start at {start}, but market.data has come to {record.ts}; "
                    "market time does not step back: use another TOPIC_PREFIX, or `paper down --purge --yes`"
                )


def _tail(settings: Settings, codec: Codec, partition: int) -> Iterator[MarketData]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": f"{settings.topic_prefix}feed",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    try:
        at = TopicPartition(topic_name(settings, TOPIC), partition)
        low, high = watermarks(consumer, at)
        consumer.assign([TopicPartition(at.topic, partition, max(low, high - TAIL_RECORDS))])
        deadline = time.monotonic() + TAIL_TIMEOUT_S
        while high > low and consumer.position([at])[0].offset < high and time.monotonic() < deadline:
            for message in consumer.consume(TAIL_RECORDS, timeout=0.1):
                value = raw_record(message, TOPIC).value if message.error() is None else None
                try:
                    if value is not None:
                        yield codec.decode(TOPIC, value)
                except UndecodableRecord:
                    continue
    finally:
        consumer.close()
