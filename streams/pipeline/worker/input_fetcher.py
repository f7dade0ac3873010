"""Fetching for the lane: committed records of assigned partitions, read ahead by librdkafka's own threads.

Membership of the group is not here: partitions and positions are told, and nothing is committed.
"""

from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from faust.types import TP

from infra.kafka.client_config import client_config
from infra.settings import Settings
from streams.errors import LogUnavailable, MissingInputs
from streams.pipeline.journal.kafka_log import raw_record, strict_reads
from streams.pipeline.journal.raw_records import RawRecord

READ_AHEAD_KB = 32 * 1024
"""Held for all partitions together; above it librdkafka fetches no more until some are taken."""
FETCH_WAIT_MS = 100
"""How long the broker holds a fetch while nothing comes; what was assigned meanwhile waits for its end."""


class InputFetcher:
    """Hands out what was read ahead, without waiting.

    Args:
        base_topic: name of a topic without prefix.
        records_max: taken at once.
    """

    def __init__(self, settings: Settings, base_topic: Callable[[str], str], records_max: int) -> None:
        self._base_topic = base_topic
        self._records_max = records_max
        self._consumer = Consumer(
            client_config(settings)
            | strict_reads(settings)
            | {"fetch.wait.max.ms": FETCH_WAIT_MS, "queued.max.messages.kbytes": READ_AHEAD_KB}
        )

    def assign(self, positions: Mapping[TP, int]) -> None:
        """From here on records of these partitions are taken, from these offsets; none of what was read ahead before.

        Raises LogUnavailable.
        """
        places = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in positions.items()]
        try:
            self._consumer.assign(places)
        except KafkaException as failure:
            raise LogUnavailable(f"assigning {len(places)} partitions: {failure.args[0].str()}") from failure

    def take(self) -> dict[TP, list[RawRecord]]:
        """What has been read by now, each partition's in order; empty where there is nothing.

        Raises:
            MissingInputs: a partition lacks what comes next; going on elsewhere would skip records.
            LogUnavailable: a partition can't be read.
        """
        taken: dict[tuple[str, int], list[RawRecord]] = {}
        for message in self._consumer.consume(self._records_max, 0):
            topic, partition, error = message.topic(), message.partition(), message.error()
            if error is not None:
                raise refusal("inputs" if topic is None else f"{topic}-{partition}", message.offset(), error)
            assert topic is not None
            assert partition is not None
            taken.setdefault((topic, partition), []).append(raw_record(message, self._base_topic(topic)))
        return {TP(*place): records for place, records in taken.items()}

    def close(self) -> None:
        """Ends the fetching; waits for the client's threads."""
        self._consumer.close()


def refusal(place: str, offset: int | None, error: KafkaError) -> Exception:
    """What an error that librdkafka delivers in place of a record means for the worker."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        return MissingInputs(
            f"offset {offset} of {place}: Kafka does not hold it any more; records were removed or the topic was made "
            f"anew; a restart says which shard it concerns ({error.str()})"
        )
    return LogUnavailable(f"reading {place}: {error.str()}")
