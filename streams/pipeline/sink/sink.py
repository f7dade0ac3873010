"""The sink: reads all topics and lands their records in ClickHouse until it is stopped."""

from __future__ import annotations

import logging
import threading
from time import monotonic
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.kafka.client_config import client_config
from infra.kafka.partition_check import await_checked_partitions
from infra.kafka.passing_errors import passes
from infra.kafka.topics import BY_NAME, partition_count, topic_name
from infra.settings import Settings
from schemas.registry import Registry
from streams.errors import LogUnavailable, SinkError
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaTransactions
from streams.pipeline.sink.buffer import Buffer
from streams.pipeline.sink.column_batch import of_messages
from streams.pipeline.sink.dead_letter_writer import DeadLetterWriter
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.landing_flow import LandingFlow
from streams.pipeline.sink.missing_rows import MissingRows
from streams.pipeline.sink.run_topics import require_same_topics
from streams.pipeline.sink.tables import OUTAGE_MAX_S, Place, SinkStopped, Tables

READ_MAX = 10_000
READ_WAIT_S = 0.1
PROGRESS_S = 10.0
COMMIT_AGAIN_S = 5.0
LEAVE_S = 0.5
LETTERS = "sink-letters"
REJOINS_MAX = 10
# Longer than a poll can take: assigning a partition may have to wait for ClickHouse for the length of an outage.
POLL_INTERVAL_MAX_MS = int((OUTAGE_MAX_S + 300) * 1000)

log = logging.getLogger(__name__)


def group_id(settings: Settings) -> str:
    """Returns the consumer group of a pipeline's sinks. Its offsets serve only for displaying the lag."""
    return f"{settings.topic_prefix}sink"


class MemberLost(Exception):
    """The Kafka client can't continue, but a new one can.

    librdkafka gives up as a static member if it commits just after the broker has ended its session.
    """


class Sink:
    """A sink of a pipeline. Several may run, and share the partitions.

    While a partition moves, two sinks may insert the same rows, which the tables merge.
    """

    def __init__(self, settings: Settings, member: str) -> None:
        """Prepares the sink. member: its name in the consumer group."""
        self._settings = settings
        self.member = member
        self._stop = threading.Event()
        self._topics = {topic_name(settings, base): base for base in BY_NAME}
        self._tables = Tables(settings, self._pause)
        self._log = KafkaLogReader(settings)
        letters = DeadLetterWriter(self._tables, self._log, lambda: KafkaTransactions(settings, LETTERS))
        self._landing = Landing(self._tables, Registry(settings), letters.write, settings.run_id)
        buffer = Buffer(settings.sink_block_rows, settings.sink_block_age_s, settings.sink_buffer_bytes)
        missing = MissingRows(self._tables, self._log)
        self._flow = LandingFlow(buffer, self._tables, self._landing, letters, missing, self._pause, self._on_landed)
        self._consumer = Consumer(_consumer_configuration(settings, member))
        self._rejoined_at: list[int] = []
        self._failure: Exception | None = None
        self._landed = 0
        self._next: dict[Place, int] = {}
        self._reported = (monotonic(), 0)
        self._committed_at = monotonic()

    def stop(self) -> None:
        """Asks the sink to land its records and leave. May be called from any thread or signal handler."""
        self._stop.set()

    def run(self) -> int:
        """Works until stopped. Returns the number of records that have become rows or dead letters.

        Raises:
            SinkError: ClickHouse stays away, a table differs from its schema, or the run has rows of other topics.
            TopicError: a topic is missing, or its partitions differ from the settings.
            LogUnavailable: Kafka stays away.
            RegistryUnavailable: the schema registry stays away.
        """
        try:
            self._check_topics()
            self._join()
            while not self._stop.is_set():
                try:
                    self._read()
                except MemberLost as lost:
                    self._rejoin(lost)
                self._flow.land_due(monotonic())
                self._commit_again()
                self._report_progress()
            self._flow.land_all()
            self._leave()
        except SinkStopped:
            log.info("stopped while ClickHouse was away; the next start continues behind the last block that landed")
            self._leave()
        finally:
            self._stop.set()
            self._landing.close()
            self._consumer.close()
            self._tables.close()
        return self._landed

    def _check_topics(self) -> None:
        """Demands that the topics have the partitions of the settings, and are those that the run's rows come from."""
        cluster_id = await_checked_partitions(self._settings, self._pause)
        require_same_topics(self._tables, self._settings, cluster_id, self._log.topic_ids(BY_NAME))

    def _join(self) -> None:
        self._consumer.subscribe(list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke)

    def _rejoin(self, lost: MemberLost) -> None:
        """Replaces a client that can't continue, at most REJOINS_MAX times without landing a record in between."""
        self._rejoined_at = [landed for landed in self._rejoined_at if landed == self._landed] + [self._landed]
        if len(self._rejoined_at) > REJOINS_MAX:
            raise LogUnavailable(f"reading: {lost}, {REJOINS_MAX} times in a row") from lost
        log.warning("joining the group again: %s", lost)
        self._consumer.close()
        self._flow.release([(base, p) for base in BY_NAME for p in range(partition_count(self._settings, base))])
        self._next = {}
        self._consumer = Consumer(_consumer_configuration(self._settings, self.member))
        self._join()

    def _leave(self) -> None:
        """Leaves the group, so that others take over at once. They would wait for a static member that just closes."""
        try:
            self._consumer.unsubscribe()
            self._consumer.poll(LEAVE_S)
        except KafkaException as failure:
            log.warning("the group does not count this sink any more: %s", failure.args[0].str())

    def _read(self) -> None:
        # The records that were read ahead, or else the next record.
        messages = self._consumer.consume(READ_MAX, 0) or self._consumer.consume(1, READ_WAIT_S)
        if self._failure is not None:
            raise self._failure
        if any(map(Message.error, messages)):
            messages = [message for message in messages if self._is_record(message)]
        self._flow.take(of_messages(messages, self._topics), monotonic())

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise SinkError(
                f"{error.str()}: ClickHouse has rows of run {self._settings.run_id} that Kafka does not hold: a power "
                "cut took the end of the topic, it was created again, or its records were deleted; set another RUN_ID, "
                "under which all records land anew"
            )
        if error.fatal() or error.code() == KafkaError._FATAL:
            raise MemberLost(error.str())
        if not passes(error):
            raise LogUnavailable(f"reading {message.topic()}: {error.str()}")
        log.warning("reading %s: %s", message.topic(), error.str())
        return False

    def _pause(self, seconds: float) -> None:
        """Waits without reading. Raises SinkStopped if the sink is stopped."""
        if self._stop.wait(seconds):
            raise SinkStopped

    def _on_landed(self, ends: dict[Place, int], records: int) -> None:
        self._landed += records
        self._next |= ends
        self._commit(ends)

    def _commit_again(self) -> None:
        """Commits all positions from time to time: with its broker, a commit or the offsets themselves may get lost."""
        if monotonic() - self._committed_at >= COMMIT_AGAIN_S:
            self._committed_at = monotonic()
            self._commit(self._next)

    def _commit(self, positions: dict[Place, int]) -> None:
        if not positions:
            return
        offsets = [TopicPartition(topic_name(self._settings, t), p, offset) for (t, p), offset in positions.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.info("the group offsets, which only display the lag, were not committed: %s", error)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # The client would drop an error of this callback, so _read raises it.
        try:
            positions = self._flow.begin([self._place(partition) for partition in partitions])
        except Exception as error:
            self._failure = error
            return
        for partition in partitions:
            partition.offset = positions.get(self._place(partition), OFFSET_BEGINNING)
        self._next |= positions
        consumer.assign(partitions)
        log.info("%d partitions, %d of them with rows", len(partitions), len(positions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        revoked = {self._place(partition) for partition in partitions}
        try:
            self._flow.release(revoked)
        except Exception as error:
            self._failure = error
        self._next = {place: offset for place, offset in self._next.items() if place not in revoked}

    def _place(self, partition: TopicPartition) -> Place:
        return self._topics[partition.topic], partition.partition

    def _report_progress(self) -> None:
        then, landed_then = self._reported
        elapsed = monotonic() - then
        if elapsed < PROGRESS_S:
            return
        self._reported = (monotonic(), self._landed)
        if self._landed > landed_then:
            rate = (self._landed - landed_then) / elapsed
            log.info("%d records landed, %.0f/s, %d behind", self._landed, rate, self._lag())

    def _lag(self) -> int:
        """Returns the number of records that have not landed yet, as far as the client knows the partitions' ends."""
        lag = 0
        for (topic, partition), offset in self._next.items():
            known = self._consumer.get_watermark_offsets(
                TopicPartition(topic_name(self._settings, topic), partition), cached=True
            )
            lag += max(0, known[1] - offset) if known else 0
        return lag


def _consumer_configuration(settings: Settings, member: str) -> dict[str, Any]:
    return client_config(settings) | {
        "group.id": group_id(settings),
        # As a static member, a restarted sink gets its partitions back at once.
        "group.instance.id": member,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        # A position that Kafka does not hold is an error: another position would lose or repeat records.
        "auto.offset.reset": "error",
        "max.poll.interval.ms": POLL_INTERVAL_MAX_MS,
        # The partitions of a killed sink are blocked for this time.
        "session.timeout.ms": int(settings.worker_session_timeout_s * 1000),
        "queued.max.messages.kbytes": settings.sink_queue_bytes // 1024,
        # A fetch is added to the queue as a whole, even if the queue is nearly full.
        "fetch.max.bytes": settings.sink_queue_bytes // 4,
        # Rows wait longer than this for their block, and a fetch for each transaction would cost more.
        "fetch.min.bytes": 100_000,
        "fetch.wait.max.ms": 100,
        # The default, a second, is longer than landing all queued records takes.
        "fetch.queue.backoff.ms": 10,
    }
