"""The processor of a shard: turns raw records into the next transaction. No I/O."""

from dataclasses import dataclass
from zlib import crc32

from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable, UndecodableRecord
from schemas.records.messages import Journal
from schemas.records.output import Message, Output, RecordRefused
from streams import __version__
from streams.core.core_config import CoreConfig, TimeSource
from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.record_limits import check_forwarded, check_headers
from streams.pipeline.journal.shard import Shard
from streams.pipeline.journal.transaction import Transaction

FORWARDED_FROM = "forwarded-from"
TEXT_CHARS_MAX = 10_000


@dataclass(slots=True)
class InputRun:
    """Consecutive inputs of one topic."""

    topic: str
    first_offset: int
    last_offset: int
    count: int


class ShardProcessor:
    """A shard with its positions in its inputs.

    positions: next offset of each input topic. topic_ids: Kafka's id of each input topic. sequence: number of journal
    records. journal_offset: an offset at or before the last journal record. records_since_snapshot,
    bytes_since_snapshot: inputs that a recovery would re-read. snapshot_bytes: size of the last snapshot.
    """

    def __init__(self, kind: ShardKind, partition: int, config: CoreConfig, codec: Codec) -> None:
        self.kind = kind
        self.partition = partition
        self.config = config
        self.positions: dict[str, int] = {}
        self.topic_ids: dict[str, str] = {}
        self.sequence = 0
        self.journal_offset = 0
        self.records_since_snapshot = 0
        self.bytes_since_snapshot = 0
        self.snapshot_bytes = 0
        self.shard: Shard = kind.shard(config, partition)
        self._codec = codec
        self._outputs: list[RawOutput] = []
        self._runs: list[InputRun] = []
        self._new_config: str | None = None

    @property
    def name(self) -> str:
        """Name of the shard, as in its journal."""
        return self.kind.shard_name(self.partition)

    def configure(self, config: CoreConfig) -> None:
        """Applies a configuration, which the next transaction records."""
        self.config = config
        self.shard.configure(config)
        self._new_config = config.model_dump_json()

    def take(self, record: RawRecord) -> None:
        """Processes a record. Drops a record below the position: it was delivered before."""
        if record.offset < self.positions.get(record.topic, 0):
            return
        self.positions[record.topic] = record.offset + 1
        self.records_since_snapshot += 1
        self.bytes_since_snapshot += len(record.value or b"")
        self._note(record)
        try:
            self._outputs.extend(self._process(record))
        except BadRecord as error:
            self._outputs.append(dead_letter(record, self.kind.name, error))

    @property
    def reconfigured(self) -> bool:
        """True if the next transaction records a new configuration."""
        return self._new_config is not None

    def finish(self, even_if_empty: bool = False) -> Transaction | None:
        """Returns the transaction of all records since the last one, or None if there are none."""
        if not (self._runs or self.reconfigured or even_if_empty):
            return None
        self.sequence += 1
        outputs, self._outputs = self._outputs, []
        runs, self._runs = self._runs, []
        config, self._new_config = self._new_config, None
        checksum = outputs_crc32(outputs)
        journal = Journal(
            shard=self.name,
            sequence=self.sequence,
            topics=[run.topic for run in runs],
            first_offsets=[run.first_offset for run in runs],
            last_offsets=[run.last_offset for run in runs],
            counts=[run.count for run in runs],
            config=config,
            outputs=len(outputs),
            outputs_crc32=checksum,
            code_version=__version__,
            ts=self.shard.time_ns,
        )
        value = self._codec.encode(self.kind.journal, journal)
        record = RawOutput(self.kind.journal, self.partition, self.name.encode(), value)
        return Transaction(self.sequence, outputs, record, checksum)

    def snapshot_taken(self, size: int) -> None:
        """Notes that the next transaction contains a snapshot. size: its bytes."""
        self.records_since_snapshot = self.bytes_since_snapshot = 0
        self.snapshot_bytes = size

    def _note(self, record: RawRecord) -> None:
        last = self._runs[-1] if self._runs else None
        if last is not None and last.topic == record.topic:
            last.last_offset = record.offset
            last.count += 1
        else:
            self._runs.append(InputRun(record.topic, record.offset, record.offset, 1))

    def _process(self, record: RawRecord) -> list[RawOutput]:
        if record.headers:
            check_headers(record)
        message = self._decode(record)
        key_field = self.kind.inputs[record.topic]
        if key_field is not None:
            _check_texts(record.topic, message)
            forwarded = self._forward(record, getattr(message, key_field), key_field)
            if forwarded is not None:
                return [forwarded]
        record_time_ns = record.timestamp_ns if self.config.time_source is TimeSource.RECORD else None
        try:
            outputs = self.shard.apply(message, record_time_ns)
        except RecordRefused as refusal:
            raise BadRecord(refusal.rule, refusal.text) from refusal
        return [self._encode(output) for output in outputs]

    def _decode(self, record: RawRecord) -> Message:
        if record.value is None:
            raise BadRecord("NULL_VALUE", f"a record of {record.topic} needs a value")
        try:
            message: Message = self._codec.decode(record.topic, record.value)
        except UndecodableRecord as error:
            raise BadRecord(error.error_class, str(error)) from error
        except RegistryUnavailable as error:
            raise RegistryUnavailable(
                f"offset {record.offset} of {record.topic}-{record.partition} has a schema that is not known here, and "
                f"{error}; nothing is lost: start the registry, then the worker"
            ) from error
        return message

    def _forward(self, record: RawRecord, owner: str | None, key_field: str) -> RawOutput | None:
        """Returns the record for its right partition if it was sent to the wrong one, else None."""
        if not owner:
            return None
        if record.key is None:
            raise BadRecord("NULL_KEY", f"the key of a {record.topic} record must be its {key_field}, {owner!r}")
        if record.key != owner.encode():
            text = (
                f"the key of a {record.topic} record must be its {key_field}, {owner!r}, as UTF-8; it is {record.key!r}"
            )
            raise BadRecord("WRONG_KEY", text)
        right = partition_of(owner, self.kind.partitions(self.config))
        if right == self.partition:
            return None
        if any(name == FORWARDED_FROM for name, _ in record.headers):
            text = (
                f"forwarded to partition {self.partition}, but {owner!r} belongs to {right}: "
                "has the partition count changed?"
            )
            raise BadRecord("WRONG_PARTITION", text)
        origin = f"{record.partition}:{record.offset}".encode()
        headers = (*record.headers, (FORWARDED_FROM, origin))
        forwarded = RawOutput(record.topic, right, record.key, record.value, headers)
        check_forwarded(forwarded, record.partition)
        return forwarded

    def _encode(self, output: Output) -> RawOutput:
        partition = output.partition
        if partition is None:
            execution_topic = output.topic in ("orders.approved", "orders.live")
            count = self.config.execution_partitions if execution_topic else self.config.account_partitions
            partition = partition_of(output.key, count)
        return RawOutput(output.topic, partition, output.key.encode(), self._codec.encode(output.topic, output.message))


def _check_texts(topic: str, message: Message) -> None:
    """Refuses long texts: several outputs repeat a client's texts, and must not become too large for Kafka."""
    for value in message:
        if isinstance(value, str) and len(value) > TEXT_CHARS_MAX:
            text = f"a text in this {topic} record has {len(value)} characters; at most {TEXT_CHARS_MAX} are taken"
            raise BadRecord("TEXT_TOO_LONG", text)


def outputs_crc32(outputs: list[RawOutput]) -> int:
    """Returns the CRC-32 of topic, partition, key and value of all outputs, in order."""
    parts: list[bytes] = []
    for output in outputs:
        parts.append(f"{output.topic}\0{output.partition}\0".encode())
        parts.append(output.key or b"")
        parts.append(output.value or b"")
    return crc32(b"".join(parts))
