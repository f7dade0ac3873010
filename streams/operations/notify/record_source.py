"""Reads the topics of a rule, and keeps the rule's place in them as committed offsets of a consumer group of its own.

A commit says two things of each partition: its offset, before which all is done, and in its metadata the offset before
which something may have been delivered. The second is committed before a delivery begins. After kill -9 the records
from the first to the second are read again, and their notices are marked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.kafka.client_config import client_config
from infra.kafka.passing_errors import passes
from infra.kafka.topics import BY_NAME, partition_count, topic_name
from infra.principal import READER
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.errors import LogUnavailable
from streams.operations.notify.notice import NoticePlace
from streams.pipeline.journal.kafka_log import watermarks
from streams.pipeline.journal.kafka_records import raw_record
from streams.pipeline.journal.raw_records import RawRecord

POLL_RECORDS = 500
POLL_S = 0.5
ANSWER_S = 30.0
RETRY_S = 1.0

log = logging.getLogger(__name__)
Partition = tuple[str, int]


class SourceRecord(NamedTuple):
    """A record as read. message: decoded; None for a dead letter. is_repeat: it may have been told before."""

    place: NoticePlace
    record: RawRecord
    message: Any
    is_repeat: bool


class RecordSource:
    """The records of topics for a rule, from its place on; a new rule begins at their ends.

    wait: waits some seconds, and returns True as soon as the process stops.
    """

    def __init__(
        self, settings: Settings, codec: Codec, rule: str, topics: Iterable[str], wait: Callable[[float], bool]
    ) -> None:
        """Raises LogUnavailable."""
        self._codec = codec
        self._wait = wait
        self._base = {topic_name(settings, topic): topic for topic in topics}
        group = f"{settings.topic_prefix}{settings.kafka_principal or READER}.notify.{rule}"
        own = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_committed"}
        self._consumer = Consumer(client_config(settings) | own | {"auto.offset.reset": "earliest"})
        self._next: dict[Partition, int] = {}
        self._told: dict[Partition, int] = {}
        self._committed: dict[Partition, tuple[int, int]] = {}
        self._start(settings)

    def _start(self, settings: Settings) -> None:
        places = [
            TopicPartition(name, partition)
            for name, topic in self._base.items()
            for partition in range(partition_count(settings, topic))
        ]
        for place in self._places(places):
            partition = place.topic, place.partition
            is_new = place.offset < 0
            self._next[partition] = watermarks(self._consumer, place)[1] if is_new else place.offset
            told = place.metadata or ""
            self._told[partition] = int(told) if told.isdigit() and len(told) < 20 and not is_new else 0
        self._consumer.assign([TopicPartition(*partition, offset) for partition, offset in self._next.items()])
        self.commit(())

    def _places(self, places: list[TopicPartition]) -> list[TopicPartition]:
        """Returns the committed places. Waits while a new or restarted broker looks for the group's coordinator."""
        deadline = monotonic() + ANSWER_S
        while True:
            try:
                return self._consumer.committed(places, timeout=ANSWER_S)
            except KafkaException as failure:
                error = failure.args[0]
                if not passes(error) or monotonic() > deadline or self._wait(RETRY_S):
                    raise LogUnavailable(f"the place of a rule of `paper notify`: {error.str()}") from failure

    def poll(self) -> Iterator[SourceRecord]:
        """Yields the records that arrive soon. Skips tombstones and undecodable records, which have dead letters.

        Raises LogUnavailable.
        """
        for message in self._consumer.consume(POLL_RECORDS, timeout=POLL_S):
            error = message.error()
            if error is not None:
                if passes(error):
                    continue
                raise LogUnavailable(f"reading {', '.join(self._base.values())}: {error.str()}")
            name = message.topic()
            assert name is not None
            record = raw_record(message, self._base[name])
            place = NoticePlace(name, record.partition, record.offset)
            self._next[name, record.partition] = record.offset + 1
            is_repeat = record.offset < self._told[name, record.partition]
            if not BY_NAME[record.topic].has_schema:
                yield SourceRecord(place, record, None, is_repeat)
            elif record.value is not None:
                try:
                    yield SourceRecord(place, record, self._codec.decode(record.topic, record.value), is_repeat)
                except UndecodableRecord:
                    continue

    def note_delivery(self, delivered: Iterable[NoticePlace], waiting: Iterable[NoticePlace]) -> None:
        """Commits that records are being told, before they are. Raises LogUnavailable."""
        for topic, partition, offset in delivered:
            self._told[topic, partition] = max(self._told[topic, partition], offset + 1)
        self.commit(waiting)

    def commit(self, waiting: Iterable[NoticePlace]) -> None:
        """Commits that all but the waiting records are done. Waits for Kafka to answer. Raises LogUnavailable."""
        offsets = dict(self._next)
        for topic, partition, offset in waiting:
            offsets[topic, partition] = min(offsets[topic, partition], offset)
        wanted = {partition: (offset, self._told[partition]) for partition, offset in offsets.items()}
        changed = [
            TopicPartition(*partition, offset, metadata=str(told))
            for partition, (offset, told) in wanted.items()
            if self._committed.get(partition) != (offset, told)
        ]
        while changed:
            try:
                self._consumer.commit(offsets=changed, asynchronous=False)
                break
            except KafkaException as failure:
                if not passes(failure.args[0]):
                    raise LogUnavailable(f"committing the place of a rule: {failure.args[0].str()}") from failure
                log.warning("the place of a rule is not committed yet: %s", failure.args[0].str())
                if self._wait(RETRY_S):
                    return
        self._committed = wanted

    def close(self) -> None:
        """Ends reading."""
        self._consumer.close()
