"""A shard under its owner: taken over, fed and committed batch by batch, handed over; the whole protocol, no loop."""

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
    """A transaction, and the positions that it will stand for: the next offset of each input topic."""

    transaction: Transaction
    positions: dict[str, int]


class OwnedShard:
    """A processor, and the writer that makes this its only owner.

    committed: next offset of each input topic by the last transaction. starts: where delivery of each topic begins.
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
        """Applies records of one topic in their order. follows: the offset at which the delivery before them ended.

        Raises DeliveryGap where records were skipped on the way.
        """
        topic = records[0].topic
        position = self.processor.positions.get(topic, follows)
        if follows > position:
            raise DeliveryGap(
                f"{self.name} stands at offset {position} of {topic}, but the next batch follows {follows}: "
                "records were skipped on the way; the worker stops and a restart reads them"
            )
        for record in records:
            self.processor.take(record)

    def commit(self) -> None:
        """Outputs, journal record and, where one is due, a snapshot become one transaction; nothing to do is nothing.

        Raises Fenced, LogUnavailable; then nothing of it counts.
        """
        self.write(self.prepare())

    def hand_over(self) -> None:
        """Leaves a snapshot for the next owner, if there is anything new since the last one."""
        self.write(self._prepare(self.processor.records_since_snapshot > 0))

    def prepare(self) -> PreparedTransaction | None:
        """The transaction of all that was taken since the last one. More may be taken while it is written."""
        return self._prepare(self._snapshots.is_due(self.processor))

    def write(self, prepared: PreparedTransaction | None) -> None:
        """Commits a transaction; the one before must have been written. Raises as commit does."""
        if prepared is not None:
            self.processor.journal_offset = self._writer.commit(prepared.transaction)
            self.committed = prepared.positions

    def _prepare(self, with_snapshot: bool) -> PreparedTransaction | None:
        processor = self.processor
        transaction = processor.finish(even_if_empty=with_snapshot)
        if transaction is None:
            return None
        if with_snapshot:
            transaction.snapshot = snapshot_records(processor, self._codec)
            processor.snapshot_taken(sum(len(record.value or b"") for record in transaction.snapshot))
        return PreparedTransaction(transaction, dict(processor.positions))

    def close(self) -> None:
        """Gives up what is under way."""
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
    """Becomes the shard's owner: fences the one before, recovers, and records a configuration that is new.

    Raises RecoveryError where journal, snapshot or inputs are not what was recorded.
    """
    name = kind.shard_name(partition)
    # Owning the name comes first: after this no older owner can add to what recovery reads.
    writer = open_writer(name)
    processor = recover(kind, partition, reader, codec, from_snapshot=from_snapshot)
    if processor is None:
        processor = ShardProcessor(kind, partition, config, codec)
        processor.configure(config)
    elif processor.config != config:
        log.warning("%s goes on with a new configuration from journal #%d", name, processor.sequence + 1)
        processor.configure(config)
    shard = OwnedShard(processor, writer, snapshots, codec)
    shard.starts = _starts(processor, reader)
    log.info("%s stands at journal #%d, inputs %s", name, processor.sequence, processor.positions)
    shard.commit()
    return shard


def _starts(processor: ShardProcessor, reader: LogReader) -> dict[str, int]:
    ids = reader.topic_ids(processor.kind.inputs)
    for topic, known in processor.topic_ids.items():
        if known and known != ids[topic]:
            raise RecreatedTopic(
                f"{processor.name} has processed topic {topic} with id {known}, now there is another one with id "
                f"{ids[topic]}: the topic was deleted and made anew; {FRESH_START}"
            )
    processor.topic_ids = ids
    bounds = reader.bounds(ids, processor.partition)
    return {topic: _start(processor, topic, *bounds[topic]) for topic in ids}


def _start(processor: ShardProcessor, topic: str, earliest: int, end: int) -> int:
    position = processor.positions.get(topic, earliest)
    if not earliest <= position <= end:
        what = "inputs were removed unprocessed" if position < earliest else "processed inputs are gone"
        raise MissingInputs(
            f"{processor.name} stands at offset {position} of {topic}-{processor.partition}, which holds "
            f"{earliest} to {end}: {what}; {FRESH_START}"
        )
    return position
