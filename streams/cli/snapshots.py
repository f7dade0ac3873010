"""`paper snapshots`: shows the saved states of shards, and makes them anew."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES

if TYPE_CHECKING:
    from streams.core.core_config import CoreConfig
    from streams.pipeline.journal.kinds import ShardKind

COLUMNS = ("shard", "sequence", "bytes", "chunks", "age_s", "complaint")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "snapshots",
        "Shows and rebuilds snapshots: the saved states from which workers start again.",
        {"list": list_snapshots, "rebuild": rebuild_snapshot},
    )


def list_snapshots(as_json: bool = JSON_LINES) -> None:
    """Lists the newest snapshot of each shard.

    Exit code 1 if one is damaged; `paper snapshots rebuild` makes it anew.
    """
    from infra.kafka.partition_check import check_partitions
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import print_rows
    from streams.pipeline.journal.kafka_log import KafkaLogReader
    from streams.pipeline.journal.kinds import KINDS
    from streams.pipeline.journal.snapshot_rows import snapshot_row
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    check_partitions(settings)
    config, reader, codec = core_config(settings), KafkaLogReader(settings), Codec(Registry(settings))
    rows = [
        snapshot_row(kind, partition, reader, codec) for kind in KINDS for partition in range(kind.partitions(config))
    ]
    print_rows([row._asdict() for row in rows], COLUMNS, as_json)
    if any(row.complaint for row in rows):
        raise typer.Exit(1)


def rebuild_snapshot(shard: str = typer.Argument(help="Name of the shard, such as accounts-0 or execution-3.")) -> None:
    """Rebuilds the snapshot of a shard from its whole journal.

    The worker that runs the shard is interrupted, and recovers the shard from the new snapshot.
    """
    from infra.kafka.partition_check import check_partitions
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaLogWriter
    from streams.pipeline.journal.owned_shard import take_over
    from streams.pipeline.journal.snapshots import SnapshotPolicy
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    check_partitions(settings)
    config = core_config(settings)
    kind, partition = _shard(shard, config)
    print(f"reads the journal of {shard} from its beginning", file=sys.stderr)
    policy = SnapshotPolicy.of(settings)
    owned = take_over(
        kind,
        partition,
        config,
        Codec(Registry(settings)),
        KafkaLogReader(settings),
        lambda name: KafkaLogWriter(settings, name),
        policy,
        from_snapshot=False,
    )
    owned.hand_over()
    owned.close()
    print(f"{shard}: snapshot written, at journal record {owned.processor.sequence}")


def _shard(name: str, config: CoreConfig) -> tuple[ShardKind, int]:
    from streams.errors import InputError
    from streams.pipeline.journal.kinds import KINDS

    match = re.fullmatch(r"(\w+)-(\d+)", name)
    for kind in KINDS:
        if match and match[1] == kind.name and int(match[2]) < kind.partitions(config):
            return kind, int(match[2])
    shards = ", ".join(f"{kind.name}-0 to {kind.name}-{kind.partitions(config) - 1}" for kind in KINDS)
    raise InputError(f"shard {name!r} does not exist; there are {shards}")
