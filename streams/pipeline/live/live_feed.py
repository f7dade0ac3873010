"""The live feed: takes what a source says, and writes it to market.data in transactions of some milliseconds."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from infra.kafka.partition_check import check_partitions
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.numbers import NANOS_PER_MS
from streams.errors import FeedError
from streams.pipeline.feed.pack import heartbeat
from streams.pipeline.live.feed_health import FeedHealth
from streams.pipeline.live.live_batch import records_of
from streams.pipeline.live.live_market import LiveMarket, OnNotice
from streams.pipeline.live.live_rows import LiveRow
from streams.pipeline.live.live_times import LiveTimes
from streams.pipeline.live.live_writer import LiveWriter
from streams.pipeline.live.source import Source
from streams.pipeline.live.update_queue import QUEUE_MAX, UpdateQueue
from streams.pipeline.reference.load_config import load_instruments

BATCH_S = 0.02
"""Time for which updates are gathered into a transaction."""
HEARTBEAT_S = 1.0
SOURCE_PREFIX = "live:"


class Recording(Protocol):
    """A recording beside market.data; streams.pipeline.live.feed_record provides it."""

    def add(self, rows: Sequence[LiveRow]) -> None:
        """Adds rows that are on market.data, in their order."""
        ...


def demand_instruments(settings: Settings, venue: str, symbols: Sequence[str]) -> None:
    """Demands that the reference data have the symbols, each given once. Raises FeedError, ReferenceDataError."""
    known = {item.symbol for item in load_instruments(settings.reference_data)}
    unknown = [symbol for symbol in symbols if symbol not in known]
    if unknown:
        raise FeedError(
            f"{', '.join(unknown)}: not in {settings.reference_data}, so no order in it would be taken; "
            f"`paper instruments fetch {venue} {' '.join(unknown)}` brings it from the exchange"
        )
    if len(set(symbols)) < len(symbols):
        raise FeedError(f"{' '.join(symbols)}: a symbol is given twice; give each one once")


class LiveFeed:
    """A feed of a source's symbols to market.data.

    on_health: takes the health each second. on_notice: takes sentences about gaps and refused updates. recording: takes
    all that was written.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        source: Source,
        symbols: Sequence[str],
        on_health: Callable[[FeedHealth], None],
        on_notice: OnNotice,
        recording: Recording | None = None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._source = source
        self._symbols = tuple(symbols)
        self._origin = f"{SOURCE_PREFIX}{source.name}"
        self._on_health = on_health
        self._on_notice = on_notice
        self._recording = recording
        self._queue = UpdateQueue(queue_max)
        self._stop = asyncio.Event()
        self._updates = 0
        self._updates_at_health = 0
        self._newest_s = self._health_s = time.monotonic()

    def stop(self) -> None:
        """Makes run() end. Call it in the event loop."""
        self._stop.set()

    async def run(self) -> None:
        """Feeds until stop() or until the source ends; then halts the symbols.

        Raises FeedError as Source.open and LiveWriter do, or if the source fails; DeliveryError, TopicError.
        """
        check_partitions(self._settings)
        stopping = asyncio.create_task(self._stop.wait())
        opening = asyncio.create_task(self._source.open(self._symbols))
        try:
            await asyncio.wait([stopping, opening], return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
                await self._feed(stopping)
        finally:
            await _canceled(opening, stopping)
            await self._source.close()

    async def _feed(self, stopping: asyncio.Task[Any]) -> None:
        receiving = asyncio.create_task(self._receive())
        try:
            writer = await asyncio.to_thread(LiveWriter, self._settings, self._codec, self._symbols)
            try:
                await self._write(writer, receiving, stopping)
            finally:
                writer.close()
        finally:
            await _canceled(receiving)

    async def _receive(self) -> None:
        async for update in self._source.updates():
            self._newest_s = time.monotonic()
            self._queue.put(update)

    async def _write(self, writer: LiveWriter, receiving: asyncio.Task[None], stopping: asyncio.Task[Any]) -> None:
        self._times = LiveTimes({symbol: tail.time_ns for symbol, tail in writer.tails.items()})
        books = {symbol: tail.book_ns for symbol, tail in writer.tails.items()}
        self._market = LiveMarket(self._symbols, self._times, books, self._on_notice)
        # 1. Mark the gap before this run, and see that no other feed began at the same moment.
        await self._send(writer, self._market.begin(time.time_ns()))
        await asyncio.to_thread(writer.demand_first)
        while not stopping.done() and not receiving.done():
            # 2. Gather, and write what has come.
            await asyncio.wait([stopping, receiving], timeout=BATCH_S, return_when=asyncio.FIRST_COMPLETED)
            taken = self._queue.take()
            self._updates += len(taken)
            await self._send(writer, self._market.take(taken))
            # 3. Each second, let quiet symbols know the time, and say how it goes.
            if time.monotonic() - self._health_s >= HEARTBEAT_S:
                await self._send_heartbeats(writer)
                self._on_health(self._health())
        # 4. Nobody shows the market from here on.
        await self._send(writer, [*self._market.take(self._queue.take()), *self._market.halt_all(time.time_ns())])
        if receiving.done():
            self._demand_end(receiving)

    def _demand_end(self, receiving: asyncio.Task[None]) -> None:
        error = receiving.exception()
        if error is not None:
            raise FeedError(
                f"{self._source.name}: {error or type(error).__name__}; run the same command again"
            ) from error

    async def _send(self, writer: LiveWriter, rows: Sequence[LiveRow]) -> None:
        if rows:
            await asyncio.to_thread(self._write_rows, writer, rows)

    def _write_rows(self, writer: LiveWriter, rows: Sequence[LiveRow]) -> None:
        writer.write(records_of(rows, self._origin))
        if self._recording is not None:
            self._recording.add(rows)

    async def _send_heartbeats(self, writer: LiveWriter) -> None:
        """Lets quiet symbols know the time, each by a record of its own: others may have feeds of their own."""
        now_ns = time.time_ns()
        times = {symbol: self._times.heartbeat_ns(symbol, now_ns) for symbol in self._symbols}
        records = [
            heartbeat(time_ns, self._origin)._replace(symbol=symbol)
            for symbol, time_ns in times.items()
            if time_ns is not None
        ]
        if records:
            await asyncio.to_thread(writer.write, records)

    def _health(self) -> FeedHealth:
        now_s, source, skew_ns = time.monotonic(), self._source.health, self._times.skew_ns
        rate = (self._updates - self._updates_at_health) / (now_s - self._health_s)
        self._health_s, self._updates_at_health = now_s, self._updates
        return FeedHealth(
            source=self._source.name,
            symbols=self._symbols,
            connected=source.connected,
            updates_per_s=round(rate, 1),
            age_s=round(now_s - self._newest_s, 3),
            gaps=self._market.gaps,
            reconnects=source.reconnects,
            skew_ms=None if skew_ns is None else round(skew_ns / NANOS_PER_MS, 3),
            halted=tuple(self._market.halted),
            updates=self._updates,
            conflated=self._queue.conflated,
            missed=self._queue.missed,
            refused=self._market.refused + source.refused,
            steps_back=self._times.steps_back,
            far=self._times.far,
            unstamped=self._times.unstamped,
            at=time.time(),
        )


async def _canceled(*tasks: asyncio.Task[Any]) -> None:
    """Ends tasks, whatever they come to."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
