"""`paper snapshots`: the states that recovery starts from."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from streams.core.core_config import CoreConfig
    from streams.pipeline.journal.kinds import ShardKind

COLUMNS = ("shard", "sequence", "bytes", "chunks", "age_s", "complaint")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="The states that recovery starts from.", no_args_is_help=True)
    group.command(name="list")(list_snapshots)
    group.command()(rebuild)
    app.add_typer(group, name="snapshots")


def list_snapshots(as_json: bool = typer.Option(False, "--json", help="Print JSON lines.")) -> None:
    """Shows the newest snapshot of each shard. Exit code 1 if one is damaged."""
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import print_rows
    from streams.pipeline.journal.kafka_log import KafkaLogReader
    from streams.pipeline.journal.kinds import KINDS
    from streams.pipeline.journal.snapshot_rows import snapshot_row
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    config, reader, codec = core_config(settings), KafkaLogReader(settings), Codec(Registry(settings))
    rows = [
        snapshot_row(kind, partition, reader, codec) for kind in KINDS for partition in range(kind.partitions(config))
    ]
    print_rows([row._asdict() for row in rows], COLUMNS, as_json)
    if any(row.complaint for row in rows):
        raise typer.Exit(1)


def rebuild(shard: str = typer.Argument(help="accounts-N or execution-N.")) -> None:
    """Makes a shard's snapshot anew from its whole journal. A worker that has the shard loses it and takes it again."""
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaLogWriter
    from streams.pipeline.journal.owned_shard import take_over
    from streams.pipeline.journal.snapshots import SnapshotPolicy
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    config = core_config(settings)
    kind, partition = _shard(shard, config)
    print(f"reading the journal of {shard} from its beginning", file=sys.stderr)
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
    print(f"{shard}: snapshot for journal #{owned.processor.sequence} written")


def _shard(name: str, config: CoreConfig) -> tuple[ShardKind, int]:
    from streams.errors import InputError
    from streams.pipeline.journal.kinds import KINDS

    match = re.fullmatch(r"(\w+)-(\d+)", name)
    for kind in KINDS:
        if match and match[1] == kind.name and int(match[2]) < kind.partitions(config):
            return kind, int(match[2])
    shards = ", ".join(f"{kind.name}-0 to {kind.name}-{kind.partitions(config) - 1}" for kind in KINDS)
    raise InputError(f"shard {name!r}: there are {shards}")
