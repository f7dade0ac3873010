"""A producer of decoded records, for clients outside of the shards."""

from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka.client_config import client_config
from infra.kafka.partition_check import check_partitions
from infra.kafka.replication import ACKNOWLEDGED
from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.output import Message as Record
from streams.errors import DeliveryError, RecordTooLarge
from streams.pipeline.journal.raw_records import RawOutput

FLUSH_DEADLINE_S = 60.0
POLL_S = 0.1
RECORD_BYTES_MAX = 4 * 1024 * 1024


class RecordProducer:
    """An idempotent producer with a bounded queue. It partitions by murmur2, as the shards do."""

    def __init__(self, settings: Settings, codec: Codec, linger_ms: int = 5) -> None:
        """Raises TopicError if the partitions of a topic differ from the settings."""
        check_partitions(settings)
        self._settings = settings
        self._codec = codec
        self._failure: DeliveryError | RecordTooLarge | None = None
        self._producer = Producer(
            client_config(settings)
            | {
                **ACKNOWLEDGED,
                "partitioner": "murmur2_random",
                "linger.ms": linger_ms,
                "compression.type": "lz4",
                "message.max.bytes": RECORD_BYTES_MAX,
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": settings.producer_queue_bytes // 1024,
            }
        )

    def send(self, topic: str, key: str, message: Record, partition: int = -1) -> None:
        """Queues a record. Waits while the queue is full. Raises as send_encoded does."""
        self.send_encoded(RawOutput(topic, partition, key.encode(), self._codec.encode(topic, message)))

    def send_encoded(self, record: RawOutput) -> None:
        """Queues a record that is encoded already; partition -1: the key decides. Waits while the queue is full.

        Raises:
            RecordTooLarge: Kafka will never take this record or an earlier one.
            DeliveryError: an earlier record was lost.
        """
        deadline = monotonic() + FLUSH_DEADLINE_S
        while True:
            try:
                self._producer.produce(
                    topic_name(self._settings, record.topic),
                    key=record.key,
                    value=record.value,
                    partition=record.partition,
                    on_delivery=self._on_delivery,
                    headers=list(record.headers),
                )
                break
            except BufferError:
                if monotonic() > deadline:
                    raise DeliveryError(f"the broker accepted no record for {FLUSH_DEADLINE_S:.0f} s") from None
                self._producer.poll(POLL_S)
            except KafkaException as failure:
                if failure.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise
                size = len(record.key or b"") + len(record.value or b"")
                text = f"a record for {record.topic} has {size} bytes; at most {RECORD_BYTES_MAX} are sent: divide it"
                raise RecordTooLarge(text) from failure
        self._producer.poll(0)
        self._raise_failure()

    def broadcast(self, topic: str, key: str, message: Record) -> None:
        """Queues a copy for each partition of a topic."""
        for partition in range(partition_count(self._settings, topic)):
            self.send(topic, key, message, partition)

    def flush(self) -> None:
        """Waits until all records are delivered. Raises DeliveryError or RecordTooLarge if a record is not."""
        left = self._producer.flush(FLUSH_DEADLINE_S)
        self._raise_failure()
        if left:
            raise DeliveryError(f"{left} records were not delivered within {FLUSH_DEADLINE_S:.0f} s: is the broker up?")

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                size = len(message.key() or b"") + len(message.value() or b"")
                self._failure = RecordTooLarge(f"{message.topic()} does not take a record of {size} bytes: divide it")
            else:
                self._failure = DeliveryError(f"a record for {message.topic()} was not delivered: {error.str()}")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
