"""Recovery of a shard: its newest snapshot, then the inputs that the journal names after it, in the journal's order."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from schemas.avro.codec import Codec
from schemas.records.messages import Journal, Snapshot
from streams.core.core_config import CoreConfig
from streams.errors import MissingInputs, MissingJournal, RecoveryError
from streams.pipeline.journal.dead_letters import BadRecord
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.quarantine import CoreFault
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import newest_snapshot, restore
from streams.pipeline.journal.transaction import Transaction

OnTransaction = Callable[[ShardProcessor, Transaction], None]


class JournalInputs:
    """A reader of the inputs that journal records name. Reads each topic forward, once."""

    def __init__(self, reader: LogReader, partition: int) -> None:
        self._reader = reader
        self._partition = partition
        self._streams: dict[str, Generator[RawRecord, None, None]] = {}

    def close(self) -> None:
        """Stops reading."""
        for stream in self._streams.values():
            stream.close()

    def records(self, journal: Journal) -> Iterator[RawRecord]:
        """Yields the inputs of a journal record, in its order. Raises MissingInputs if one was removed."""
        runs = zip(journal.topics, journal.first_offsets, journal.last_offsets, journal.counts, strict=True)
        for topic, first, last, count in runs:
            stream = self._streams.get(topic)
            if stream is None:
                stream = self._streams[topic] = self._reader.read(topic, self._partition, first)
            for number in range(count):
                record = next(stream, None)
                expected = first if number == 0 else last if number == count - 1 else None
                if record is None or (expected is not None and record.offset != expected):
                    found = "nothing" if record is None else f"offset {record.offset}"
                    raise MissingInputs(
                        f"journal {journal.shard} #{journal.sequence} names {count} records of "
                        f"{topic}-{self._partition} at offsets {first} to {last}, but reading them gave {found} at "
                        f"number {number + 1}: inputs were removed or the topic was created again; "
                        "start a fresh pipeline with another TOPIC_PREFIX and RUN_ID"
                    )
                yield record


def recover(
    kind: ShardKind,
    partition: int,
    reader: LogReader,
    codec: Codec,
    on_transaction: OnTransaction | None = None,
    from_snapshot: bool = True,
) -> ShardProcessor | None:
    """Returns the shard as of its last transaction, or None if it has no transaction yet.

    on_transaction: called with each transaction that is made again, once its checksum equals the journal's.
    Raises RecoveryError if the journal, its inputs or the outputs differ from the recorded ones.
    """
    processor = _from_snapshot(kind, partition, reader, codec) if from_snapshot else None
    stood_at = processor.sequence if processor else 0
    newest = 0
    with closing(JournalInputs(reader, partition)) as inputs:
        for record in reader.read(kind.journal, partition, processor.journal_offset if processor else 0):
            assert record.value is not None
            journal: Journal = codec.decode(kind.journal, record.value)
            newest = journal.sequence
            if processor is not None and journal.sequence <= processor.sequence:
                continue
            processor = _expecting(kind, partition, processor, journal, codec)
            _take_inputs(processor, journal, inputs.records(journal))
            transaction = processor.finish(even_if_empty=True)
            _check(journal, transaction)
            processor.journal_offset = record.offset
            if on_transaction is not None and transaction is not None:
                on_transaction(processor, transaction)
    if newest < stood_at:
        raise MissingJournal(
            f"the snapshot of {kind.shard_name(partition)} stands for journal #{stood_at}, but "
            f"{kind.journal}-{partition} ends with #{newest}: the journal was deleted or created again; "
            "start a fresh pipeline with another TOPIC_PREFIX and RUN_ID"
        )
    return processor


def _take_inputs(processor: ShardProcessor, journal: Journal, records: Iterator[RawRecord]) -> None:
    classes, texts = journal.quarantine_classes, journal.quarantine_texts
    verdicts = {number: BadRecord(*why) for number, *why in zip(journal.quarantined, classes, texts, strict=True)}
    try:
        for number, record in enumerate(records):
            processor.take(record, verdicts.get(number))
    except CoreFault as fault:
        raise RecoveryError(
            f"journal {journal.shard} #{journal.sequence}: this version of the program fails on {fault}, which version "
            f"{journal.code_version} took; recover with that version"
        ) from fault
    if journal.acknowledged is not None:
        processor.acknowledge(journal.acknowledged)


def _from_snapshot(kind: ShardKind, partition: int, reader: LogReader, codec: Codec) -> ShardProcessor | None:
    def chunks() -> Iterator[Snapshot]:
        for record in reader.read(kind.snapshots, partition, 0):
            assert record.value is not None
            yield codec.decode(kind.snapshots, record.value)

    newest = newest_snapshot(chunks())
    return restore(kind, partition, newest, codec) if newest else None


def _expecting(
    kind: ShardKind, partition: int, processor: ShardProcessor | None, journal: Journal, codec: Codec
) -> ShardProcessor:
    sequence = processor.sequence if processor else 0
    if journal.sequence != sequence + 1:
        raise MissingJournal(
            f"journal {journal.shard} has #{journal.sequence} after #{sequence}: retention has removed records, or the "
            "topic was created again; raise its retention and start a fresh pipeline with another TOPIC_PREFIX and "
            "RUN_ID"
        )
    if journal.config is not None:
        config = CoreConfig.model_validate_json(journal.config)
        if processor is None:
            processor = ShardProcessor(kind, partition, config, codec)
        processor.configure(config)
    if processor is None:
        raise RecoveryError(f"journal {journal.shard} has no configuration up to #{journal.sequence}")
    return processor


def _check(journal: Journal, transaction: Transaction | None) -> None:
    if transaction is None or (transaction.outputs_crc32, len(transaction.outputs)) != (
        journal.outputs_crc32,
        journal.outputs,
    ):
        raise RecoveryError(
            f"journal {journal.shard} #{journal.sequence}: this version of the program gives other outputs for the "
            f"same inputs than version {journal.code_version} did; recover and stop cleanly with that version, "
            "then upgrade"
        )
