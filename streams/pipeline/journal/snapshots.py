"""Snapshots: a shard's state as records in chunks, and the state restored from them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self
from zlib import compress, decompress
from zlib import error as ZlibError

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.snapshot_message import Snapshot
from streams import __version__
from streams.core.core_config import CoreConfig
from streams.errors import DamagedSnapshot, RecoveryError
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.journal.tails import digest

CHUNK_BYTES = 900_000
INPUTS_PER_SNAPSHOT = 32
"""Bytes of inputs for each byte of a snapshot, so that writing snapshots stays a small part of a shard's work."""
STATE_FORMAT = 2
"""Version of the state's format; incremented whenever older states can't be read any more."""


def snapshot_records(processor: ShardProcessor, codec: Codec) -> list[RawOutput]:
    """Returns the processor's state after its last transaction, as records."""
    document = {
        "format": STATE_FORMAT,
        "shard": processor.shard.to_state(),
        "places": processor.provenance.to_state(),
        "tails": [[*place, found] for place, found in _tails(processor).items()],
    }
    state = compress(json.dumps(document, separators=(",", ":")).encode(), 1)
    chunks = [state[start : start + CHUNK_BYTES] for start in range(0, len(state), CHUNK_BYTES)]
    topic, digest = processor.kind.snapshots, sha256(state).hexdigest()
    outputs = []
    for number, chunk in enumerate(chunks):
        message = Snapshot(
            shard=processor.name,
            sequence=processor.sequence,
            journal_offset=processor.journal_offset,
            chunk=number,
            chunks=len(chunks),
            topics=list(processor.positions),
            positions=list(processor.positions.values()),
            topic_ids=[processor.topic_ids.get(topic, "") for topic in processor.positions],
            config=processor.config.model_dump_json(),
            state=chunk,
            state_sha256=digest,
            code_version=__version__,
            ts=processor.shard.time_ns,
            alarms=processor.alarms,
            faults_in_a_row=processor.faults_in_a_row,
        )
        key = f"{processor.name}#{number}".encode()
        outputs.append(RawOutput(topic, processor.partition, key, codec.encode(topic, message)))
    return outputs


def _tails(processor: ShardProcessor) -> dict[tuple[str, int], str]:
    """Returns the digest of the shard's last output to each partition."""
    newer = {place: digest(output.key, output.value) for place, output in processor.last_outputs.items()}
    return processor.tails | newer


def newest_snapshot(chunks: Iterable[Snapshot], below: int | None = None) -> list[Snapshot]:
    """Returns the chunks of the newest snapshot, or of the newest below a sequence; empty if there is no snapshot.

    Compaction leaves chunks of older, longer snapshots behind.
    """
    newest: list[Snapshot] = []
    for chunk in chunks:
        if below is not None and chunk.sequence >= below:
            continue
        if not newest or chunk.sequence > newest[0].sequence:
            newest = [chunk]
        elif chunk.sequence == newest[0].sequence:
            newest.append(chunk)
    return newest


def restore(kind: ShardKind, partition: int, chunks: list[Snapshot], codec: Codec) -> ShardProcessor:
    """Returns the processor that snapshot_records saved.

    Raises DamagedSnapshot if a chunk is missing or the state is damaged, RecoveryError if this version can't read it.
    """
    head = chunks[0]
    document = _document(chunks)
    if document["format"] != STATE_FORMAT:
        raise RecoveryError(
            f"snapshot #{head.sequence} of {head.shard} has state format {document['format']}, but this version reads "
            f"{STATE_FORMAT}: go back to version {head.code_version}, or start afresh with another TOPIC_PREFIX and "
            "RUN_ID"
        )
    try:
        config = CoreConfig.model_validate_json(head.config)
        processor = ShardProcessor(kind, partition, config, codec)
        processor.shard = kind.shard.from_state(config, partition, document["shard"])
        processor.positions = dict(zip(head.topics, head.positions, strict=True))
    except Exception as error:
        raise _damaged(head, f"its state can't be read: {type(error).__name__}: {error}") from error
    processor.topic_ids = dict(zip(head.topics, head.topic_ids, strict=False))
    processor.sequence = head.sequence
    processor.journal_offset = head.journal_offset
    processor.snapshot_bytes = sum(len(chunk.state) for chunk in chunks)
    processor.provenance.load(document.get("places", {}))
    processor.tails = {(topic, number): found for topic, number, found in document.get("tails", [])}
    processor.alarms = head.alarms
    processor.faults_in_a_row = head.faults_in_a_row
    return processor


def _document(chunks: list[Snapshot]) -> dict[str, Any]:
    head = chunks[0]
    if [chunk.chunk for chunk in chunks] != list(range(head.chunks)):
        found = ", ".join(str(chunk.chunk) for chunk in chunks)
        raise _damaged(head, f"it has {head.chunks} chunks from 0 on, but only {found} were found")
    state = b"".join(chunk.state for chunk in chunks)
    found = sha256(state).hexdigest()
    if found != head.state_sha256:
        raise _damaged(head, f"its state has sha256 {found}, but its record names {head.state_sha256}")
    try:
        document: dict[str, Any] = json.loads(decompress(state))
        if not isinstance(document["format"], int):
            raise TypeError("its format is no number")
    except (ZlibError, ValueError, KeyError, TypeError) as error:
        raise _damaged(head, f"its state can't be read: {type(error).__name__}: {error}") from error
    return document


def _damaged(snapshot: Snapshot, what: str) -> DamagedSnapshot:
    return DamagedSnapshot(
        f"snapshot #{snapshot.sequence} of {snapshot.shard} is damaged: {what}; write a new one from the journal: "
        f"`paper snapshots rebuild {snapshot.shard}`"
    )


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """The rule for when a transaction contains a snapshot.

    A snapshot is due after every_records inputs or every_bytes bytes of inputs, and with a new configuration. This
    bounds what recovery re-reads. A large state is written less often: after at_least_times its size in inputs.
    """

    every_records: int
    every_bytes: int
    at_least_times: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the policy of the settings."""
        return cls(settings.snapshot_every_records, settings.snapshot_every_bytes, INPUTS_PER_SNAPSHOT)

    def is_due(self, processor: ShardProcessor) -> bool:
        """Returns whether the processor's next transaction needs a snapshot."""
        records, size = processor.records_since_snapshot, processor.bytes_since_snapshot
        due = records >= self.every_records or size >= self.every_bytes
        return processor.reconfigured or (due and size >= self.at_least_times * processor.snapshot_bytes)
