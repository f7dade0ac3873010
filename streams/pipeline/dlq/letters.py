"""Reading dead letters: the refused record, its place and the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from infra.kafka.topics import BY_NAME, DEAD_LETTER_TOPICS, DLQ_PREFIX, dead_letter_topic
from streams.errors import InputError
from streams.pipeline.journal.dead_letters import CUT, DLQ_PARTITION, ORIGINAL, source_place
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import Headers, RawRecord, batch_bytes

TOPICS = tuple(topic.name.removeprefix(DLQ_PREFIX) for topic in DEAD_LETTER_TOPICS)
"""Topics that have dead letters."""
ADDED_BYTES_MAX = 100
"""Size at most of the header that names the letter from which a record was sent again."""


class DeadLetter(NamedTuple):
    """A refused record of a topic.

    offset: offset of the letter. source_partition, source_offset: place of the record; -1 if the letter's headers do
    not name it. time_ns: time of the refusal, UTC nanoseconds. cut: original size in bytes, if the letter holds only
    the beginning of the record.
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
        """The reason why the record can't be sent again; None if it can."""
        if self.source_offset < 0:
            return "its headers do not say which record it was"
        if self.cut is not None:
            where = f"{self.topic}-{self.source_partition} offset {self.source_offset}"
            return f"it has only the beginning of {self.cut} bytes; the whole record is at {where}"
        size, limit = batch_bytes(self.key, self.value, self.headers), BY_NAME[self.topic].max_message_bytes
        if size + ADDED_BYTES_MAX > limit:
            return f"with a further header it may have {size + ADDED_BYTES_MAX} bytes, and {self.topic} takes {limit}"
        return None


def base_topic(name: str) -> str:
    """Returns the topic that a user names with or without `dlq.`.

    Raises:
        InputError: the topic has no dead letters.
    """
    base = name.removeprefix(DLQ_PREFIX)
    if base not in TOPICS:
        raise InputError(f"topic {name} has no dead letters; these topics may have some: {', '.join(TOPICS)}")
    return base


def topics_with_letters(reader: LogReader, topics: Iterable[str]) -> list[str]:
    """Returns the topics that have at least one letter. Raises LogUnavailable."""
    boxes = {dead_letter_topic(topic): topic for topic in topics}
    return [boxes[box] for box, (first, end) in reader.bounds(boxes, DLQ_PARTITION).items() if first < end]


def read_letters(reader: LogReader, topic: str, first_offset: int = 0) -> Iterator[DeadLetter]:
    """Yields the letters of a topic from an offset on. Raises LogUnavailable."""
    for record in reader.read(dead_letter_topic(topic), DLQ_PARTITION, first_offset):
        yield _letter(topic, record)


def read_letter(reader: LogReader, topic: str, offset: int) -> DeadLetter:
    """Returns the letter at an offset.

    Raises:
        InputError: there is no letter at this offset.
    """
    box = dead_letter_topic(topic)
    first, end = reader.bounds([box], DLQ_PARTITION)[box]
    if first <= offset < end:
        for letter in read_letters(reader, topic, offset):
            if letter.offset == offset:
                return letter
            break
    raise InputError(f"{box} has no letter at offset {offset}: `paper dlq list --topic {topic}` lists its letters")


def _letter(topic: str, record: RawRecord) -> DeadLetter:
    headers = dict(record.headers)
    source_partition, source_offset = source_place(headers)
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
