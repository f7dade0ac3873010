"""A shard's state as records, split into chunks, and back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from zlib import compress, decompress

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import Snapshot
from streams import __version__
from streams.core.core_config import CoreConfig
from streams.errors import DamagedSnapshot, RecoveryError
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.raw_records import RawOutput

CHUNK_BYTES = 900_000
INPUTS_PER_SNAPSHOT = 32
"""Bytes of inputs for each byte of a snapshot: writing snapshots stays a small part of a shard's work."""
STATE_FORMAT = 2
"""Raised whenever a state from before could not be read as it is."""


def snapshot_records(processor: ShardProcessor, codec: Codec) -> list[RawOutput]:
    """The processor's state after its last transaction."""
    document = {"format": STATE_FORMAT, "shard": processor.shard.to_state()}
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
        )
        key = f"{processor.name}#{number}".encode()
        outputs.append(RawOutput(topic, processor.partition, key, codec.encode(topic, message)))
    return outputs


def newest_snapshot(chunks: Iterable[Snapshot]) -> list[Snapshot] | None:
    """The chunks, in order, of the newest snapshot; None where there is none.

    Compaction leaves chunks of older and longer snapshots behind. Raises DamagedSnapshot for a newest one that lacks
    a chunk.
    """
    newest: list[Snapshot] = []
    for chunk in chunks:
        if not newest or chunk.sequence > newest[0].sequence:
            newest = [chunk]
        elif chunk.sequence == newest[0].sequence:
            newest.append(chunk)
    if not newest:
        return None
    head = newest[0]
    if [chunk.chunk for chunk in newest] != list(range(head.chunks)):
        found = ", ".join(str(chunk.chunk) for chunk in newest)
        raise _damaged(head, f"it has {head.chunks} chunks from 0, found were {found}")
    return newest


def restore(kind: ShardKind, partition: int, chunks: list[Snapshot], codec: Codec) -> ShardProcessor:
    """The processor that snapshot_records described. Raises RecoveryError for a damaged or foreign state."""
    head = chunks[0]
    state = b"".join(chunk.state for chunk in chunks)
    found = sha256(state).hexdigest()
    if found != head.state_sha256:
        raise _damaged(head, f"its state has sha256 {found}, its record says {head.state_sha256}")
    document = json.loads(decompress(state))
    if document["format"] != STATE_FORMAT:
        raise RecoveryError(
            f"snapshot #{head.sequence} of {head.shard} has state format {document['format']}, this version reads "
            f"{STATE_FORMAT}: go back to version {head.code_version}, or start afresh with another TOPIC_PREFIX"
        )
    config = CoreConfig.model_validate_json(head.config)
    processor = ShardProcessor(kind, partition, config, codec)
    processor.shard = kind.shard.from_state(config, partition, document["shard"])
    processor.positions = dict(zip(head.topics, head.positions, strict=True))
    processor.topic_ids = dict(zip(head.topics, head.topic_ids, strict=False))
    processor.sequence = head.sequence
    processor.journal_offset = head.journal_offset
    processor.snapshot_bytes = len(state)
    return processor


def _damaged(snapshot: Snapshot, what: str) -> DamagedSnapshot:
    return DamagedSnapshot(
        f"snapshot #{snapshot.sequence} of {snapshot.shard} is damaged: {what}; make it anew from the journal: "
        f"`paper snapshots rebuild {snapshot.shard}`"
    )


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When a transaction carries a snapshot: after so many inputs or bytes of them, and with a new configuration.

    So recovery re-reads no more than that, however long the session is. A large state is not written so often: only
    when the inputs since are at_least_times as many bytes as its snapshot.
    """

    every_records: int
    every_bytes: int
    at_least_times: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(settings.snapshot_every_records, settings.snapshot_every_bytes, INPUTS_PER_SNAPSHOT)

    def is_due(self, processor: ShardProcessor) -> bool:
        """Whether the processor's next transaction needs one."""
        records, size = processor.records_since_snapshot, processor.bytes_since_snapshot
        due = records >= self.every_records or size >= self.every_bytes
        return processor.reconfigured or (due and size >= self.at_least_times * processor.snapshot_bytes)
