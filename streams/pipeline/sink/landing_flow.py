"""The sink's protocol without its Kafka client: buffers records, lands blocks, and finds positions after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from time import time_ns

from infra.kafka.topics import DLQ_PREFIX
from schemas.errors import RegistryUnavailable
from streams.errors import SinkError
from streams.pipeline.sink.buffer import Buffer
from streams.pipeline.sink.column_batch import ColumnBatch, of_records
from streams.pipeline.sink.dead_letter_writer import DeadLetterWriter
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.missing_rows import Completeness, MissingRows
from streams.pipeline.sink.tables import OUTAGE_MAX_S, Pause, Place, Tables

REGISTRY_PAUSE_S = 5.0

NOTE_S = 60.0
"""Seconds between two notes of how complete the partitions are: a start after a crash compares what landed since."""

OnLanded = Callable[[dict[Place, int], int], None]

log = logging.getLogger(__name__)


class LandingFlow:
    """The steps of a sink: take partitions over, take records, land blocks, release partitions.

    The position of a partition is behind its last row. After a crash, records behind that row are read again. If a bad
    record is among them, its dead letter is found to be written. Records that lack a row before it are landed again.

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
        missing: MissingRows,
        pause: Pause,
        on_landed: OnLanded = lambda ends, records: None,
    ) -> None:
        self._buffer = buffer
        self._tables = tables
        self._landing = landing
        self._letters = letters
        self._missing = missing
        self._pause = pause
        self._on_landed = on_landed
        self._under_way: tuple[dict[Place, int], int] | None = None
        self._landed_until: dict[Place, int] = {}
        self._noted: dict[Place, Completeness] = {}
        self._note_due_at: float | None = None

    def begin(self, partitions: Collection[Place]) -> dict[Place, int]:
        """Takes partitions over and returns the next offset of those with rows. Others are read from the beginning.

        Raises as Landing.land does.
        """
        self.release(partitions)
        positions: dict[Place, int] = {}
        # Dead letters first: whether a bad record has its letter is looked up in their rows.
        for topic in sorted({topic for topic, _ in partitions}, key=_letters_first):
            ends = {n: last + 1 for n, last in self._tables.ends(topic).items() if (topic, n) in partitions}
            if ends:
                self._land_missing(topic, ends)
                for number, rows in self._missing.count(topic, ends).items():
                    self._landing.counts.start((topic, number), rows, ends[number])
            positions |= {(topic, number): end for number, end in ends.items()}
        self._landed_until |= positions
        self.note_completeness()
        return positions

    def _land_missing(self, topic: str, ends: dict[int, int]) -> None:
        before = self._missing.count(topic, ends)
        # ClickHouse may know the tokens of the blocks whose rows it has lost.
        self._tables.series = f"missing {time_ns()}"
        for records in self._missing.find(topic, ends):
            self._land_block(topic, of_records(records))
            self._settle()
        self._tables.series = ""
        landed = {number: rows for number in ends if (rows := self._landing.counts[topic, number])}
        after = self._missing.count(topic, ends) if landed else before
        for number, rows in landed.items():
            if after[number] != before[number] + rows:
                raise SinkError(
                    f"{topic}-{number}: {rows} missing records were inserted, but ClickHouse has "
                    f"{after[number] - before[number]} rows more; nothing is lost: start the sink again"
                )
            log.warning("%s-%d: %d records had no row and have landed now", topic, number, rows)

    def release(self, partitions: Collection[Place]) -> None:
        """Drops the records of partitions, whose next owner finds their positions in the tables.

        Raises as Landing.settle does.
        """
        self.note_completeness()
        self._buffer.discard(partitions)
        self._letters.forget(partitions)
        self._landing.counts.forget(partitions)
        for place in partitions:
            self._landed_until.pop(place, None)
            self._noted.pop(place, None)

    def note_completeness(self) -> None:
        """Notes how far the partitions are complete, for the next start. Raises as Landing.settle does."""
        self._settle()
        now = {place: Completeness(end, self._landing.counts[place]) for place, end in self._landed_until.items()}
        self._missing.note({place: complete for place, complete in now.items() if complete != self._noted.get(place)})
        self._noted = now

    def take(self, batches: Iterable[ColumnBatch], now: float) -> None:
        """Takes records that were just read, ordered by offset within a partition."""
        self._buffer.add(batches, now)

    def land_due(self, now: float) -> None:
        """Lands the blocks that are full or old enough. Raises as Landing.land does."""
        if self._landing.is_done:
            self._settle()
        self._land(self._buffer.due(now))
        if self._note_due_at is None or now >= self._note_due_at:
            self._note_due_at = now + NOTE_S
            self.note_completeness()

    def land_all(self) -> None:
        """Lands all waiting records. Raises as Landing.land does."""
        self._land(self._buffer.topics())
        self.note_completeness()

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
            self._landed_until |= landed[0]
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


def _letters_first(topic: str) -> tuple[bool, str]:
    return not topic.startswith(DLQ_PREFIX), topic
