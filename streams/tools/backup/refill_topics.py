"""Writes archived records into empty topics, each to the offset that it had, with its time, key, value and headers."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.client_config import brief_client_config, client_config
from infra.kafka.replication import ACKNOWLEDGED
from infra.kafka.topics import ADMIN_TIMEOUT_S, topic_name
from infra.settings import Settings
from schemas.records.numbers import NANOS_PER_MS
from streams.errors import BackupError
from streams.evidence.replay.archive import Archive
from streams.pipeline.journal.kafka_log import strict_reads, watermarks
from streams.pipeline.journal.raw_records import RawRecord
from streams.tools.backup.stretches import Stretch, Written, stretches

DEADLINE_S = 120.0
TRANSACTION_TIMEOUT_MS = 600_000
RECORD_BYTES_MAX = 16 * 1024 * 1024
FILLER = b"filler"
POLL_S = 0.1
MARKER_POLL_S = 0.002


def refill_topics(
    settings: Settings, archive: Archive, ends: dict[str, list[int]], on_progress: Callable[[str], None]
) -> None:
    """Writes all records of an archive into the pipeline's empty topics. ends: of each partition, by topic.

    The topics must keep the clients' times and delete by retention (infra.kafka.refill). Afterwards a partition begins
    with its first record. Raises BackupError if Kafka refuses a record or gives it another offset.
    """
    try:
        with closing(RefillWriter(settings)) as writer:
            for topic in sorted(ends):
                on_progress(f"restoring {topic}")
                _refill_topic(writer, archive, topic, ends[topic])
    except KafkaException as failure:
        raise BackupError(f"restoring topics: {failure.args[0].str()}; restore into another empty stack") from failure


def _refill_topic(writer: "RefillWriter", archive: Archive, topic: str, ends: list[int]) -> None:
    waiting: dict[int, Iterator[Stretch]] = {}
    for partition, end in enumerate(ends):
        records = archive.read(topic, partition, 0)
        first = next(records, None)
        writer.skip(topic, partition, end if first is None else first.offset)
        if first is not None:
            waiting[partition] = stretches(chain([first], records), end)
    # A transaction takes the next stretch of each partition, so that its costs are shared.
    current = {partition: next(found) for partition, found in waiting.items()}
    while current:
        for how in Written:
            chosen = {partition: stretch for partition, stretch in current.items() if stretch.how is how}
            writer.write(topic, how, chosen)
            for partition in chosen:
                following = next(waiting[partition], None)
                if following is None:
                    del current[partition]
                else:
                    current[partition] = following
    writer.await_ends(topic, dict(enumerate(ends)))


class RefillWriter:
    """Writes stretches of records. Only one process at a time may restore a pipeline."""

    def __init__(self, settings: Settings) -> None:
        config = client_config(settings) | {
            **ACKNOWLEDGED,
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.max.bytes": RECORD_BYTES_MAX,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": settings.producer_queue_bytes // 1024,
        }
        self._settings = settings
        self._admin = AdminClient(client_config(settings))
        self._plain = Producer(config)
        transactions = {
            "transactional.id": f"{settings.topic_prefix}restore",
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        }
        self._transactional = Producer(config | transactions)
        self._transactional.init_transactions(DEADLINE_S)
        self._reader = Consumer(brief_client_config(settings) | strict_reads(settings))
        self._failure = ""

    def close(self) -> None:
        """Closes its connection for reading."""
        self._reader.close()

    def skip(self, topic: str, partition: int, offset: int) -> None:
        """Lets an empty partition begin with an offset."""
        if offset == 0:
            return
        for number in range(offset):
            self._produce(self._plain, _filler(topic, partition, number))
        self._flush(self._plain)
        place = TopicPartition(topic_name(self._settings, topic), partition, offset)
        for future in self._admin.delete_records([place], request_timeout=ADMIN_TIMEOUT_S).values():
            future.result(ADMIN_TIMEOUT_S)

    def write(self, topic: str, how: Written, chosen: dict[int, Stretch]) -> None:
        """Writes a stretch to each of several partitions, all in the same way. Raises BackupError, KafkaException."""
        if not chosen:
            return
        producer = self._plain if how is Written.PLAIN else self._transactional
        if how is Written.PLAIN:
            self.await_ends(topic, {partition: stretch.records[0].offset for partition, stretch in chosen.items()})
        if how is not Written.PLAIN:
            producer.begin_transaction()
        for partition, stretch in chosen.items():
            for record in stretch.records:
                self._produce(producer, record)
            for _ in range(stretch.fillers):
                self._produce(producer, _filler(topic, partition))
        # An abort would drop fillers that have not been sent.
        self._flush(producer)
        if how is Written.COMMITTED:
            producer.commit_transaction(DEADLINE_S)
        elif how is Written.ABORTED:
            producer.abort_transaction(DEADLINE_S)

    def await_ends(self, topic: str, ends: dict[int, int]) -> None:
        """Waits until partitions reach offsets. A broker writes the marker of a transaction after it has confirmed it.

        Raises BackupError if one does not, or is past it.
        """
        name, deadline = topic_name(self._settings, topic), monotonic() + DEADLINE_S
        while True:
            found = {number: watermarks(self._reader, TopicPartition(name, number))[1] for number in ends}
            if found == ends:
                return
            partition = next(number for number, offset in found.items() if offset != ends[number])
            if found[partition] > ends[partition] or monotonic() > deadline:
                raise BackupError(
                    f"{name}-{partition} ends at offset {found[partition]} where the backup has {ends[partition]}: "
                    "stop what else writes to it, and restore into another empty stack"
                )
            sleep(MARKER_POLL_S)

    def _produce(self, producer: Producer, record: RawRecord) -> None:
        name, headers = topic_name(self._settings, record.topic), list[tuple[str, str | bytes | None]](record.headers)
        noted = partial(self._note, record)
        time_ms = record.timestamp_ns // NANOS_PER_MS
        while True:
            try:
                producer.produce(
                    name, record.value, record.key, record.partition, noted, headers=headers, timestamp=time_ms
                )
            except BufferError:
                producer.poll(POLL_S)
            else:
                producer.poll(0)
                return

    def _note(self, record: RawRecord, error: KafkaError | None, message: Message) -> None:
        if self._failure:
            return
        if error is not None:
            self._failure = f"Kafka did not take the record {record.place}: {error.str()}"
        elif record.value is not FILLER and message.offset() != record.offset:
            self._failure = (
                f"Kafka gave the record {record.place} the offset {message.offset()}: another process writes to the "
                "topic; stop it"
            )

    def _flush(self, producer: Producer) -> None:
        left = producer.flush(DEADLINE_S)
        if left and not self._failure:
            self._failure = f"Kafka has not taken {left} records in {DEADLINE_S:.0f} s"
        if self._failure:
            raise BackupError(f"{self._failure}; then restore into another empty stack")


def _filler(topic: str, partition: int, offset: int = -1) -> RawRecord:
    return RawRecord(topic, partition, offset, FILLER, FILLER, NANOS_PER_MS, ())
