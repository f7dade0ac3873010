"""Following topics: an endless read of committed records."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, TopicPartition

from infra.kafka.client_config import client_config
from infra.kafka.partition_check import check_partitions
from infra.kafka.passing_errors import passes
from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.errors import LogUnavailable
from streams.pipeline.journal.kafka_log import watermarks
from streams.pipeline.journal.kafka_records import raw_record

POLL_RECORDS = 500


class FollowedRecord(NamedTuple):
    """A decoded record. topic: base name. timestamp_ns: Kafka's, UTC nanoseconds."""

    topic: str
    message: Any
    timestamp_ns: int
    partition: int


class Follower:
    """A reader of all partitions of topics, from their ends, from their beginnings, or from given offsets."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        topics: Sequence[str],
        from_start: bool = False,
        starts: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        """starts: first offsets to read, by topic and partition; the other partitions are read from their ends.

        Raises TopicError if the partitions of a topic differ from the settings, LogUnavailable.
        """
        check_partitions(settings)
        self._codec = codec
        self._base = {topic_name(settings, topic): topic for topic in topics}
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": f"{settings.topic_prefix}follower",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )
        places = [
            TopicPartition(name, partition)
            for name, topic in self._base.items()
            for partition in range(partition_count(settings, topic))
        ]
        for place in places:
            low, high = watermarks(self._consumer, place)
            given = (starts or {}).get((self._base[place.topic], place.partition))
            place.offset = given if given is not None else low if from_start else high
        self._before_end = {(place.topic, place.partition) for place in places}
        self._consumer.assign(places)

    @property
    def is_at_end(self) -> bool:
        """True once each partition has been read to an end that it has had since the start."""
        return not self._before_end

    def poll(self, timeout_s: float) -> Iterator[FollowedRecord]:
        """Waits up to timeout_s for a record, and yields it with all that are there by then.

        Skips undecodable records. Raises LogUnavailable.
        """
        found = self._consumer.consume(1, timeout=timeout_s)
        for message in found + self._consumer.consume(POLL_RECORDS, timeout=0):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    self._before_end.discard((message.topic(), message.partition()))
                    continue
                if passes(error):
                    continue
                raise LogUnavailable(f"following {', '.join(self._base.values())}: {error.str()}")
            name = message.topic()
            assert name is not None
            record = raw_record(message, self._base[name])
            if record.value is None:
                continue
            try:
                decoded = self._codec.decode(record.topic, record.value)
            except UndecodableRecord:
                continue
            yield FollowedRecord(record.topic, decoded, record.timestamp_ns, record.partition)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
