"""A shard's state as records, split into chunks, and back."""

import json
from collections.abc import Iterable
from hashlib import sha256
from zlib import compress, decompress

from schemas.codec import Codec
from streams import __version__
from streams.domain.config import CoreConfig
from streams.domain.messages import Snapshot
from streams.errors import RecoveryError
from streams.journal.kinds import ShardKind
from streams.journal.processor import ShardProcessor, Transaction
from streams.journal.records import RawOutput

CHUNK_BYTES = 900_000
STATE_FORMAT = 1
"""Raised whenever a state from before could not be read as it is."""


def snapshot_records(processor: ShardProcessor, journal_offset: int, codec: Codec) -> list[RawOutput]:
    """The processor's state after its last transaction. journal_offset: where its next journal records are."""
    document = {"format": STATE_FORMAT, "shard": processor.shard.to_state()}
    state = compress(json.dumps(document, separators=(",", ":")).encode(), 1)
    chunks = [state[start : start + CHUNK_BYTES] for start in range(0, len(state), CHUNK_BYTES)]
    topic, digest = processor.kind.snapshots, sha256(state).hexdigest()
    outputs = []
    for number, chunk in enumerate(chunks):
        message = Snapshot(
            shard=processor.name,
            sequence=processor.sequence,
            journal_offset=journal_offset,
            chunk=number,
            chunks=len(chunks),
            topics=list(processor.positions),
            positions=list(processor.positions.values()),
            config=processor.config.model_dump_json(),
            state=chunk,
            state_sha256=digest,
            code_version=__version__,
            ts=processor.shard.time_ns,
        )
        key = f"{processor.name}#{number}".encode()
        outputs.append(RawOutput(topic, processor.partition, key, codec.encode(topic, message)))
    return outputs


def newest_complete(chunks: Iterable[Snapshot]) -> list[Snapshot] | None:
    """The chunks, in order, of the newest snapshot that has all of them; None where there is none."""
    newest: list[Snapshot] | None = None
    gathered: list[Snapshot] = []
    for chunk in chunks:
        if chunk.chunk == 0:
            gathered = []
        gathered.append(chunk)
        if len(gathered) == chunk.chunks and {item.sequence for item in gathered} == {chunk.sequence}:
            newest = gathered
    return newest


def restore(kind: ShardKind, partition: int, chunks: list[Snapshot], codec: Codec) -> ShardProcessor:
    """The processor that snapshot_records described. Raises RecoveryError for a damaged or foreign state."""
    head = chunks[0]
    state = b"".join(chunk.state for chunk in chunks)
    found = sha256(state).hexdigest()
    if found != head.state_sha256:
        raise RecoveryError(
            f"snapshot {head.sequence} of {head.shard} is damaged: its state has sha256 {found}, "
            f"its record says {head.state_sha256}"
        )
    document = json.loads(decompress(state))
    if document["format"] != STATE_FORMAT:
        raise RecoveryError(
            f"snapshot {head.sequence} of {head.shard} has state format {document['format']}, this version reads "
            f"{STATE_FORMAT}: go back to version {head.code_version}, or start afresh with another TOPIC_PREFIX"
        )
    config = CoreConfig.model_validate_json(head.config)
    processor = ShardProcessor(kind, partition, config, codec)
    processor.shard = kind.shard.from_state(config, partition, document["shard"])
    processor.positions = dict(zip(head.topics, head.positions, strict=True))
    processor.sequence = head.sequence
    return processor


class SnapshotPolicy:
    """Says when a transaction carries a snapshot: after every so many inputs, after a new configuration, at release."""

    def __init__(self, codec: Codec, every_records: int, journal_offset: int = 0) -> None:
        self._codec = codec
        self._every_records = every_records
        self._journal_offset = journal_offset
        self._inputs_since = 0

    def next_transaction(self, processor: ShardProcessor, closing: bool) -> Transaction | None:
        """What the processor has to commit, with a snapshot where one is due."""
        reconfigured = processor.reconfigured
        self._inputs_since += processor.inputs_taken
        due = reconfigured or self._inputs_since >= self._every_records or (closing and self._inputs_since > 0)
        transaction = processor.finish(even_if_empty=due)
        if transaction is not None and due:
            transaction.snapshot = snapshot_records(processor, self._journal_offset, self._codec)
        return transaction

    def committed(self, transaction: Transaction, journal_offset: int) -> None:
        """Notes where the transaction's journal record stands: a later snapshot needs nothing before it."""
        self._journal_offset = journal_offset
        if transaction.snapshot:
            self._inputs_since = 0
