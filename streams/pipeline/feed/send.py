"""Sending a market to market.data, each update exactly once, even if the process dies and starts again."""

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
from streams.pipeline.feed.market_blocks import Market, TableMarket
from streams.pipeline.feed.pace import UPDATES_PER_TRANSACTION, MarketClock, Slice, at_once, paced
from streams.pipeline.feed.pack import UPDATES_PER_RECORD, heartbeat
from streams.pipeline.feed.resume import TOPIC, settled_end
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
    """The feed of a market to market.data. It continues where the last run with the same updates ended.

    records: number of records sent by this process, by partition.
    """

    def __init__(
        self, settings: Settings, codec: Codec, market: MarketTable | Market, ends: Flags | None = None
    ) -> None:
        """Takes the feed over from the process that fed it before. ends: as streams.pipeline.feed.encode.encode has it.

        Raises FeedError if the market has times more than a day ahead, or market.data of a symbol is newer than what is
        left of it; DeliveryError, TopicError.
        """
        self._market: Market = TableMarket(market) if isinstance(market, MarketTable) else market
        self._demand_past()
        check_partitions(settings)
        self._settings = settings
        self._codec = codec
        self._ends = ends
        self._partitions = partition_count(settings, TOPIC)
        own_partitions = {partition_of(symbol, self._partitions) for symbol in self._market.symbols}
        self._writer = FeedWriter(settings, self._market.content_id, own_partitions)
        self.records = Counter[int]()
        self._quotes = 0
        self._stop = Event()
        self._demand_fresh()

    @property
    def row(self) -> int:
        """Number of updates that are on market.data."""
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
        """Sends the rest of the market. speed: multiple of real time; None: as fast as the broker accepts it.

        Ends with a heartbeat one second of market time later, so that orders in flight reach the market.
        Raises FeedError, DeliveryError as FeedWriter.write does.
        """
        clock = None if speed is None else MarketClock(speed)

        def slices(table: MarketTable, row: int) -> Iterable[Slice]:
            if clock is None:
                return at_once(row, len(table), updates_per_transaction)
            return paced(table.time, row, clock, self._stop)

        return self._run(slices, on_progress)

    def run_slices(self, slices: Iterable[Slice], on_progress: OnProgress = lambda _: None) -> FeedResult:
        """Sends a market in memory in given slices, each when it comes. Otherwise does the same as run()."""
        return self._run(lambda table, row: slices, on_progress)

    def _run(self, slices: Callable[[MarketTable, int], Iterable[Slice]], on_progress: OnProgress) -> FeedResult:
        before, started = self.row, time.monotonic()
        for base, table in self._market.blocks(before):
            for piece in slices(table, max(before - base, 0)):
                self._send(base, table, piece)
                if self._stop.is_set():
                    break
                on_progress(self.row)
            if self._stop.is_set():
                break
        self._writer.close()
        sent, left = self.row - before, len(self._market) - self.row
        seconds = time.monotonic() - started
        return FeedResult(sent, self._quotes, self.records.total(), seconds, before, left)

    def _send(self, base: int, table: MarketTable, piece: Slice) -> None:
        start, row = self.row - base, base + piece.stop
        records = list(self._records(table, start, piece.stop))
        if row == len(self._market) and not piece.open_ended:
            records += self._heartbeats(self._market.last_ns + CLOSING_NS)
        elif piece.heartbeat_ns is not None:
            records += self._heartbeats(piece.heartbeat_ns)
        if records:
            self._writer.write(records, row)
            self.records.update(record.partition for record in records)
        self._quotes += int(np.count_nonzero(table.kind[start : piece.stop] == QUOTE))

    def _records(self, table: MarketTable, start: int, stop: int) -> Iterator[RawOutput]:
        step = UPDATES_PER_RECORD * len(table.symbols)
        header = self._codec.encode(TOPIC, heartbeat(0))[: HEADER.size]
        for symbol, value in encode(table, start, stop, step, header, self._ends):
            yield RawOutput(TOPIC, partition_of(symbol, self._partitions), symbol.encode(), value)

    def _heartbeats(self, time_ns: int) -> list[RawOutput]:
        value = self._codec.encode(TOPIC, heartbeat(time_ns, self._market.source))
        return [RawOutput(TOPIC, partition, b"", value) for partition in range(self._partitions)]

    def _demand_past(self) -> None:
        """Demands times that market.data takes: at most a day ahead. Raises FeedError."""
        last = self._market.last_ns
        if last + CLOSING_NS > time.time_ns() + AHEAD_MAX_NS:
            raise FeedError(
                f"the last update is at {_moment(last)}, more than a day ahead of the clock, which market.data does "
                "not take; correct its ts_ns, UTC nanoseconds"
            )

    def _demand_fresh(self) -> None:
        """Compares the market's times with the newest records of market.data, which other feeds may have written."""
        starts = self._market.starts(self.row)
        newest: dict[str, int] = {}
        for partition in {partition_of(symbol, self._partitions) for symbol in starts}:
            for record in self._tail(partition):
                newest[record.symbol] = max(record.ts, newest.get(record.symbol, 0))
        for symbol, start in starts.items():
            if start < newest.get(symbol, 0):
                raise FeedError(
                    f"{symbol}: these updates start at {_moment(start)}, but market.data is already at "
                    f"{_moment(newest[symbol])}, and market time must not step back: use another TOPIC_PREFIX and "
                    "RUN_ID, with which `paper up` makes a new pipeline beside this one"
                )

    def _tail(self, partition: int) -> Iterator[MarketData]:
        start = max(settled_end(self._settings, partition) - TAIL_RECORDS, 0)
        for record in KafkaLogReader(self._settings).read(TOPIC, partition, start):
            try:
                if record.value is not None:
                    yield self._codec.decode(TOPIC, record.value)
            except UndecodableRecord:
                continue


def _moment(time_ns: int) -> str:
    return f"{time_ns} ({datetime.fromtimestamp(time_ns // NANOS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC)"


def send(settings: Settings, codec: Codec, table: MarketTable, speed: float | None) -> FeedResult:
    """Sends a table as Feed.run does."""
    return Feed(settings, codec, table).run(speed)
