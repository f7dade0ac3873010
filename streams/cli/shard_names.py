"""Names of shards on the command line, and the take-over of a shard by a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.core.core_config import CoreConfig
    from streams.pipeline.journal.kinds import ShardKind
    from streams.pipeline.journal.owned_shard import OwnedShard

SHARD = typer.Argument(help="Name of the shard, such as accounts-0 or execution-3.")


def named_shard(name: str, config: CoreConfig) -> tuple[ShardKind, int]:
    """Returns kind and partition of a shard. Raises InputError if there is no such shard."""
    from streams.errors import InputError
    from streams.pipeline.journal.kinds import KINDS

    match = re.fullmatch(r"(\w+)-(\d+)", name)
    for kind in KINDS:
        if match and match[1] == kind.name and int(match[2]) < kind.partitions(config):
            return kind, int(match[2])
    shards = ", ".join(f"{kind.name}-0 to {kind.name}-{kind.partitions(config) - 1}" for kind in KINDS)
    raise InputError(f"shard {name!r} does not exist; there are {shards}")


def owned_by_command(settings: Settings, shard: str, from_snapshot: bool = True) -> OwnedShard:
    """Takes a shard over from the worker that runs it, which takes it back later. The caller must close it.

    Raises InputError, TopicError, RecoveryError, LogUnavailable.
    """
    from infra.kafka.partition_check import check_partitions
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaLogWriter
    from streams.pipeline.journal.owned_shard import take_over
    from streams.pipeline.journal.snapshots import SnapshotPolicy
    from streams.pipeline.reference.load_config import core_config

    check_partitions(settings)
    config = core_config(settings)
    kind, partition = named_shard(shard, config)
    return take_over(
        kind,
        partition,
        config,
        Codec(Registry(settings)),
        KafkaLogReader(settings),
        lambda name: KafkaLogWriter(settings, name),
        SnapshotPolicy.of(settings),
        from_snapshot=from_snapshot,
    )
