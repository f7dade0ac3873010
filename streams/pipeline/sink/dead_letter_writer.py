"""Writing the sink's dead letters, each exactly once, even if a sink dies or freezes in between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.kafka.topics import dead_letter_topic
from streams.errors import Fenced, SinkError
from streams.pipeline.journal.dead_letters import source_place
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.sink import dead_letter_rows
from streams.pipeline.sink.tables import Place

TAKEOVERS_MAX = 10


class DeadLetterTable(Protocol):
    """The rows of dead letters; implemented by streams.pipeline.sink.tables.Tables."""

    def ends(self, topic: str) -> dict[int, int]:
        """Returns the highest offset with a row, by partition of a topic."""
        ...

    def refused(self, topic: str, partition: int, first_offset: int) -> set[int]:
        """Returns the offsets, from first_offset on, of refused records of a partition whose letters have rows."""
        ...


class DeadLetterTransactions(Protocol):
    """A transactional writer that a later one fences; implemented by streams.pipeline.journal.kafka_log."""

    def write(self, records: Sequence[RawOutput]) -> object:
        """Writes all records or none. Raises Fenced if another writer has taken over."""
        ...


@dataclass(slots=True)
class WrittenLetters:
    """The letters of a partition. found: offsets of letters by others. until: offset behind our own letters."""

    found: set[int]
    until: int = 0


class DeadLetterWriter:
    """A writer that writes a letter only if it has not been written yet.

    Opening the transactional writer fences all others and aborts their transactions. After that, all of their letters
    can be read, and they can't add any. A sink that was replaced while it was frozen therefore finds its letters
    written, and does not repeat them.

    Args:
        letters: letters that are rows.
        reader: reads letters that are not rows yet.
        open_writer: opens the transactional writer.
    """

    def __init__(
        self, letters: DeadLetterTable, reader: LogReader, open_writer: Callable[[], DeadLetterTransactions]
    ) -> None:
        self._letters = letters
        self._reader = reader
        self._open_writer = open_writer
        self._writer: DeadLetterTransactions | None = None
        self._written: dict[Place, WrittenLetters] = {}

    def write(self, letters: Sequence[RawOutput]) -> None:
        """Writes letters and waits until Kafka has them. Those of a partition must be ordered by offset.

        Raises:
            LogUnavailable: Kafka did not accept them in time.
            SinkError: other sinks fenced this one again and again.
        """
        for _ in range(TAKEOVERS_MAX):
            try:
                self._write(letters)
            except Fenced:
                self._writer = None
            else:
                return
        raise SinkError(f"other sinks fenced this one {TAKEOVERS_MAX} times while it wrote dead letters; run fewer")

    def forget(self, partitions: Collection[Place]) -> None:
        """Drops what is known of partitions that were assigned or revoked, so that it is looked up again."""
        for place in partitions:
            self._written.pop(place, None)

    def _write(self, letters: Sequence[RawOutput]) -> None:
        if self._writer is None:
            self._writer = self._open_writer()
            self._written.clear()
        new = [letter for letter in letters if not self._is_written(letter)]
        if new:
            self._writer.write(new)
        for letter in new:
            place, offset = _source(letter)
            self._written[place].until = offset + 1

    def _is_written(self, letter: RawOutput) -> bool:
        place, offset = _source(letter)
        written = self._written.get(place)
        if written is None:
            written = self._written[place] = WrittenLetters(self._look_up(*place, offset))
        return offset < written.until or offset in written.found

    def _look_up(self, topic: str, partition: int, first_offset: int) -> set[int]:
        box = dead_letter_topic(topic)
        # In this order, a row that is inserted between the two queries is found twice instead of never.
        with_row = self._letters.ends(box).get(0, -1)
        found = self._letters.refused(topic, partition, first_offset)
        for letter in self._reader.read(box, 0, with_row + 1):
            headers = dict(letter.headers)
            ours = headers.get("stage") == dead_letter_rows.STAGE.encode()
            its_partition, offset = source_place(headers)
            if ours and its_partition == partition and offset >= first_offset:
                found.add(offset)
        return found


def _source(letter: RawOutput) -> tuple[Place, int]:
    """Returns topic, partition and offset of the refused record."""
    headers = dict(letter.headers)
    partition, offset = source_place(headers)
    return (headers["topic"].decode(), partition), offset
