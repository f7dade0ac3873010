"""Recovery of a shard: a snapshot, then the inputs that the journal names after it, in the journal's order."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import NamedTuple

from infra.errors import PaperError
from schemas.avro.codec import Codec
from schemas.records.messages import Journal
from schemas.records.snapshot_message import Snapshot
from streams.core.core_config import CoreConfig
from streams.errors import MissingInputs, MissingJournal, RecoveryError
from streams.pipeline.journal.dead_letters import BadRecord
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.own_records import own_records
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.quarantine import CoreFault
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import newest_snapshot, restore
from streams.pipeline.journal.transaction import Transaction

log = logging.getLogger(__name__)

SNAPSHOTS_TRIED_MAX = 5
"""Snapshots that a recovery tries before it reads the whole journal. Each attempt reads the topic of snapshots."""
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
    from_snapshot: begin with the newest snapshot, otherwise with the first journal record.
    Raises RecoveryError if the snapshot, the journal, its inputs or the outputs differ from the recorded ones.
    """
    chunks = _newest_snapshot(kind, partition, reader, codec) if from_snapshot else []
    start = restore(kind, partition, chunks, codec) if chunks else None
    processor, end = _replay(kind, partition, reader, codec, start, on_transaction)
    _check_end(kind, partition, end, chunks[0].sequence if chunks else 0)
    return processor


class Recovered(NamedTuple):
    """A recovered shard; no processor if it has no transaction yet. fell_back: its newest snapshot was not usable."""

    processor: ShardProcessor | None
    fell_back: bool


def recover_with_fallback(
    kind: ShardKind,
    partition: int,
    reader: LogReader,
    codec: Codec,
    begin: Callable[[], OnTransaction | None] = lambda: None,
) -> Recovered:
    """Recovers a shard from its newest snapshot, or else from an older one, or else from its whole journal.

    begin: called before each attempt; returns the function to be called with each transaction of this attempt.
    Each attempt is as strict as recover. Raises RecoveryError with the reasons of the first and the last one.
    """
    first: RecoveryError | None = None
    newest, below = 0, None
    for _ in range(SNAPSHOTS_TRIED_MAX):
        chunks = _newest_snapshot(kind, partition, reader, codec, below)
        if not chunks:
            break
        below = chunks[0].sequence
        newest = newest or below
        try:
            start = restore(kind, partition, chunks, codec)
            processor, end = _replay(kind, partition, reader, codec, start, begin())
        except RecoveryError as error:
            log.warning("%s; the next older snapshot or the journal from its start is tried", error)
            first = first or error
        else:
            _check_end(kind, partition, end, newest)
            return Recovered(processor, fell_back=first is not None)
    try:
        processor, end = _replay(kind, partition, reader, codec, None, begin())
    except RecoveryError as last:
        raise _both(first, last) from last
    _check_end(kind, partition, end, newest)
    return Recovered(processor, fell_back=first is not None)


def _both(first: RecoveryError | None, last: RecoveryError) -> RecoveryError:
    if first is None or str(first) == str(last):
        return last
    return type(first)(f"{first}; and from the start of its journal: {last}")


def _newest_snapshot(
    kind: ShardKind, partition: int, reader: LogReader, codec: Codec, below: int | None = None
) -> list[Snapshot]:
    records = own_records(kind.snapshots, partition, kind.shard_name(partition), reader, codec)
    return newest_snapshot((snapshot for _, snapshot in records), below)


def _replay(
    kind: ShardKind,
    partition: int,
    reader: LogReader,
    codec: Codec,
    processor: ShardProcessor | None,
    on_transaction: OnTransaction | None = None,
) -> tuple[ShardProcessor | None, int]:
    """Makes the transactions behind a processor again. Returns the processor and the journal's last sequence."""
    newest, first_offset = 0, processor.journal_offset if processor else 0
    journals = own_records(kind.journal, partition, kind.shard_name(partition), reader, codec, first_offset)
    with closing(journals), closing(JournalInputs(reader, partition)) as inputs:
        for record, journal in journals:
            newest = max(newest, journal.sequence)
            if processor is not None and journal.sequence <= processor.sequence:
                continue
            try:
                processor = _expecting(kind, partition, processor, journal, codec)
                transaction = _made_again(processor, journal, inputs)
            except PaperError:
                raise
            except Exception as error:
                problem = f"{record.place} can't be followed: {type(error).__name__}: {error}"
                raise RecoveryError(f"journal {journal.shard} #{journal.sequence} at {problem}") from error
            processor.journal_offset = record.offset
            if on_transaction is not None:
                on_transaction(processor, transaction)
    return processor, newest


def _check_end(kind: ShardKind, partition: int, end: int, snapshot: int) -> None:
    """Demands that the journal holds what a snapshot stands for. Otherwise it has lost transactions."""
    if end < snapshot:
        raise MissingJournal(
            f"the snapshot of {kind.shard_name(partition)} stands for journal #{snapshot}, but "
            f"{kind.journal}-{partition} ends with #{end}: the journal was deleted or created again; "
            "start a fresh pipeline with another TOPIC_PREFIX and RUN_ID"
        )


def _made_again(processor: ShardProcessor, journal: Journal, inputs: JournalInputs) -> Transaction:
    _take_inputs(processor, journal, inputs.records(journal))
    transaction = processor.finish(even_if_empty=True)
    assert transaction is not None
    _check(journal, transaction)
    return transaction


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


def _check(journal: Journal, transaction: Transaction) -> None:
    if (transaction.outputs_crc32, len(transaction.outputs)) != (journal.outputs_crc32, journal.outputs):
        raise RecoveryError(
            f"journal {journal.shard} #{journal.sequence}: this version of the program gives other outputs for the "
            f"same inputs than version {journal.code_version} did; recover and stop cleanly with that version, "
            "then upgrade"
        )
