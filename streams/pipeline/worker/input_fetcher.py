"""The fetcher of the batch lane: librdkafka's threads read committed records of assigned partitions ahead.

It is not a group member: it is given partitions and offsets, and commits nothing.
"""

import logging
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from faust.types import TP

from infra.kafka.client_config import client_config
from infra.kafka.passing_errors import passes
from infra.settings import Settings
from streams.errors import LogUnavailable, MissingInputs
from streams.pipeline.journal.kafka_log import strict_reads
from streams.pipeline.journal.kafka_records import raw_record
from streams.pipeline.journal.raw_records import RawRecord

log = logging.getLogger(__name__)

READ_AHEAD_KB = 32 * 1024
"""Size of the queue for all partitions together; librdkafka stops fetching while it is full."""
FETCH_WAIT_MS = 100
"""Time that the broker holds a fetch without records. A new assignment waits until it ends."""


class InputFetcher:
    """A reader that returns the records that were read ahead, without waiting.

    Args:
        base_topic: returns the name of a topic without prefix.
        records_max: maximum of records returned at once.
    """

    def __init__(self, settings: Settings, base_topic: Callable[[str], str], records_max: int) -> None:
        self._base_topic = base_topic
        self._records_max = records_max
        self._assigned: set[TP] = set()
        self._consumer = Consumer(
            client_config(settings)
            | strict_reads(settings)
            | {"fetch.wait.max.ms": FETCH_WAIT_MS, "queued.max.messages.kbytes": READ_AHEAD_KB}
        )

    def assign(self, positions: Mapping[TP, int]) -> None:
        """Reads these partitions from these offsets on. Drops all records that were read ahead before.

        Raises LogUnavailable.
        """
        self._change(self._consumer.assign, positions)
        self._assigned = set(positions)

    def add(self, positions: Mapping[TP, int]) -> None:
        """Reads further partitions from these offsets on, while the others go on. Raises LogUnavailable."""
        self.remove(set(positions))
        self._change(self._consumer.incremental_assign, positions)
        self._assigned |= set(positions)

    def remove(self, tps: set[TP]) -> None:
        """Ends the reading of partitions, and drops their records that were read ahead. Raises LogUnavailable."""
        gone = tps & self._assigned
        if gone:
            self._change(self._consumer.incremental_unassign, dict.fromkeys(gone, 0))
            self._assigned -= gone

    def _change(self, call: Callable[[list[TopicPartition]], None], positions: Mapping[TP, int]) -> None:
        places = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in positions.items()]
        try:
            call(places)
        except KafkaException as failure:
            raise LogUnavailable(f"assigning {len(places)} partitions: {failure.args[0].str()}") from failure

    def take(self) -> dict[TP, list[RawRecord]]:
        """Returns the records that have been read, in order for each partition. Does not wait.

        Raises:
            MissingInputs: a partition lacks its next record.
            LogUnavailable: a partition can't be read.
        """
        taken: dict[tuple[str, int], list[RawRecord]] = {}
        for message in self._consumer.consume(self._records_max, 0):
            topic, partition, error = message.topic(), message.partition(), message.error()
            if error is not None:
                place = "inputs" if topic is None else f"{topic}-{partition}"
                if passes(error):
                    log.warning("reading %s: %s; the client goes on", place, error.str())
                    continue
                raise refusal(place, message.offset(), error)
            assert topic is not None
            assert partition is not None
            taken.setdefault((topic, partition), []).append(raw_record(message, self._base_topic(topic)))
        return {TP(*place): records for place, records in taken.items()}

    def close(self) -> None:
        """Ends the fetching and waits for the client's threads."""
        self._consumer.close()


def refusal(place: str, offset: int | None, error: KafkaError) -> Exception:
    """Converts an error that librdkafka delivers in place of a record."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        return MissingInputs(
            f"offset {offset} of {place}: Kafka no longer holds it; records were removed or the topic was created "
            f"again; a restart names the shard ({error.str()})"
        )
    return LogUnavailable(f"reading {place}: {error.str()}")
