"""`paper snapshots`: shows the saved states of shards, and makes them anew."""

from __future__ import annotations

import sys

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES
from streams.cli.shard_names import SHARD, owned_by_command

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


def rebuild_snapshot(shard: str = SHARD) -> None:
    """Rebuilds the snapshot of a shard from its whole journal.

    Workers do this by themselves if no snapshot can be used; this command spares them the time. The worker that runs
    the shard is interrupted, and recovers the shard from the new snapshot.
    """
    from infra.settings import get_settings

    print(f"reads the journal of {shard} from its beginning", file=sys.stderr)
    owned = owned_by_command(get_settings(), shard, from_snapshot=False)
    owned.hand_over()
    owned.close()
    print(f"{shard}: snapshot written, at journal record {owned.processor.sequence}")
