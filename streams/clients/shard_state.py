"""The account shards as their last transactions left them, for looking only: from snapshot and journal."""

from collections.abc import Iterator

from infra.core_config import core_config
from infra.settings import Settings
from schemas.codec import Codec
from streams.domain.account_shard import AccountShard
from streams.journal.kafka_log import KafkaLogReader
from streams.journal.kinds import ACCOUNTS
from streams.journal.recovery import recover


def account_shards(settings: Settings, codec: Codec, partitions: list[int] | None = None) -> Iterator[AccountShard]:
    """Shards of these partitions, or of all; one that has no transaction yet is left out. Raises RecoveryError."""
    config, reader = core_config(settings), KafkaLogReader(settings)
    chosen = range(ACCOUNTS.partitions(config)) if partitions is None else partitions
    for partition in chosen:
        processor = recover(ACCOUNTS, partition, reader, codec)
        if processor is not None:
            assert isinstance(processor.shard, AccountShard)
            yield processor.shard
