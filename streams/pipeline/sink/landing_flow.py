"""The sink's protocol without its Kafka client: buffers records, lands blocks, and finds positions after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from schemas.errors import RegistryUnavailable
from streams.pipeline.sink.buffer import Buffer
from streams.pipeline.sink.column_batch import ColumnBatch
from streams.pipeline.sink.dead_letter_writer import DeadLetterWriter
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.tables import OUTAGE_MAX_S, Pause, Tables

REGISTRY_PAUSE_S = 5.0

Place = tuple[str, int]
"""Base topic and partition."""
OnLanded = Callable[[dict[Place, int], int], None]

log = logging.getLogger(__name__)


class LandingFlow:
    """The steps of a sink: take partitions over, take records, land blocks, release partitions.

    The position of a partition is behind its last row. After a crash, records behind that row are read again. If a bad
    record is among them, its dead letter is found to be written.

    Args:
        pause: waits for a number of seconds while the schema registry is away; raises SinkStopped to give up.
        on_landed: called after each block with the next offset of its partitions, and its number of records.
    """

    def __init__(
        self,
        buffer: Buffer,
        tables: Tables,
        landing: Landing,
        letters: DeadLetterWriter,
        pause: Pause,
        on_landed: OnLanded = lambda ends, records: None,
    ) -> None:
        self._buffer = buffer
        self._tables = tables
        self._landing = landing
        self._letters = letters
        self._pause = pause
        self._on_landed = on_landed
        self._under_way: tuple[dict[Place, int], int] | None = None

    def begin(self, partitions: Collection[Place]) -> dict[Place, int]:
        """Takes partitions over and returns the next offset of those with rows. Others are read from the beginning.

        Raises:
            SinkError: ClickHouse stays away.
        """
        self.release(partitions)
        ends = {topic: self._tables.ends(topic) for topic in sorted({topic for topic, _ in partitions})}
        return {(topic, number): ends[topic][number] + 1 for topic, number in partitions if number in ends[topic]}

    def release(self, partitions: Collection[Place]) -> None:
        """Drops the records of partitions, whose next owner finds their positions in the tables.

        Raises as Landing.settle does.
        """
        self._settle()
        self._buffer.discard(partitions)
        self._letters.forget(partitions)

    def take(self, batches: Iterable[ColumnBatch], now: float) -> None:
        """Takes records that were just read, ordered by offset within a partition."""
        self._buffer.add(batches, now)

    def land_due(self, now: float) -> None:
        """Lands the blocks that are full or old enough. Raises as Landing.land does."""
        if self._landing.is_done:
            self._settle()
        self._land(self._buffer.due(now))

    def land_all(self) -> None:
        """Lands all waiting records. Raises as Landing.land does."""
        self._land(self._buffer.topics())
        self._settle()

    def _settle(self) -> None:
        self._landing.settle()
        self._report_landed()

    def _land(self, topics: list[str]) -> None:
        for topic in topics:
            while block := self._buffer.peek(topic):
                self._land_block(topic, block)
                self._report_landed()
                rows = sum(len(batch) for batch in block)
                self._buffer.remove(topic, rows)
                self._under_way = {(topic, batch.partition): int(batch.offsets[-1]) + 1 for batch in block}, rows

    def _report_landed(self) -> None:
        """Reports the last block, for which settling and landing the next block have waited."""
        landed, self._under_way = self._under_way, None
        if landed is not None:
            self._on_landed(*landed)

    def _land_block(self, topic: str, block: list[ColumnBatch]) -> None:
        waited_s = 0.0
        while True:
            try:
                self._landing.land(topic, block)
            except RegistryUnavailable as error:
                if waited_s >= OUTAGE_MAX_S:
                    raise
                log.warning("waiting for the schema registry: %s", error)
                self._pause(REGISTRY_PAUSE_S)
                waited_s += REGISTRY_PAUSE_S
            else:
                return
