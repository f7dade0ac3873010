"""Kafka as the journal's log: reads committed records in bulk, and writes transactions."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from time import monotonic, sleep
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.client_config import brief_client_config, client_config
from infra.kafka.pipeline_key import pipeline_key
from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.records.numbers import NANOS_PER_MS
from streams.errors import Fenced, LogUnavailable
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.journal.provenance import Proof, only_genuine
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.tails import Partition, Tail
from streams.pipeline.journal.transaction import Transaction

READ_BATCH = 2_000
READ_POLL_S = 0.05
READ_SILENCE_S = 30.0
COMMIT_DEADLINE_S = 120.0
RETRY_PAUSE_S = 0.2
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
LOG_WARNING = 4
OWN_LOGS = frozenset(topic for kind in KINDS for topic in (kind.journal, kind.snapshots))
LEADERLESS_CODES = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._TRANSPORT,
)
"""Error codes that brokers and clients give for a topic that has just been created."""
FENCING_CODES = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


def watermarks(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Returns the first offset of a partition and its end, which is the next offset to be written.

    Repeats the query for READ_SILENCE_S while the partition has no leader. Raises LogUnavailable.
    """
    deadline = monotonic() + READ_SILENCE_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=READ_SILENCE_S)
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() == KafkaError._UNKNOWN_PARTITION:
                error = _refusal(consumer, place.topic) or error
            if error.code() not in LEADERLESS_CODES or monotonic() > deadline:
                raise LogUnavailable(f"offsets of {place.topic}-{place.partition}: {error.str()}") from failure
            sleep(RETRY_PAUSE_S)
        else:
            return low, high


def _refusal(consumer: Consumer, topic: str) -> KafkaError | None:
    """Returns the broker's authorization error for a topic, which librdkafka reports as an unknown partition."""
    try:
        error: KafkaError | None = consumer.list_topics(topic, timeout=READ_SILENCE_S).topics[topic].error
    except KafkaException:
        return None
    return error if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED else None


def strict_reads(settings: Settings) -> dict[str, Any]:
    """Returns the configuration of a consumer with assigned offsets, which commits nothing and never skips records."""
    return {
        "group.id": f"{settings.topic_prefix}reader",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        # By default librdkafka pauses for a second whenever its queue is full.
        "fetch.queue.backoff.ms": 10,
    }


def raw_record(message: Message, topic: str) -> RawRecord:
    """Converts a message of confluent-kafka. topic: its base name."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    headers = message.headers()
    return RawRecord(
        topic,
        partition,
        offset,
        _bytes(message.key()),
        _bytes(message.value()),
        message.timestamp()[1] * NANOS_PER_MS,
        tuple((header[0], _bytes(header[1]) or b"") for header in headers) if headers else (),
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    # The type hints of confluent-kafka allow text, which a consumer never returns.
    return value.encode() if isinstance(value, str) else value


class KafkaLogReader:
    """A LogReader on Kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proof = pipeline_proof(settings)

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields committed records up to the end of the partition. Raises LogUnavailable after READ_SILENCE_S.

        Leaves out records of journals and snapshots that do not come from the pipeline. Raises RecoveryError if all of
        them bear another pipeline's proof.
        """
        records = self._read(topic, partition, first_offset)
        return records if self._proof is None or topic not in OWN_LOGS else only_genuine(records, self._proof)

    def _read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        consumer = self._consumer()
        try:
            name = topic_name(self._settings, topic)
            low, _ = watermarks(consumer, TopicPartition(name, partition))
            consumer.assign([TopicPartition(name, partition, max(first_offset, low))])
            yield from self._until_end(consumer, topic, partition)
        finally:
            consumer.close()

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """Returns the first offset and the end of a partition, by topic. Raises LogUnavailable."""
        places = {topic: TopicPartition(topic_name(self._settings, topic), partition) for topic in topics}
        consumer = self._consumer()
        try:
            return {topic: watermarks(consumer, place) for topic, place in places.items()}
        finally:
            consumer.close()

    def tails(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, Tail]:
        """See TailReader. Raises LogUnavailable."""
        found = {}
        for (topic, partition), count in offsets.items():
            low, end = self.bounds([topic], partition)[topic]
            start = max(low, end - count)
            found[topic, partition] = Tail(list(self._read(topic, partition, start)), start == low)
        return found

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Returns the id that Kafka gave each topic. Raises LogUnavailable."""
        bases = {topic_name(self._settings, topic): topic for topic in topics}
        admin = AdminClient(client_config(self._settings) | {"log_level": LOG_WARNING})
        answers = admin.describe_topics(TopicCollection(list(bases)), request_timeout=READ_SILENCE_S)
        try:
            return {bases[name]: str(future.result(READ_SILENCE_S).topic_id) for name, future in answers.items()}
        except KafkaException as failure:
            raise LogUnavailable(f"ids of topics {', '.join(bases)}: {failure.args[0].str()}") from failure

    def _consumer(self) -> Consumer:
        return Consumer(
            brief_client_config(self._settings)
            | strict_reads(self._settings)
            | {"enable.partition.eof": True, "fetch.wait.max.ms": 10}
        )

    def _until_end(self, consumer: Consumer, topic: str, partition: int) -> Generator[RawRecord, None, None]:
        heard = monotonic()
        while monotonic() - heard < READ_SILENCE_S:
            for message in consumer.consume(READ_BATCH, timeout=READ_POLL_S):
                heard = monotonic()
                error = message.error()
                if error is None:
                    yield raw_record(message, topic)
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                else:
                    raise LogUnavailable(f"reading {topic}-{partition}: {error.str()}")
        raise LogUnavailable(f"reading {topic}-{partition}: the broker has been silent for {READ_SILENCE_S:.0f} s")


class GroupPosition(NamedTuple):
    """A consumer group's new offset of a partition, which a transaction commits together with its records."""

    place: TopicPartition
    group: Any


class KafkaTransactions:
    """A transactional writer that is the only owner of a name: creating one fences the owner before it.

    Raises Fenced, LogUnavailable.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._noted_offset: int | None = None
        self._producer = Producer(
            client_config(settings)
            | {
                "transactional.id": f"{settings.topic_prefix}{name}",
                "transaction.timeout.ms": 60_000,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "queue.buffering.max.messages": 500_000,
                "queue.buffering.max.kbytes": settings.producer_queue_bytes // 1024,
            }
        )
        self._until_deadline(lambda: self._producer.init_transactions(COMMIT_DEADLINE_S))

    def write(
        self, records: Sequence[RawOutput], noted: RawOutput | None = None, position: GroupPosition | None = None
    ) -> int | None:
        """Writes all records in one Kafka transaction. After an abort, repeats it within COMMIT_DEADLINE_S.

        Returns the offset of the noted record. Raises Fenced, LogUnavailable.
        """
        deadline = monotonic() + COMMIT_DEADLINE_S
        while True:
            try:
                self._attempt(records, noted, position)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                _raise_if_fatal(error)
                if not error.txn_requires_abort() or monotonic() > deadline:
                    raise LogUnavailable(f"a transaction of {len(records)} records: {error.str()}") from failure
                self._until_deadline(lambda: self._producer.abort_transaction(COMMIT_DEADLINE_S))
            else:
                return self._noted_offset

    def _attempt(self, records: Sequence[RawOutput], noted: RawOutput | None, position: GroupPosition | None) -> None:
        self._noted_offset = None
        # 1. Begin.
        self._producer.begin_transaction()
        # 2. Send all records, in order.
        for record in records:
            self._produce(record, is_noted=record is noted)
        # 3. Move the consumer group, if the records stand for a position of it.
        if position is not None:
            offsets, group = [position.place], position.group
            self._until_deadline(lambda: self._producer.send_offsets_to_transaction(offsets, group, COMMIT_DEADLINE_S))
        # 4. Commit: from now on all of it counts, before that nothing.
        self._until_deadline(lambda: self._producer.commit_transaction(COMMIT_DEADLINE_S))

    def _produce(self, record: RawOutput, is_noted: bool) -> None:
        on_delivery = self._on_noted_delivered if is_noted else None
        name = topic_name(self._settings, record.topic)
        refused_until = None
        while True:
            try:
                self._producer.produce(
                    name, record.value, record.key, record.partition, on_delivery, headers=list(record.headers)
                )
            except BufferError:
                refused_until = refused_until or monotonic() + COMMIT_DEADLINE_S
                if monotonic() > refused_until:
                    raise LogUnavailable(f"the producer's queue stayed full for {COMMIT_DEADLINE_S:.0f} s") from None
                self._producer.poll(RETRY_PAUSE_S)
            else:
                return

    def _on_noted_delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._noted_offset = message.offset()

    def _until_deadline(self, call: Callable[[], object]) -> None:
        """Repeats a call while the client reports its error as retriable, within COMMIT_DEADLINE_S."""
        deadline = monotonic() + COMMIT_DEADLINE_S
        while True:
            try:
                call()
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                _raise_if_fatal(error)
                if not error.retriable() or monotonic() > deadline:
                    raise
                self._producer.poll(RETRY_PAUSE_S)
            else:
                return

    def close(self) -> None:
        """Drops records that are not committed; the broker aborts their transaction."""
        self._producer.purge()


def pipeline_proof(settings: Settings) -> Proof | None:
    """Returns the proof of the pipeline's own records; None where the broker keeps others from writing them."""
    key = pipeline_key(settings)
    return None if key is None else Proof(key)


class KafkaLogWriter(KafkaTransactions):
    """A LogWriter on Kafka, under the name of its shard. Its records on OWN_TOPICS carry the proof of that."""

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(settings, name)
        self._source = name.encode()
        self._proof = pipeline_proof(settings)

    def commit(self, transaction: Transaction) -> int:
        """Writes all records or none, in order, and returns the offset of the journal record.

        Raises Fenced, LogUnavailable.
        """
        records, lost = transaction.records, [made.output for made in transaction.lost]
        if self._proof is not None:
            records = self._proof.proven(self._source, transaction.sequence, records)
            lost = [self._proof.proven_at(self._source, *made) for made in transaction.lost]
        journal_offset = self.write([*lost, *records], records[len(transaction.outputs)])
        assert journal_offset is not None, "a committed journal record has an offset"
        return journal_offset


def _raise_if_fatal(error: KafkaError) -> None:
    if error.code() in FENCING_CODES:
        raise Fenced(f"another worker has taken over this shard: {error.str()}")
    if error.fatal():
        raise LogUnavailable(f"the producer can't continue: {error.str()}")
