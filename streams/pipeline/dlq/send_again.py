"""Sends refused records to their topics again, each once: one transaction writes the records and moves the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from infra.kafka.client_config import brief_client_config
from infra.kafka.topics import dead_letter_topic, topic_name
from infra.settings import Settings
from streams.errors import LogUnavailable
from streams.pipeline.dlq.letters import DeadLetter, read_letters
from streams.pipeline.journal.dead_letters import DLQ_PARTITION
from streams.pipeline.journal.kafka_log import GroupPosition, KafkaLogReader, KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput

WRITER = "dlq-replay"
REPLAYED_FROM = "replayed-from"
BATCH_LETTERS_MAX = 500
BATCH_BYTES_MAX = 16 * 1024 * 1024
ASK_S = 30.0


class ReplayedLetters(NamedTuple):
    """The result of a replay. left: letters that can't be sent again."""

    sent: int
    left: list[DeadLetter]


def group_id(settings: Settings) -> str:
    """Returns the consumer group whose offsets on the dlq topics are the cursors: letters before them were replayed."""
    return f"{settings.topic_prefix}paper-dlq-replay"


def cursors(settings: Settings, topics: Iterable[str]) -> dict[str, int]:
    """Returns the offset of the first letter of each topic that was not replayed.

    Raises:
        LogUnavailable: the broker does not answer.
    """
    bases = {topic_name(settings, dead_letter_topic(topic)): topic for topic in topics}
    if not bases:
        return {}
    consumer = _consumer(settings)
    try:
        places = consumer.committed([TopicPartition(name, DLQ_PARTITION) for name in bases], timeout=ASK_S)
    except KafkaException as failure:
        raise LogUnavailable(f"offsets of group {group_id(settings)}: {failure.args[0].str()}") from failure
    finally:
        consumer.close()
    return {bases[place.topic]: 0 if place.offset == OFFSET_INVALID else place.offset for place in places}


def replay_one(settings: Settings, letter: DeadLetter) -> None:
    """Sends the record of one letter again and leaves the cursor. Raises LogUnavailable, Fenced."""
    KafkaTransactions(settings, WRITER).write([_original(letter)])


def replay_all(settings: Settings, topic: str) -> ReplayedLetters:
    """Sends the record of every letter behind the cursor again, and moves the cursor.

    Raises:
        LogUnavailable: the broker did not answer in time; records that were sent count.
        Fenced: another process has started a replay.
    """
    # Fences other replays first, so that the cursor can't move any more.
    writer = KafkaTransactions(settings, WRITER)
    reader, box = KafkaLogReader(settings), dead_letter_topic(topic)
    # Records that are refused again meanwhile get letters behind this end.
    end = reader.bounds([box], DLQ_PARTITION)[box][1]
    letters = read_letters(reader, topic, cursors(settings, [topic])[topic])
    sent, left = 0, []
    for batch in _batches(takewhile(lambda letter: letter.offset < end, letters)):
        records = [_original(letter) for letter in batch if letter.obstacle is None]
        left += [letter for letter in batch if letter.obstacle is not None]
        writer.write(records, position=_behind(settings, batch[-1]))
        sent += len(records)
    return ReplayedLetters(sent, left)


def _behind(settings: Settings, letter: DeadLetter) -> GroupPosition:
    name = topic_name(settings, dead_letter_topic(letter.topic))
    consumer = _consumer(settings)
    try:
        return GroupPosition(TopicPartition(name, DLQ_PARTITION, letter.offset + 1), consumer.consumer_group_metadata())
    finally:
        consumer.close()


def _batches(letters: Iterable[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    batch: list[DeadLetter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.key or b"") + len(letter.value or b"")
        if len(batch) >= BATCH_LETTERS_MAX or size >= BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _original(letter: DeadLetter) -> RawOutput:
    origin = f"{dead_letter_topic(letter.topic)}:{DLQ_PARTITION}:{letter.offset}".encode()
    headers = [(name, value) for name, value in letter.headers if name != REPLAYED_FROM]
    headers.append((REPLAYED_FROM, origin))
    return RawOutput(letter.topic, letter.source_partition, letter.key, letter.value, tuple(headers))


def _consumer(settings: Settings) -> Consumer:
    return Consumer(
        brief_client_config(settings)
        | {
            "group.id": group_id(settings),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
