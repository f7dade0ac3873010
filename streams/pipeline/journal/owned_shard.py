"""The protocol of a shard and its owner: take over, take records, commit, quarantine, hand over."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from schemas.avro.codec import Codec
from streams import figures
from streams.core.core_config import CoreConfig
from streams.errors import (
    ContractChanged,
    DeliveryGap,
    Fenced,
    InputError,
    MissingInputs,
    RecoveryError,
    RecreatedTopic,
    TooManyFaults,
)
from streams.pipeline.journal.dead_letters import BadRecord
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.log import LogReader, LogWriter
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.provenance import Proof
from streams.pipeline.journal.quarantine import FAULTS_IN_A_ROW_MAX, SKIPPED, CoreFault
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.recovery import OnTransaction, recover, recover_with_fallback
from streams.pipeline.journal.snapshots import SnapshotPolicy, snapshot_records
from streams.pipeline.journal.tails import TailReader, missing_outputs
from streams.pipeline.journal.transaction import Made, Transaction

log = logging.getLogger(__name__)

COMPARED_OUTPUTS_MAX = 200_000
"""Outputs that recovery has made again and compares with their topics: the newest ones."""
FRESH_START = "start a fresh pipeline with another TOPIC_PREFIX and RUN_ID"


class OwnerReader(LogReader, TailReader, Protocol):
    """The reader of a shard's owner: of its inputs, and of the ends of its outputs."""


class PreparedTransaction(NamedTuple):
    """A transaction, and the positions after it: the next offset of each input topic."""

    transaction: Transaction
    positions: dict[str, int]


class OwnedShard:
    """A shard's processor with the writer that makes this process its only owner.

    committed: next offset of each input topic, as of the last transaction. starts: offset from which each input topic
    must be delivered.
    """

    def __init__(
        self,
        processor: ShardProcessor,
        writer: LogWriter,
        snapshots: SnapshotPolicy,
        codec: Codec,
        recovered: Callable[[], ShardProcessor | None],
        proof: Proof | None,
    ) -> None:
        """recovered: returns a processor that stands where the last transaction ended. proof: of the other shards."""
        self._proof = proof
        self.processor = self._judging(processor)
        self._writer = writer
        self._snapshots = snapshots
        self._codec = codec
        self._recovered = recovered
        self.committed = dict(processor.positions)
        self.starts: dict[str, int] = {}
        self._uncommitted: list[Sequence[RawRecord]] = []
        """Records since the last prepared transaction."""
        self._fault: CoreFault | None = None

    @property
    def name(self) -> str:
        """Name of the shard."""
        return self.processor.name

    def _judging(self, processor: ShardProcessor) -> ShardProcessor:
        """Lets a recovered processor judge new records, as the journal has judged those before."""
        processor.provenance.proof = self._proof
        return processor

    @property
    def faulty(self) -> bool:
        """True if the core failed on a record; then the shard takes nothing until quarantine()."""
        return self._fault is not None

    @property
    def waiting(self) -> int:
        """Number of records that the next transaction will hold."""
        return sum(map(len, self._uncommitted))

    def take(self, follows: int, records: Sequence[RawRecord]) -> None:
        """Applies records of one topic in order. follows: the offset at which the delivery before them ended.

        If the core fails on one of them, the shard is faulty. Raises DeliveryGap if records were skipped in between.
        """
        topic = records[0].topic
        position = self.processor.positions.get(topic, follows)
        if follows > position:
            raise DeliveryGap(
                f"{self.name} is at offset {position} of {topic}, but the next batch follows {follows}: records in "
                "between were skipped; the worker takes the shard over again, and reads them"
            )
        self._uncommitted.append(records)
        self._fault = _first_fault(self.processor, records)

    def quarantine(self) -> None:
        """Goes back to before the record on which the core failed, and commits it as a dead letter.

        All transactions that were prepared must be written before. Records behind the bad one are taken again; the core
        may fail on one of them too. Raises TooManyFaults, and as commit and recovery do.
        """
        fault = self._fault
        assert fault is not None
        log.error("%s failed on %s", self.name, fault, exc_info=fault, extra=_place(self.processor))
        # 1. Go back to the last transaction. Recovery makes the same state again, and proves it by checksums.
        topic_ids, processor = self.processor.topic_ids, self._recovered()
        if processor is None:
            raise RecoveryError(f"{self.name} has no journal, although this worker wrote it")
        processor.topic_ids = topic_ids
        self.processor = self._judging(processor)
        # 2. Take the records again, up to the one that failed.
        records = [record for batch in self._uncommitted for record in batch]
        bad = next(number for number, record in enumerate(records) if record is fault.record)
        self._uncommitted = [records]
        earlier = _first_fault(processor, records[:bad])
        if earlier is not None:
            self._fault = earlier
            return
        # 3. Set that one aside. The snapshot keeps the next way back short.
        if processor.faults_in_a_row >= FAULTS_IN_A_ROW_MAX:
            raise TooManyFaults(
                f"{self.name}: the core has failed on {FAULTS_IN_A_ROW_MAX} records in a row, and now on {fault}; go "
                f"past this one with `paper shard skip {self.name} --record {fault.record.place} --reason WHY`"
            )
        processor.take(fault.record, fault.verdict)
        self.write(self._prepare(with_snapshot=True))
        # 4. Go on with the records behind it.
        self._uncommitted = [records[bad + 1 :]]
        self._fault = _first_fault(processor, records[bad + 1 :])

    def position(self, topic: str) -> int:
        """Returns the offset from which the shard takes the next record of an input topic."""
        return self.processor.positions.get(topic, self.starts[topic])

    def skip(self, record: RawRecord, who_and_why: str) -> None:
        """Commits the next record of a topic as a dead letter, by a person's word, and acknowledges all alarms.

        record: the first committed one at or behind the position. Raises InputError if the shard is past it, and as
        commit does.
        """
        position = self.position(record.topic)
        if record.offset < position:
            raise InputError(f"record {record.place}: {self.name} is past it, at offset {position} of {record.topic}")
        self.processor.acknowledge(who_and_why)
        self.processor.take(record, BadRecord(SKIPPED, f"skipped by {who_and_why}"))
        self.write(self._prepare(with_snapshot=True))

    def acknowledge(self, who_and_why: str) -> None:
        """Commits that a person knows of all alarms. Raises as commit does."""
        self.processor.acknowledge(who_and_why)
        self.write(self._prepare(with_snapshot=True))

    def commit(self) -> None:
        """Commits all records that were taken since the last transaction. Does nothing if there are none.

        Raises Fenced, LogUnavailable; then nothing was committed.
        """
        while self.faulty:
            self.quarantine()
        self.write(self.prepare())

    def hand_over(self) -> None:
        """Commits a snapshot for the next owner, if the last one is not up to date.

        A faulty shard leaves its records to the next owner.
        """
        if self.faulty:
            return
        self.write(self._prepare(self.processor.records_since_snapshot > 0))

    def prepare(self, with_snapshot: bool = False) -> PreparedTransaction | None:
        """Returns the next transaction, or None if there is nothing to commit. The shard must not be faulty.

        The shard may take further records while write() runs in another thread. with_snapshot: also before one is due.
        """
        assert not self.faulty, "a faulty shard commits nothing but its quarantine"
        return self._prepare(with_snapshot or self._snapshots.is_due(self.processor))

    def _prepare(self, with_snapshot: bool) -> PreparedTransaction | None:
        processor = self.processor
        self._uncommitted = []
        # 1. The outputs of all records since the last transaction, and the journal record that names these inputs.
        transaction = processor.finish(even_if_empty=with_snapshot)
        if transaction is None:
            return None
        # 2. The state after them, if a snapshot is due.
        if with_snapshot:
            transaction.snapshot = snapshot_records(processor, self._codec)
            state_bytes = sum(len(record.value or b"") for record in transaction.snapshot)
            processor.snapshot_taken(state_bytes)
            figures.STATE_BYTES.labels(self.name).set(state_bytes)
        # 3. The positions after them.
        return PreparedTransaction(transaction, dict(processor.positions))

    def write(self, prepared: PreparedTransaction | None) -> None:
        """Commits a prepared transaction. Transactions must be written in order. Raises as commit does."""
        if prepared is None:
            return
        # 4. One Kafka transaction: all of it or nothing.
        try:
            with figures.COMMIT_SECONDS.labels(self.name).time():
                self.processor.journal_offset = self._writer.commit(prepared.transaction)
        except Fenced:
            figures.FENCINGS.labels(self.name).inc()
            raise
        # 5. The positions now are committed.
        self.committed = prepared.positions

    def write_again(self, lost: list[Made]) -> None:
        """Commits outputs of earlier transactions that their topics have lost. Does nothing if there are none."""
        if not lost:
            return
        places = sorted({f"{made.output.topic}-{made.output.partition}" for made in lost})
        log.error(
            "%s: %d records are missing on %s; it writes them again",
            self.name,
            len(lost),
            ", ".join(places),
            extra=_place(self.processor),
        )
        transaction = self.processor.finish(even_if_empty=True, lost=lost)
        assert transaction is not None
        self.write(PreparedTransaction(transaction, dict(self.processor.positions)))

    def close(self) -> None:
        """Drops records that are not committed."""
        self._writer.close()


def _place(processor: ShardProcessor) -> dict[str, object]:
    """Returns the fields of a log line that say where a shard stands."""
    return {"shard": processor.name, "transaction": processor.sequence, "offsets": dict(processor.positions)}


def _first_fault(processor: ShardProcessor, records: Sequence[RawRecord]) -> CoreFault | None:
    """Takes records up to the first on which the core fails. Returns that failure."""
    try:
        for record in records:
            processor.take(record)
    except CoreFault as fault:
        return fault
    return None


def take_over(
    kind: ShardKind,
    partition: int,
    config: CoreConfig,
    codec: Codec,
    reader: OwnerReader,
    open_writer: Callable[[str], LogWriter],
    snapshots: SnapshotPolicy,
    from_snapshot: bool = True,
    proof: Proof | None = None,
) -> OwnedShard:
    """Becomes the owner of a shard: fences the owner before, recovers the shard, and records a changed configuration.

    Raises:
        RecoveryError: journal, snapshot or inputs differ from the recorded ones.
        ContractChanged: the configuration changes a contract of which something is open.
    """
    name = kind.shard_name(partition)
    # 1. Own the name. From here on, no older owner can add to the topics that recovery reads.
    writer = open_writer(name)
    figures.TAKEOVERS.labels(name).inc()
    # 2. Recover the state as of the last transaction.
    made: deque[Made] = deque(maxlen=COMPARED_OUTPUTS_MAX)
    if from_snapshot:
        processor, fell_back = recover_with_fallback(kind, partition, reader, codec, partial(_begin_noting, made))
    else:
        noting = _begin_noting(made)
        processor, fell_back = recover(kind, partition, reader, codec, noting, from_snapshot=False), False
    known = processor
    # 3. Apply a new or changed configuration.
    if processor is None:
        processor = ShardProcessor(kind, partition, config, codec)
        processor.configure(config)
    elif processor.config != config:
        problem = processor.shard.problem_with(config)
        if problem is not None:
            raise ContractChanged(f"{name}: {problem}")
        log.warning("%s continues with a new configuration from journal #%d", name, processor.sequence + 1)
        processor.configure(config)
    shard = OwnedShard(
        processor,
        writer,
        snapshots,
        codec,
        lambda: recover_with_fallback(kind, partition, reader, codec).processor,
        proof,
    )
    # 4. Write again what the output topics have lost, if the machine has.
    _check_topic_ids(processor, reader)
    if known is not None:
        lost, unknown = missing_outputs(reader, processor.tails, made)
        if unknown and from_snapshot:
            log.warning("%s: records from before its snapshot are missing on %s", name, unknown)
            return take_over(
                kind, partition, config, codec, reader, lambda _: writer, snapshots, from_snapshot=False, proof=proof
            )
        shard.write_again(lost)
    # 5. Find the offsets from which the inputs must be delivered.
    shard.starts = _starts(processor, reader)
    log.info(
        "%s stands at journal #%d, inputs %s",
        name,
        processor.sequence,
        processor.positions,
        extra=_place(processor),
    )
    # 6. Record the configuration. Replace a snapshot that can't be used, so that the next recovery is short.
    shard.write(shard.prepare(with_snapshot=fell_back))
    return shard


def _begin_noting(made: deque[Made]) -> OnTransaction:
    made.clear()
    return partial(_note_outputs, made)


def _note_outputs(made: deque[Made], _: ShardProcessor, transaction: Transaction) -> None:
    made.extend(Made(transaction.sequence, number, output) for number, output in enumerate(transaction.outputs))


def _check_topic_ids(processor: ShardProcessor, reader: LogReader) -> None:
    ids = reader.topic_ids(processor.kind.inputs)
    for topic, known in processor.topic_ids.items():
        if known and known != ids[topic]:
            raise RecreatedTopic(
                f"{processor.name} has processed topic {topic} with id {known}, but its id now is {ids[topic]}: the "
                f"topic was deleted and created again; {FRESH_START}"
            )
    processor.topic_ids = ids


def _starts(processor: ShardProcessor, reader: LogReader) -> dict[str, int]:
    topics = processor.kind.inputs
    bounds = reader.bounds(topics, processor.partition)
    return {topic: _start(processor, topic, *bounds[topic]) for topic in topics}


def _start(processor: ShardProcessor, topic: str, earliest: int, end: int) -> int:
    position = processor.positions.get(topic, earliest)
    if not earliest <= position <= end:
        what = "unprocessed inputs were removed" if position < earliest else "processed inputs were removed"
        raise MissingInputs(
            f"{processor.name} stands at offset {position} of {topic}-{processor.partition}, which holds "
            f"{earliest} to {end}: {what}; {FRESH_START}"
        )
    return position
