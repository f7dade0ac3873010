"""The sink's dead letters: each is written once, whatever died or froze in between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.kafka.topics import dead_letter_topic
from streams.errors import Fenced, SinkError
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.sink import dead_letter_rows

TAKEOVERS_MAX = 10

Place = tuple[str, int]
"""Base topic and partition."""


class DeadLetterTable(Protocol):
    """Rows of dead letters: streams.pipeline.sink.tables.Tables."""

    def ends(self, topic: str) -> dict[int, int]:
        """The highest offset of each partition of a topic that has a row."""
        ...

    def refused(self, topic: str, partition: int, first_offset: int) -> set[int]:
        """Offsets, from one on, of a partition's records that a sink refused, as far as their letters have rows."""
        ...


class DeadLetterTransactions(Protocol):
    """Writes in transactions; a later one fences this: streams.pipeline.journal.kafka_log.KafkaTransactions."""

    def write(self, records: Sequence[RawOutput]) -> object:
        """Writes all or none. Raises Fenced where another has taken over."""
        ...


@dataclass(slots=True)
class WrittenLetters:
    """DeadLetterTable of a partition. found: offsets of those that others left; until: all of ours are before it."""

    found: set[int]
    until: int = 0


class DeadLetterWriter:
    """Writes letters that are not there yet.

    Whoever opened the writer last holds the pen: what others had under way is aborted, so all that they wrote can be
    read, and nothing can be added behind that reading. So a sink that was replaced while it was frozen finds its
    letters written, and does not write them again.

    Args:
        open_writer: takes the pen.
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
        """Returns when Kafka has them all. The letters of a partition are in the order of its offsets.

        Raises:
            LogUnavailable: Kafka did not take them in time.
            SinkError: other sinks took the pen away again and again.
        """
        for _ in range(TAKEOVERS_MAX):
            try:
                self._write(letters)
            except Fenced:
                self._writer = None
            else:
                return
        raise SinkError(f"other sinks took the dead letters over {TAKEOVERS_MAX} times in a row; run fewer of them")

    def forget(self, partitions: Collection[Place]) -> None:
        """Partitions come or go: their letters are looked up again."""
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
        # The end comes first: a row that lands between the two questions is then found by both readings.
        with_row = self._letters.ends(box).get(0, -1)
        found = self._letters.refused(topic, partition, first_offset)
        for letter in self._reader.read(box, 0, with_row + 1):
            headers = dict(letter.headers)
            ours = headers.get("stage") == dead_letter_rows.STAGE.encode()
            its_partition, offset = dead_letter_rows.place(headers)
            if ours and its_partition == partition and offset >= first_offset:
                found.add(offset)
        return found


def _source(letter: RawOutput) -> tuple[Place, int]:
    """Partition and offset of the record that it is about."""
    headers = dict(letter.headers)
    partition, offset = dead_letter_rows.place(headers)
    return (headers["topic"].decode(), partition), offset
