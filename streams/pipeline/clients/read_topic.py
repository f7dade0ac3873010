"""Reading a topic up to its present end, decoded."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from infra.kafka.partition_check import check_partitions
from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.pipeline.journal.kafka_log import KafkaLogReader


class StampedRecord(NamedTuple):
    """A decoded record. timestamp_ns: when Kafka took it, UTC nanoseconds."""

    message: Any
    timestamp_ns: int


def read_topic(settings: Settings, codec: Codec, topic: str) -> Iterator[Any]:
    """Yields the records of a topic, partition by partition. Skips undecodable records.

    Raises TopicError, LogUnavailable.
    """
    for record in read_stamped(settings, codec, topic):
        yield record.message


def read_stamped(settings: Settings, codec: Codec, topic: str) -> Iterator[StampedRecord]:
    """Yields what read_topic does, with Kafka's times. Raises as read_topic does."""
    check_partitions(settings)
    reader = KafkaLogReader(settings)
    for partition in range(partition_count(settings, topic)):
        for record in reader.read(topic, partition, 0):
            if record.value is None:
                continue
            try:
                yield StampedRecord(codec.decode(topic, record.value), record.timestamp_ns)
            except UndecodableRecord:
                continue
