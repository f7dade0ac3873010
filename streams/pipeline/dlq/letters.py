"""Dead letters as they were written: the original record, and why it was refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from infra.kafka.topics import DEAD_LETTER_TOPICS, DLQ_PREFIX, dead_letter_topic
from streams.errors import InputError
from streams.pipeline.journal.dead_letters import CUT, DLQ_PARTITION, ORIGINAL
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import Headers, RawRecord
from streams.pipeline.sink.dead_letter_rows import place

TOPICS = tuple(topic.name.removeprefix(DLQ_PREFIX) for topic in DEAD_LETTER_TOPICS)
"""Topics whose records may be refused."""


class DeadLetter(NamedTuple):
    """A refused record of a topic.

    offset: of the letter. source_partition, source_offset: of the record; -1 where nobody of ours wrote the letter.
    time_ns: when it was refused, UTC nanoseconds. cut: how many bytes the record had of which the letter has the first.
    """

    topic: str
    offset: int
    source_partition: int
    source_offset: int
    stage: str
    error_class: str
    message: str
    time_ns: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    cut: int | None

    @property
    def obstacle(self) -> str | None:
        """Why it can't be sent back; None where it can."""
        if self.source_offset < 0:
            return "its headers do not say which record it was"
        if self.cut is not None:
            where = f"{self.topic}-{self.source_partition} offset {self.source_offset}"
            return f"it has only the first of {self.cut} bytes; the record itself still lies at {where}"
        return None


def base_topic(name: str) -> str:
    """The topic that a user means, with or without `dlq.`.

    Raises:
        InputError: it has no dead letters.
    """
    base = name.removeprefix(DLQ_PREFIX)
    if base not in TOPICS:
        raise InputError(f"topic {name}: there are dead letters of {', '.join(TOPICS)}")
    return base


def topics_with_letters(reader: LogReader, topics: Iterable[str]) -> list[str]:
    """Those topics that have letters. Raises LogUnavailable."""
    boxes = {dead_letter_topic(topic): topic for topic in topics}
    return [boxes[box] for box, (first, end) in reader.bounds(boxes, DLQ_PARTITION).items() if first < end]


def read_letters(reader: LogReader, topic: str, first_offset: int = 0) -> Iterator[DeadLetter]:
    """The letters of a topic from an offset on. Raises LogUnavailable."""
    for record in reader.read(dead_letter_topic(topic), DLQ_PARTITION, first_offset):
        yield _letter(topic, record)


def read_letter(reader: LogReader, topic: str, offset: int) -> DeadLetter:
    """One letter.

    Raises:
        InputError: there is none at this offset.
    """
    box = dead_letter_topic(topic)
    first, end = reader.bounds([box], DLQ_PARTITION)[box]
    if first <= offset < end:
        for letter in read_letters(reader, topic, offset):
            if letter.offset == offset:
                return letter
            break
    raise InputError(f"{box} has no letter at offset {offset}: `paper dlq list --topic {topic}` shows what it has")


def _letter(topic: str, record: RawRecord) -> DeadLetter:
    headers = dict(record.headers)
    source_partition, source_offset = place(headers)
    cut = headers.get(CUT)
    return DeadLetter(
        topic=topic,
        offset=record.offset,
        source_partition=source_partition,
        source_offset=source_offset,
        stage=_text(headers, "stage"),
        error_class=_text(headers, "error_class"),
        message=_text(headers, "message"),
        time_ns=record.timestamp_ns,
        key=record.key,
        value=record.value,
        headers=tuple((n.removeprefix(ORIGINAL), v) for n, v in record.headers if n.startswith(ORIGINAL)),
        cut=int(cut) if cut is not None and cut.isdigit() else None,
    )


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode(errors="replace")
