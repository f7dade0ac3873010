"""Kafka as the journal's log: reads committed records in bulk, and writes transactions."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import groupby
from time import monotonic, sleep
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.client_config import brief_client_config, client_config
from infra.kafka.passing_errors import NOT_KNOWN_YET, passes
from infra.kafka.pipeline_key import pipeline_key
from infra.kafka.replication import ACKNOWLEDGED
from infra.kafka.topics import BY_NAME, topic_name
from infra.settings import Settings
from streams import figures
from streams.errors import Fenced, LogUnavailable, RecordTooLarge
from streams.pipeline.journal.kafka_records import raw_record
from streams.pipeline.journal.kinds import OWN_LOGS
from streams.pipeline.journal.provenance import Proof, only_genuine
from streams.pipeline.journal.raw_records import RawOutput, RawRecord, batch_bytes
from streams.pipeline.journal.tails import Partition, Tail
from streams.pipeline.journal.transaction import Made, Transaction

READ_BATCH = 2_000
READ_POLL_S = 0.05
READ_SILENCE_S = 30.0
OFFSETS_QUERY_S = 3.0
"""Time after which a query counts as sent to a leader that died."""
TRANSACTION_TIMEOUT_MS = 60_000
OPEN_TRANSACTION_S = 90.0
"""Longer than the broker keeps the transaction of a dead writer open."""
COMMIT_DEADLINE_S = 120.0
RETRY_PAUSE_S = 0.2
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
LARGE_BYTES = 900_000
"""Size of a value below which a record with at most one header is never too large."""
OnDelivery = Callable[[KafkaError | None, Message], None]
FENCING_CODES = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


def watermarks(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Returns the first offset of a partition and its end, which is the next offset to be written.

    Repeats the query for READ_SILENCE_S while the partition has no leader. Raises LogUnavailable.
    """
    deadline = monotonic() + READ_SILENCE_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=OFFSETS_QUERY_S)
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() == KafkaError._UNKNOWN_PARTITION:
                error = _refusal(consumer, place.topic) or error
            if not (passes(error) or error.code() in NOT_KNOWN_YET) or monotonic() > deadline:
                raise LogUnavailable(f"offsets of {place.topic}-{place.partition}: {error.str()}") from failure
            _learn_leader(consumer, place.topic)
            sleep(RETRY_PAUSE_S)
        else:
            return low, high


def _learn_leader(consumer: Consumer, topic: str) -> None:
    """Makes the client forget a leader that died: librdkafka repeats a query for offsets to the one that it knows."""
    with suppress(KafkaException):
        consumer.list_topics(topic, timeout=OFFSETS_QUERY_S)


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


class KafkaLogReader:
    """A LogReader on Kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proof = pipeline_proof(settings)

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields the committed records up to the end that the partition has when reading first runs out of records.

        An open transaction hides what stands behind its first record; reading waits until it ends. Leaves out records
        of journals and snapshots that do not come from the pipeline.
        Raises LogUnavailable after READ_SILENCE_S without an answer, or OPEN_TRANSACTION_S without progress;
        RecoveryError if all records of a journal or of snapshots bear another pipeline's proof.
        """
        records = self._read(topic, partition, first_offset)
        return records if self._proof is None or topic not in OWN_LOGS else only_genuine(records, self._proof)

    def _read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        with self._placed(topic, partition) as (consumer, low, end):
            if first_offset <= end:
                yield from self._from(consumer, topic, partition, max(first_offset, low))

    @contextmanager
    def _placed(self, topic: str, partition: int) -> Iterator[tuple[Consumer, int, int]]:
        """Opens a consumer, with the first offset of a partition and its end."""
        consumer = self._consumer()
        try:
            yield consumer, *watermarks(consumer, TopicPartition(topic_name(self._settings, topic), partition))
        finally:
            consumer.close()

    def _from(self, consumer: Consumer, topic: str, partition: int, start: int) -> Generator[RawRecord, None, None]:
        consumer.assign([TopicPartition(topic_name(self._settings, topic), partition, start)])
        yield from self._until_end(consumer, topic, partition)

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
            with self._placed(topic, partition) as (consumer, low, end):
                start = max(low, end - count)
                found[topic, partition] = Tail(list(self._from(consumer, topic, partition, start)), start == low)
        return found

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Returns the id that Kafka gave each topic. Raises LogUnavailable."""
        bases = {topic_name(self._settings, topic): topic for topic in topics}
        admin = AdminClient(client_config(self._settings))
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
        place, name = TopicPartition(topic_name(self._settings, topic), partition), f"{topic}-{partition}"
        end: int | None = None
        position, silent_s, patience_s = 0, 0.0, READ_SILENCE_S
        while silent_s < patience_s:
            began = monotonic()
            # The records that were read ahead, or else the next record: a batch is awaited until it is full.
            messages = consumer.consume(READ_BATCH, 0) or consumer.consume(1, READ_POLL_S)
            # Only the client's silence counts, not the time until the caller asks for the next record.
            silent_s += monotonic() - began
            for message in messages:
                error = message.error()
                if error is None:
                    silent_s, patience_s = 0.0, READ_SILENCE_S
                    yield raw_record(message, topic)
                elif error.code() == KafkaError._PARTITION_EOF:
                    # The position is behind the markers of transactions, which are no records.
                    silent_s, position = 0.0, message.offset() or 0
                    end = consumer.get_watermark_offsets(place, cached=True)[1] if end is None else end
                    if position >= end:
                        return
                    patience_s = OPEN_TRANSACTION_S
                elif not passes(error):
                    raise LogUnavailable(f"reading {name}: {error.str()}")
        if patience_s == OPEN_TRANSACTION_S:
            raise LogUnavailable(
                f"reading {name}: offset {position} of {end} is reached, and an open transaction has hidden the rest "
                f"for {patience_s:.0f} s: end its writer, or wait until its transaction.timeout.ms has passed"
            )
        raise LogUnavailable(f"reading {name}: the broker has been silent for {READ_SILENCE_S:.0f} s")


class GroupPosition(NamedTuple):
    """A consumer group's new offset of a partition, which a transaction commits together with its records."""

    place: TopicPartition
    group: Any


class KafkaTransactions:
    """A transactional writer that is the only owner of a name: creating one fences the owner before it.

    Raises Fenced, LogUnavailable.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._names = {base: topic_name(settings, base) for base in BY_NAME}
        self._aborts = figures.ABORTS.labels(name)
        self._noted_offset: int | None = None
        self._undecided = 0
        """Number of large records of this transaction that the broker has neither taken nor refused yet."""
        self._refused: RawOutput | None = None
        self._producer = Producer(
            client_config(settings)
            | {
                **ACKNOWLEDGED,
                "transactional.id": f"{settings.topic_prefix}{name}",
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
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

        Returns the offset of the noted record. Raises Fenced, LogUnavailable, and RecordTooLarge, which a repetition
        can't mend.
        """
        deadline = monotonic() + COMMIT_DEADLINE_S
        while True:
            try:
                self._attempt(records, noted, position)
            except RecordTooLarge:
                # Without this, the abort might wait a minute for the records behind the refused one.
                self._producer.purge()
                self._abort()
                raise
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                _raise_if_fatal(error)
                if not error.txn_requires_abort() or monotonic() > deadline:
                    raise LogUnavailable(f"a transaction of {len(records)} records: {error.str()}") from failure
                self._abort()
            else:
                return self._noted_offset

    def _abort(self) -> None:
        self._aborts.inc()
        self._until_deadline(lambda: self._producer.abort_transaction(COMMIT_DEADLINE_S))

    def _attempt(self, records: Sequence[RawOutput], noted: RawOutput | None, position: GroupPosition | None) -> None:
        self._noted_offset, self._refused, self._undecided = None, None, 0
        # 1. Begin.
        self._producer.begin_transaction()
        # 2. Send all records, in order. A commit would not end if the broker refused one.
        for record in records:
            self._produce(record, is_noted=record is noted)
        self._await_large_records()
        # 3. Move the consumer group, if the records stand for a position of it.
        if position is not None:
            offsets, group = [position.place], position.group
            self._until_deadline(lambda: self._producer.send_offsets_to_transaction(offsets, group, COMMIT_DEADLINE_S))
        # 4. Commit: from now on all of it counts, before that nothing.
        self._until_deadline(lambda: self._producer.commit_transaction(COMMIT_DEADLINE_S))

    def _produce(self, record: RawOutput, is_noted: bool) -> None:
        topic, partition, key, value, headers = record
        on_delivery: OnDelivery | None = self._on_noted_delivered if is_noted else None
        # Others are never too large: their keys are names of the core, and their only header is a proof.
        if (len(headers) > 1 or len(value or b"") > LARGE_BYTES) and _may_be_refused(record):
            self._undecided += 1
            on_delivery = partial(self._on_large_delivered, record, on_delivery)
        name = self._names[topic]
        refused_until = None
        while True:
            try:
                self._producer.produce(name, value, key, partition, on_delivery, headers=list(headers))
            except BufferError:
                refused_until = refused_until or monotonic() + COMMIT_DEADLINE_S
                if monotonic() > refused_until:
                    raise LogUnavailable(f"the producer's queue stayed full for {COMMIT_DEADLINE_S:.0f} s") from None
                self._producer.poll(RETRY_PAUSE_S)
            except KafkaException as failure:
                if failure.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise _too_large(record) from failure
                raise
            else:
                return

    def _await_large_records(self) -> None:
        deadline = monotonic() + COMMIT_DEADLINE_S
        while self._undecided and self._refused is None and monotonic() < deadline:
            self._producer.poll(RETRY_PAUSE_S)
        if self._refused is not None:
            raise _too_large(self._refused)

    def _on_large_delivered(
        self, record: RawOutput, then: OnDelivery | None, error: KafkaError | None, message: Message
    ) -> None:
        self._undecided -= 1
        if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._refused = record
        if then is not None:
            then(error, message)

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
        self._write_again(transaction.lost)
        records = transaction.records
        if self._proof is not None:
            records = self._proof.proven(self._source, transaction.sequence, records)
        journal_offset = self.write(records, records[len(transaction.outputs)])
        assert journal_offset is not None, "a committed journal record has an offset"
        return journal_offset

    def _write_again(self, lost: Sequence[Made]) -> None:
        """Writes lost outputs in transactions like those that they were made in.

        So they get their old offsets, unless another shard wrote between them: the journals of shards that have read
        them name these offsets.
        """
        for _, made_together in groupby(lost, key=lambda made: made.sequence):
            if self._proof is None:
                self.write([made.output for made in made_together])
            else:
                self.write([self._proof.proven_at(self._source, *made) for made in made_together])


def _may_be_refused(record: RawOutput) -> bool:
    """Returns whether a record is too large for its topic, unless it becomes smaller by compression."""
    return batch_bytes(record.key, record.value, record.headers) > BY_NAME[record.topic].max_message_bytes


def _too_large(record: RawOutput) -> RecordTooLarge:
    size, limit = batch_bytes(record.key, record.value, record.headers), BY_NAME[record.topic].max_message_bytes
    return RecordTooLarge(
        f"a record for {record.topic}-{record.partition} has {size} bytes, and Kafka did not take it: the topic takes "
        f"{limit} bytes after compression, a producer {MESSAGE_BYTES_MAX} before it; send it in parts"
    )


def _raise_if_fatal(error: KafkaError) -> None:
    if error.code() in FENCING_CODES:
        raise Fenced(f"another worker has taken over this shard: {error.str()}")
    if error.fatal():
        raise LogUnavailable(f"the producer can't continue: {error.str()}")
