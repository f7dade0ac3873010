"""Sending a market table to market.data, each update exactly once, even if the process dies and starts again."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

import numpy as np

from infra.kafka.partition_check import check_partitions
from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import HEADER, Codec
from schemas.errors import UndecodableRecord
from schemas.records.bounds import AHEAD_MAX_NS
from schemas.records.messages import MarketData
from schemas.records.numbers import NANOS_PER_S
from streams.errors import FeedError
from streams.pipeline.feed.encode import encode
from streams.pipeline.feed.feed_writer import FeedWriter
from streams.pipeline.feed.pace import UPDATES_PER_TRANSACTION, Slice, at_once, paced
from streams.pipeline.feed.pack import UPDATES_PER_RECORD, heartbeat
from streams.pipeline.feed.resume import TOPIC, feed_id, settled_end
from streams.pipeline.feed.table import QUOTE, Flags, MarketTable
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawOutput

CLOSING_NS = NANOS_PER_S
TAIL_RECORDS = 200

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FeedResult:
    """The result of a run. quotes: part of updates. before: updates of earlier runs. left: updates not sent yet."""

    updates: int
    quotes: int
    records: int
    seconds: float
    before: int
    left: int


class Feed:
    """The feed of a table to market.data. It continues where the last run with the same table ended.

    records: number of records sent by this process, by partition.
    """

    def __init__(self, settings: Settings, codec: Codec, table: MarketTable, ends: Flags | None = None) -> None:
        """Takes the feed over from the process that fed it before. ends: as streams.pipeline.feed.encode.encode has it.

        Raises FeedError if the table has times more than a day ahead, or market.data of a symbol is newer than the rest
        of it; DeliveryError, TopicError.
        """
        _demand_past(table)
        check_partitions(settings)
        self._settings = settings
        self._codec = codec
        self._table = table
        self._partitions = partition_count(settings, TOPIC)
        own_partitions = {partition_of(symbol, self._partitions) for symbol in table.symbols}
        self._writer = FeedWriter(settings, feed_id(table), own_partitions)
        self._ends = ends
        self.records = Counter[int]()
        self._stop = Event()
        self._demand_fresh()

    @property
    def row(self) -> int:
        """Number of updates of the table that are on market.data."""
        return self._writer.row

    def stop(self) -> None:
        """Ends run() after the current transaction. May be called from another thread."""
        self._stop.set()

    def run(
        self,
        speed: float | None,
        on_progress: OnProgress = lambda _: None,
        updates_per_transaction: int = UPDATES_PER_TRANSACTION,
    ) -> FeedResult:
        """Sends the rest of the table. speed: multiple of real time; None: as fast as the broker accepts it.

        Ends with a heartbeat one second of market time later, so that orders in flight reach the market.
        Raises FeedError, DeliveryError as FeedWriter.write does.
        """
        before, end = self.row, len(self._table)
        if before == end:
            return self.run_slices((), on_progress)
        if speed is None:
            return self.run_slices(at_once(before, end, updates_per_transaction), on_progress)
        return self.run_slices(paced(self._table.time, before, speed, self._stop), on_progress)

    def run_slices(self, slices: Iterable[Slice], on_progress: OnProgress = lambda _: None) -> FeedResult:
        """Sends slices of the table, each when it comes. Otherwise does the same as run()."""
        before, end = self.row, len(self._table)
        started, records = time.monotonic(), 0
        for piece in slices:
            records += self._send(piece)
            if self._stop.is_set():
                break
            on_progress(self.row)
        self._writer.close()
        quotes = int(np.count_nonzero(self._table.kind[before : self.row] == QUOTE))
        return FeedResult(self.row - before, quotes, records, time.monotonic() - started, before, end - self.row)

    def _send(self, piece: Slice) -> int:
        records = list(self._records(self.row, piece.stop))
        if piece.stop == len(self._table) and not piece.open_ended:
            records += self._heartbeats(int(self._table.time[-1]) + CLOSING_NS)
        elif piece.heartbeat_ns is not None:
            records += self._heartbeats(piece.heartbeat_ns)
        if records:
            self._writer.write(records, piece.stop)
            self.records.update(record.partition for record in records)
        return len(records)

    def _records(self, start: int, stop: int) -> Iterator[RawOutput]:
        step = UPDATES_PER_RECORD * len(self._table.symbols)
        header = self._codec.encode(TOPIC, heartbeat(0))[: HEADER.size]
        for symbol, value in encode(self._table, start, stop, step, header, self._ends):
            yield RawOutput(TOPIC, partition_of(symbol, self._partitions), symbol.encode(), value)

    def _heartbeats(self, time_ns: int) -> list[RawOutput]:
        value = self._codec.encode(TOPIC, heartbeat(time_ns))
        return [RawOutput(TOPIC, partition, b"", value) for partition in range(self._partitions)]

    def _demand_fresh(self) -> None:
        """Compares the table's times with the newest records of market.data, which other feeds may have written."""
        left = self._table.symbol[self.row :]
        codes, firsts = np.unique(left, return_index=True)
        starts = {
            self._table.symbols[code]: int(self._table.time[self.row + first])
            for code, first in zip(codes, firsts, strict=True)
        }
        newest: dict[str, int] = {}
        for partition in {partition_of(symbol, self._partitions) for symbol in starts}:
            for record in self._tail(partition):
                newest[record.symbol] = max(record.ts, newest.get(record.symbol, 0))
        for symbol, start in starts.items():
            if start < newest.get(symbol, 0):
                raise FeedError(
                    f"{symbol}: these updates start at {_moment(start)}, but market.data is already at "
                    f"{_moment(newest[symbol])}, and market time must not step back: use another TOPIC_PREFIX and "
                    "RUN_ID, or `paper down --purge --yes`"
                )

    def _tail(self, partition: int) -> Iterator[MarketData]:
        start = max(settled_end(self._settings, partition) - TAIL_RECORDS, 0)
        for record in KafkaLogReader(self._settings).read(TOPIC, partition, start):
            try:
                if record.value is not None:
                    yield self._codec.decode(TOPIC, record.value)
            except UndecodableRecord:
                continue


def _demand_past(table: MarketTable) -> None:
    """Demands times that market.data takes: at most a day ahead. Raises FeedError."""
    last = int(table.time[-1])
    if last + CLOSING_NS > time.time_ns() + AHEAD_MAX_NS:
        name = table.symbols[table.symbol[-1]]
        raise FeedError(
            f"{name}: the last update is at {_moment(last)}, more than a day ahead of the clock, which market.data "
            "does not take; correct its ts_ns, UTC nanoseconds"
        )


def _moment(time_ns: int) -> str:
    return f"{time_ns} ({datetime.fromtimestamp(time_ns // NANOS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC)"


def send(settings: Settings, codec: Codec, table: MarketTable, speed: float | None) -> FeedResult:
    """Sends a table as Feed.run does."""
    return Feed(settings, codec, table).run(speed)
