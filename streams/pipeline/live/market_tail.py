"""The newest records of symbols on market.data, and the live feed that has written them."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.records.messages import MarketData
from streams.core.market.market_data import BOOK
from streams.pipeline.feed.resume import FIRST_LOOK_RECORDS, LOOK_GROWTH, TOPIC, settled_end
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import Headers, RawRecord

LIVE_FEED = "live-feed"


class FeedMark(NamedTuple):
    """The mark on each record of a live feed: its header.

    feed: name of the feed, which its symbols give it. run: id of the process's run. number: of the transaction, from 1.
    """

    feed: str
    run: str
    number: int

    @property
    def headers(self) -> Headers:
        """The headers of a record of the feed."""
        return ((LIVE_FEED, f"{self.feed} {self.run} {self.number}".encode()),)

    @classmethod
    def on(cls, headers: Headers) -> Self | None:
        """Returns the mark on a record; None if no live feed has written it, or if it was sent again by others."""
        if len(headers) != 1 or headers[0][0] != LIVE_FEED:
            return None
        parts = headers[0][1].decode("ascii", "replace").split(" ")
        return cls(parts[0], parts[1], int(parts[2])) if len(parts) == len(cls._fields) and parts[2].isdigit() else None


class SymbolTail(NamedTuple):
    """The end of a symbol's market data.

    time_ns: its newest time. book_ns: its newest time if a book is among the record's updates, else 0. written_ns:
    Kafka's time of the newest record. mark: of the newest record.
    """

    time_ns: int
    book_ns: int
    written_ns: int
    mark: FeedMark | None


def symbol_tails(settings: Settings, codec: Codec, symbols: Sequence[str]) -> dict[str, SymbolTail]:
    """Returns the newest record of each symbol; leaves out symbols without any. Waits for open transactions.

    Searches the partitions from their ends, in growing strides. Raises LogUnavailable.
    """
    by_partition: dict[int, set[str]] = {}
    for symbol in symbols:
        by_partition.setdefault(partition_of(symbol, partition_count(settings, TOPIC)), set()).add(symbol)
    found: dict[str, SymbolTail] = {}
    for partition, wanted in by_partition.items():
        found |= _tails(settings, codec, partition, wanted)
    return found


def _tails(settings: Settings, codec: Codec, partition: int, wanted: set[str]) -> dict[str, SymbolTail]:
    reader, end = KafkaLogReader(settings), settled_end(settings, partition)
    low = reader.bounds([TOPIC], partition)[TOPIC][0]
    found: dict[str, SymbolTail] = {}
    look = FIRST_LOOK_RECORDS
    while end > low and found.keys() != wanted:
        start = max(low, end - look)
        stride: dict[str, SymbolTail] = {}
        for record in reader.read(TOPIC, partition, start):
            if record.offset >= end:
                break
            symbol = (record.key or b"").decode("utf-8", "replace")
            if symbol in wanted - found.keys():
                _note(stride, codec, symbol, record)
        found |= stride
        end, look = start, look * LOOK_GROWTH
    return found


def _note(stride: dict[str, SymbolTail], codec: Codec, symbol: str, record: RawRecord) -> None:
    try:
        data: MarketData = codec.decode(TOPIC, record.value or b"")
    except UndecodableRecord:
        return
    if data.symbol != symbol:
        return
    before = stride.get(symbol)
    time_ns = data.ts if before is None else max(data.ts, before.time_ns)
    book_ns = data.ts if BOOK in data.kinds else before.book_ns if before else 0
    stride[symbol] = SymbolTail(time_ns, book_ns, record.timestamp_ns, FeedMark.on(record.headers))
