"""The protocol of a shard and its owner: take over, take records, commit, hand over."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.avro.codec import Codec
from streams.core.core_config import CoreConfig
from streams.errors import DeliveryGap, MissingInputs, RecreatedTopic
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.log import LogReader, LogWriter
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.recovery import recover
from streams.pipeline.journal.snapshots import SnapshotPolicy, snapshot_records
from streams.pipeline.journal.transaction import Transaction

log = logging.getLogger(__name__)

FRESH_START = "start a fresh pipeline with another TOPIC_PREFIX"


class PreparedTransaction(NamedTuple):
    """A transaction, and the positions after it: the next offset of each input topic."""

    transaction: Transaction
    positions: dict[str, int]


class OwnedShard:
    """A shard's processor with the writer that makes this process its only owner.

    committed: next offset of each input topic, as of the last transaction. starts: offset from which each input topic
    must be delivered.
    """

    def __init__(self, processor: ShardProcessor, writer: LogWriter, snapshots: SnapshotPolicy, codec: Codec) -> None:
        self.processor = processor
        self._writer = writer
        self._snapshots = snapshots
        self._codec = codec
        self.committed = dict(processor.positions)
        self.starts: dict[str, int] = {}

    @property
    def name(self) -> str:
        """Name of the shard."""
        return self.processor.name

    def take(self, follows: int, records: Sequence[RawRecord]) -> None:
        """Applies records of one topic in order. follows: the offset at which the delivery before them ended.

        Raises DeliveryGap if records were skipped in between.
        """
        topic = records[0].topic
        position = self.processor.positions.get(topic, follows)
        if follows > position:
            raise DeliveryGap(
                f"{self.name} is at offset {position} of {topic}, but the next batch follows {follows}: records in "
                "between were skipped; the worker stops, and a restart reads them"
            )
        for record in records:
            self.processor.take(record)

    def commit(self) -> None:
        """Commits all records that were taken since the last transaction. Does nothing if there are none.

        Raises Fenced, LogUnavailable; then nothing was committed.
        """
        self.write(self.prepare())

    def hand_over(self) -> None:
        """Commits a snapshot for the next owner, if the last one is not up to date."""
        self.write(self._prepare(self.processor.records_since_snapshot > 0))

    def prepare(self) -> PreparedTransaction | None:
        """Returns the next transaction, or None if there is nothing to commit.

        The shard may take further records while write() runs in another thread.
        """
        return self._prepare(self._snapshots.is_due(self.processor))

    def _prepare(self, with_snapshot: bool) -> PreparedTransaction | None:
        processor = self.processor
        # 1. The outputs of all records since the last transaction, and the journal record that names these inputs.
        transaction = processor.finish(even_if_empty=with_snapshot)
        if transaction is None:
            return None
        # 2. The state after them, if a snapshot is due.
        if with_snapshot:
            transaction.snapshot = snapshot_records(processor, self._codec)
            processor.snapshot_taken(sum(len(record.value or b"") for record in transaction.snapshot))
        # 3. The positions after them.
        return PreparedTransaction(transaction, dict(processor.positions))

    def write(self, prepared: PreparedTransaction | None) -> None:
        """Commits a prepared transaction. Transactions must be written in order. Raises as commit does."""
        if prepared is None:
            return
        # 4. One Kafka transaction: all of it or nothing.
        self.processor.journal_offset = self._writer.commit(prepared.transaction)
        # 5. The positions now are committed.
        self.committed = prepared.positions

    def close(self) -> None:
        """Drops records that are not committed."""
        self._writer.close()


def take_over(
    kind: ShardKind,
    partition: int,
    config: CoreConfig,
    codec: Codec,
    reader: LogReader,
    open_writer: Callable[[str], LogWriter],
    snapshots: SnapshotPolicy,
    from_snapshot: bool = True,
) -> OwnedShard:
    """Becomes the owner of a shard: fences the owner before, recovers the shard, and records a changed configuration.

    Raises RecoveryError if journal, snapshot or inputs differ from the recorded ones.
    """
    name = kind.shard_name(partition)
    # 1. Own the name. From here on, no older owner can add to the topics that recovery reads.
    writer = open_writer(name)
    # 2. Recover the state as of the last transaction.
    processor = recover(kind, partition, reader, codec, from_snapshot=from_snapshot)
    # 3. Apply a new or changed configuration.
    if processor is None:
        processor = ShardProcessor(kind, partition, config, codec)
        processor.configure(config)
    elif processor.config != config:
        log.warning("%s continues with a new configuration from journal #%d", name, processor.sequence + 1)
        processor.configure(config)
    shard = OwnedShard(processor, writer, snapshots, codec)
    # 4. Find the offsets from which the inputs must be delivered.
    shard.starts = _starts(processor, reader)
    log.info("%s stands at journal #%d, inputs %s", name, processor.sequence, processor.positions)
    # 5. Record the configuration.
    shard.commit()
    return shard


def _starts(processor: ShardProcessor, reader: LogReader) -> dict[str, int]:
    ids = reader.topic_ids(processor.kind.inputs)
    for topic, known in processor.topic_ids.items():
        if known and known != ids[topic]:
            raise RecreatedTopic(
                f"{processor.name} has processed topic {topic} with id {known}, but its id now is {ids[topic]}: the "
                f"topic was deleted and created again; {FRESH_START}"
            )
    processor.topic_ids = ids
    bounds = reader.bounds(ids, processor.partition)
    return {topic: _start(processor, topic, *bounds[topic]) for topic in ids}


def _start(processor: ShardProcessor, topic: str, earliest: int, end: int) -> int:
    position = processor.positions.get(topic, earliest)
    if not earliest <= position <= end:
        what = "unprocessed inputs were removed" if position < earliest else "processed inputs were removed"
        raise MissingInputs(
            f"{processor.name} stands at offset {position} of {topic}-{processor.partition}, which holds "
            f"{earliest} to {end}: {what}; {FRESH_START}"
        )
    return position
