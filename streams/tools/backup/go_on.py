"""Lets a restored pipeline go on: shards and sink know their topics by the ids that Kafka gave them, which are new."""

from collections.abc import Callable, Iterable
from contextlib import closing

from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.kafka.partition_check import await_checked_partitions
from infra.kafka.topics import BY_NAME
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.core.core_config import CoreConfig
from streams.evidence.replay.archive import Archive
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaLogWriter
from streams.pipeline.journal.kinds import KINDS, ShardKind
from streams.pipeline.journal.own_records import own_records
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.snapshots import SnapshotPolicy

CHANGE_IDS = """
ALTER TABLE run_topics
UPDATE
    cluster_id = {cluster:String},
    topic_id = transform(topic_id, {old:Array(String)}, {new:Array(String)}, topic_id)
WHERE topic_id IN {old:Array(String)}
SETTINGS mutations_sync = 2
"""


class ArchivedIds(KafkaLogReader):
    """A reader of restored topics that gives them the ids of the archived ones."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        super().__init__(settings)
        self._archive = archive

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """See streams.pipeline.journal.log.LogReader."""
        return self._archive.topic_ids(topics)


def adopt_topics(settings: Settings, archive: Archive, on_progress: Callable[[str], None]) -> None:
    """Writes a snapshot of each shard, and the rows by which the sink knows its topics, with the new ids.

    Each shard recovers as in a worker, by the strict rules of recovery. So it also proves that its topics are whole.
    Raises as take_over does, and ClickHouseError.
    """
    reader, known = KafkaLogReader(settings), ArchivedIds(settings, archive)
    codec = Codec(Registry(settings))
    for kind in KINDS:
        for partition in range(archive.partitions[kind.journal]):
            config = _newest_config(kind, partition, archive, codec)
            if config is None:
                continue
            on_progress(f"recovering {kind.shard_name(partition)}")
            shard = take_over(
                kind,
                partition,
                config,
                codec,
                known,
                lambda name: KafkaLogWriter(settings, name),
                SnapshotPolicy.of(settings),
            )
            with closing(shard):
                shard.processor.topic_ids = reader.topic_ids(kind.inputs)
                shard.write(shard.prepare(with_snapshot=True))
    _change_ids(settings, archive.topic_ids(BY_NAME), reader.topic_ids(BY_NAME))


def _newest_config(kind: ShardKind, partition: int, archive: Archive, codec: Codec) -> CoreConfig | None:
    """Returns the configuration with which a shard goes on unchanged; None if it has no journal."""
    journals = own_records(kind.journal, partition, kind.shard_name(partition), archive, codec)
    newest = None
    for _, journal in journals:
        newest = journal.config or newest
    return CoreConfig.model_validate_json(newest) if newest else None


def _change_ids(settings: Settings, old: dict[str, str], new: dict[str, str]) -> None:
    cluster_id = await_checked_partitions(settings)
    parameters = {"cluster": cluster_id, "old": [old[base] for base in BY_NAME], "new": [new[base] for base in BY_NAME]}
    try:
        with closing(connect(settings)) as client:
            client.command(CHANGE_IDS, parameters)
    except DriverError as error:
        raise ClickHouseError(f"the topics of the runs: {error}") from error
