"""Rates of reading topics back from Kafka, with the reader of recovery and replay."""

import time
from collections.abc import Callable
from itertools import cycle, islice
from typing import NamedTuple

from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from streams.pipeline.feed.pack import UPDATES_PER_RECORD, pack
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput, RawRecord

BYTES_PER_MB = 1_000_000
PARTITION = 0


class ReadBack(NamedTuple):
    """Rates a second.

    Attributes:
        records_per_s: order results that are read but not decoded.
        mb_per_s: megabytes of their keys and values.
        decoded_records_per_s: order results that are read and decoded.
        decoded_mb_per_s: megabytes of their keys and values.
        quotes_per_s: quotes of market.data that are read and decoded.
    """

    records_per_s: float
    mb_per_s: float
    decoded_records_per_s: float
    decoded_mb_per_s: float
    quotes_per_s: float


def read_back(settings: Settings, codec: Codec, table: MarketTable, records: int) -> ReadBack:
    """Writes and reads order results, then the table's quotes; nothing else may write to the topics meanwhile.

    records: number of order results; those that the run has written are repeated.
    """
    reader = KafkaLogReader(settings)
    partitions = range(partition_count(settings, "order.results"))
    written = [record for number in partitions for record in reader.read("order.results", number, 0)]
    results = [RawOutput(item.topic, PARTITION, item.key, item.value) for item in written]
    repeated = list(islice(cycle(results), records))
    quotes = [
        RawOutput("market.data", PARTITION, record.symbol.encode(), codec.encode("market.data", record))
        for start in range(0, len(table), UPDATES_PER_RECORD)
        for record in pack(table, start, min(start + UPDATES_PER_RECORD, len(table)))
    ]

    def decode(record: RawRecord) -> object:
        return codec.decode(record.topic, record.value or b"")

    first = _write(settings, repeated)
    raw = _read(settings, "order.results", first, lambda record: None)
    decoded = _read(settings, "order.results", first, decode)
    market = _read(settings, "market.data", _write(settings, quotes), decode)
    assert (raw.records, market.records) == (len(repeated), len(quotes)), "what was written is read back"
    return ReadBack(
        raw.records / raw.seconds,
        raw.size / BYTES_PER_MB / raw.seconds,
        decoded.records / decoded.seconds,
        decoded.size / BYTES_PER_MB / decoded.seconds,
        len(table) / market.seconds,
    )


class _Reading(NamedTuple):
    """One reading of a topic. size: bytes of keys and values. seconds: including the making of the consumer."""

    records: int
    size: int
    seconds: float


def _write(settings: Settings, outputs: list[RawOutput]) -> int:
    """Writes the outputs of one topic in transactions of a shard's size, and returns the offset of the first."""
    topic = outputs[0].topic
    _, first = KafkaLogReader(settings).bounds([topic], PARTITION)[topic]
    writer = KafkaTransactions(settings, "readback")
    for start in range(0, len(outputs), settings.worker_batch_records):
        writer.write(outputs[start : start + settings.worker_batch_records])
    return first


def _read(settings: Settings, topic: str, first: int, use: Callable[[RawRecord], object]) -> _Reading:
    """Reads all records from an offset on. use: called with each record."""
    records, size, started = 0, 0, time.perf_counter()
    for record in KafkaLogReader(settings).read(topic, PARTITION, first):
        use(record)
        records += 1
        size += len(record.key or b"") + len(record.value or b"")
    return _Reading(records, size, time.perf_counter() - started)
