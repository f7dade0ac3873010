"""The newest updates of symbols, read back from the end of the topic market.data."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.records.messages import MarketData
from streams.errors import InputError
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawRecord

TOPIC = "market.data"
FIRST_RECORDS, GROWTH = 500, 8
RECORDS_MAX = 1_000_000
"""Most records of a partition that are read back: a bound of memory, and of the time that a start takes."""


class MarketHistory(NamedTuple):
    """Records in the order of their partitions. starts: the first offsets that were not read, by topic and partition.

    newest_ns: market time of the newest update, UTC nanoseconds; 0 if there is none.
    """

    records: list[MarketData]
    starts: dict[tuple[str, int], int]
    newest_ns: int


def read_market_history(settings: Settings, codec: Codec, symbols: Collection[str], span_ns: int) -> MarketHistory:
    """Returns the last span_ns of market time of some symbols, or all that the topic has if that is less.

    A record is returned whole if its last update is within the span. Raises InputError if the span takes more than
    RECORDS_MAX records of a partition, and TopicError, LogUnavailable.
    """
    by_partition: dict[int, set[str]] = defaultdict(set)
    for symbol in symbols:
        by_partition[partition_of(symbol, partition_count(settings, TOPIC))].add(symbol)
    reader = KafkaLogReader(settings)
    found = MarketHistory([], {}, 0)
    for partition, wanted in sorted(by_partition.items()):
        part = _of_partition(reader, codec, partition, wanted, span_ns)
        found = MarketHistory(
            found.records + part.records, found.starts | part.starts, max(found.newest_ns, part.newest_ns)
        )
    return found._replace(records=[item for item in found.records if item.times[-1] >= found.newest_ns - span_ns])


def _of_partition(
    reader: KafkaLogReader, codec: Codec, partition: int, symbols: set[str], span_ns: int
) -> MarketHistory:
    count = FIRST_RECORDS
    while True:
        tail = reader.tails({(TOPIC, partition): count})[TOPIC, partition]
        records = _decoded(codec, tail.records, symbols)
        newest_ns = max((int(item.times[-1]) for item in records), default=0)
        if tail.whole or _reach_back(records, symbols, newest_ns - span_ns):
            end = tail.records[-1].offset + 1 if tail.records else 0
            return MarketHistory(records, {(TOPIC, partition): end}, newest_ns)
        if count >= RECORDS_MAX:
            raise InputError(
                f"warm-up of {span_ns / 1e9:,.0f} s of {', '.join(sorted(symbols))}: more than {RECORDS_MAX:,} records "
                "of market.data; declare a shorter one, or give files of the market"
            )
        count = min(count * GROWTH, RECORDS_MAX)


def _decoded(codec: Codec, raw: Sequence[RawRecord], symbols: set[str]) -> list[MarketData]:
    keys = {symbol.encode() for symbol in symbols}
    found: list[MarketData] = []
    for record in raw:
        if record.value is None or record.key not in keys:
            continue
        try:
            decoded: MarketData = codec.decode(TOPIC, record.value)
        except UndecodableRecord:
            continue
        if len(decoded.times):
            found.append(decoded)
    return found


def _reach_back(records: Iterable[MarketData], symbols: set[str], time_ns: int) -> bool:
    """Returns whether the records of each symbol begin at or before a time."""
    before = {item.symbol for item in records if item.times[0] <= time_ns}
    return before >= symbols
