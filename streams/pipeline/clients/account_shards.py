"""Read-only copies of the account shards, recovered from snapshots and journals."""

from collections.abc import Iterator

from infra.kafka.partition_check import check_partitions
from infra.settings import Settings
from schemas.avro.codec import Codec
from streams.core.accounts.account_shard import AccountShard
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.recovery import recover_with_fallback
from streams.pipeline.reference.load_config import core_config


def account_shards(settings: Settings, codec: Codec, partitions: list[int] | None = None) -> Iterator[AccountShard]:
    """Yields the shards of the given partitions, or of all, as of their last transactions.

    Leaves out shards that have no transaction yet. Raises RecoveryError, TopicError.
    """
    check_partitions(settings)
    config, reader = core_config(settings), KafkaLogReader(settings)
    chosen = range(ACCOUNTS.partitions(config)) if partitions is None else partitions
    for partition in chosen:
        processor = recover_with_fallback(ACCOUNTS, partition, reader, codec).processor
        if processor is not None:
            assert isinstance(processor.shard, AccountShard)
            yield processor.shard
