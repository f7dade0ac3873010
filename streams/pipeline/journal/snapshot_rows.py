"""A summary of a shard's newest snapshot, for `paper snapshots`."""

from collections.abc import Iterator
from time import time
from typing import NamedTuple

from schemas.avro.codec import Codec
from schemas.records.numbers import NANOS_PER_S
from schemas.records.snapshot_message import Snapshot
from streams.errors import RecoveryError
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.own_records import own_records
from streams.pipeline.journal.snapshots import newest_snapshot, restore


class SnapshotRow(NamedTuple):
    """The newest snapshot of a shard.

    sequence: journal number; None if there is no snapshot. bytes: compressed size. complaint: reason why the snapshot
    can't be restored; empty if it can.
    """

    shard: str
    sequence: int | None = None
    bytes: int = 0
    chunks: int = 0
    age_s: int | None = None
    complaint: str = ""


def snapshot_row(kind: ShardKind, partition: int, reader: LogReader, codec: Codec) -> SnapshotRow:
    """Reads the newest snapshot of a shard and tries to restore it."""
    name, written_ns = kind.shard_name(partition), 0

    def chunks() -> Iterator[Snapshot]:
        nonlocal written_ns
        for record, snapshot in own_records(kind.snapshots, partition, name, reader, codec):
            written_ns = record.timestamp_ns
            yield snapshot

    newest = newest_snapshot(chunks())
    if not newest:
        return SnapshotRow(name)
    try:
        restore(kind, partition, newest, codec)
    except RecoveryError as error:
        return SnapshotRow(name, complaint=str(error))
    size = sum(len(chunk.state) for chunk in newest)
    age_s = int(time() - written_ns / NANOS_PER_S)
    return SnapshotRow(name, newest[0].sequence, size, len(newest), age_s)
