"""The processor of a shard: turns raw records into the next transaction. No I/O."""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from infra.errors import PaperError
from infra.kafka.topics import BY_NAME
from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable, UndecodableRecord
from schemas.records.construction import record_of
from schemas.records.entry_checks import entry_problem
from schemas.records.messages import Journal, RiskEvent
from schemas.records.output import Message, Output, RecordRefused
from streams import __version__
from streams.core.accounts.signed_commands import FORGED
from streams.core.core_config import CoreConfig, TimeSource
from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.provenance import FOREIGN_RECORD, Provenance
from streams.pipeline.journal.quarantine import (
    ALARMING,
    INTERNAL_ERROR,
    JOURNALED,
    SKIPPED,
    CoreFault,
    quarantine_event,
)
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.record_limits import check_forwarded, check_headers
from streams.pipeline.journal.shard import Shard
from streams.pipeline.journal.transaction import Made, Transaction

FORWARDED_FROM = "forwarded-from"
SURELY_FITS_BYTES: Final = 500_000
"""Size of an output that every topic takes."""
HEADROOM_BYTES: Final = 1_000
"""Room that a record leaves for its proof and for what Kafka adds: batch header, key, lengths."""


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
    bytes_since_snapshot: inputs that a recovery would re-read. snapshot_bytes: size of the last snapshot. alarms:
    inputs that were quarantined, or refused as forged, since a person last acknowledged them. faults_in_a_row: inputs
    in a row, up to the last one, on which the core failed. provenance: what is known of the sources of its inputs.
    tails: digest of the last output to each partition, as of the snapshot. last_outputs: the last ones since then.
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
        self.alarms = 0
        self.faults_in_a_row = 0
        self.provenance = Provenance()
        self.tails: dict[tuple[str, int], str] = {}
        self.last_outputs: dict[tuple[str, int], RawOutput] = {}
        self.shard: Shard = kind.shard(config, partition)
        self._codec = codec
        self._outputs: list[RawOutput] = []
        self._runs: list[InputRun] = []
        self._new_config: str | None = None
        self._quarantined: list[tuple[int, BadRecord]] = []
        self._acknowledged: str | None = None

    @property
    def name(self) -> str:
        """Name of the shard, as in its journal."""
        return self.kind.shard_name(self.partition)

    def configure(self, config: CoreConfig) -> None:
        """Applies a configuration, which the next transaction records."""
        self.config = config
        self.shard.configure(config)
        self._new_config = config.model_dump_json()

    def take(self, record: RawRecord, verdict: BadRecord | None = None) -> None:
        """Processes a record. Drops a record below the position: it was delivered before.

        verdict: the reason why the record is set aside unread, as its journal has it or a person wants it.
        Raises CoreFault if the core fails on the record; then this processor must not be used any more.
        """
        if record.offset < self.positions.get(record.topic, 0):
            return
        self.positions[record.topic] = record.offset + 1
        self.records_since_snapshot += 1
        self.bytes_since_snapshot += len(record.value or b"")
        self._note(record)
        if verdict is None and self.kind.inputs[record.topic] is None:
            verdict = self.provenance.verdict(record)
        if verdict is not None:
            self._set_aside(record, verdict)
            return
        try:
            self._outputs.extend(self._process(record))
        except BadRecord as error:
            self._set_aside(record, error)
        except PaperError:
            raise
        except Exception as error:
            raise CoreFault(record, error) from error
        if self.faults_in_a_row:
            self.faults_in_a_row = 0

    def _set_aside(self, record: RawRecord, verdict: BadRecord) -> None:
        """Writes the dead letter of a record, and the alarm if the fault may be ours."""
        self._outputs.append(dead_letter(record, self.kind.name, verdict))
        if verdict.error_class not in JOURNALED:
            return
        self._quarantined.append((sum([run.count for run in self._runs]) - 1, verdict))
        if verdict.error_class == INTERNAL_ERROR:
            self.faults_in_a_row += 1
        first_alarm = self.alarms == 0
        if verdict.error_class in ALARMING:
            self.alarms += 1
        if verdict.error_class in (INTERNAL_ERROR, SKIPPED) or (verdict.error_class == FOREIGN_RECORD and first_alarm):
            event = quarantine_event(self.name, record, verdict, self.shard.time_ns)
            partition = self.partition % self.config.account_partitions
            self._outputs.append(self._encode(Output("risk.events", self.name, event, partition)))

    def acknowledge(self, who_and_why: str) -> None:
        """Ends the alarms by a person's word, which the next transaction records."""
        self._acknowledged = who_and_why
        self.alarms = self.faults_in_a_row = 0

    @property
    def reconfigured(self) -> bool:
        """True if the next transaction records a new configuration."""
        return self._new_config is not None

    def finish(self, even_if_empty: bool = False, lost: list[Made] | None = None) -> Transaction | None:
        """Returns the transaction of all records since the last one, or None if there are none.

        lost: outputs of earlier transactions that are to be written again.
        """
        if not (self._runs or self.reconfigured or self._acknowledged or even_if_empty):
            return None
        self.sequence += 1
        outputs, self._outputs = self._outputs, []
        runs, self._runs = self._runs, []
        config, self._new_config = self._new_config, None
        quarantined, self._quarantined = self._quarantined, []
        acknowledged, self._acknowledged = self._acknowledged, None
        checksum = outputs_crc32(outputs)
        for output in outputs:
            self.last_outputs[output.topic, output.partition] = output
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
            quarantined=[number for number, _ in quarantined],
            quarantine_classes=[verdict.error_class for _, verdict in quarantined],
            quarantine_texts=[verdict.text for _, verdict in quarantined],
            acknowledged=acknowledged,
            alarms=self.alarms,
            rewritten=len(lost or ()),
        )
        value = self._codec.encode(self.kind.journal, journal)
        record = RawOutput(self.kind.journal, self.partition, self.name.encode(), value)
        return Transaction(self.sequence, outputs, record, checksum, lost=lost or [])

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
        key_field = self.kind.inputs[record.topic]
        if record.headers and key_field is not None:
            check_headers(record)
        message = self._decode(record)
        problem = entry_problem(record.topic, message, record.timestamp_ns)
        if problem is not None:
            raise BadRecord(problem.code, problem.text)
        if key_field is not None:
            forwarded = self._forward(record, getattr(message, key_field), key_field)
            if forwarded is not None:
                return [forwarded]
        record_time_ns = record.timestamp_ns if self.config.time_source is TimeSource.RECORD else None
        try:
            outputs = self.shard.apply(message, record_time_ns, record.timestamp_ns)
        except RecordRefused as refusal:
            raise BadRecord(refusal.rule, refusal.text) from refusal
        if record.topic == "controls" and any(_is_forgery(output) for output in outputs):
            self.alarms += 1
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
        topic, key, partition = output.topic, output.key, output.partition
        if partition is None:
            execution_topic = topic == "orders.approved" or topic == "orders.live"
            config = self.config
            partition = partition_of(key, config.execution_partitions if execution_topic else config.account_partitions)
        value = self._codec.encode(topic, output.message)
        if len(value) > SURELY_FITS_BYTES:
            _check_size(topic, len(value) + len(key))
        return record_of(RawOutput, (topic, partition, key.encode(), value, ()))


def _is_forgery(output: Output) -> bool:
    return isinstance(output.message, RiskEvent) and output.message.code == FORGED


def _check_size(topic: str, size: int) -> None:
    limit = BY_NAME[topic].max_message_bytes - HEADROOM_BYTES
    if size > limit:
        raise ValueError(f"a record of {size} bytes for {topic}, which takes {limit}")


def outputs_crc32(outputs: list[RawOutput]) -> int:
    """Returns the CRC-32 of topic, partition, key and value of all outputs, in order."""
    parts: list[bytes] = []
    for topic, partition, key, value, _ in outputs:
        parts.append(f"{topic}\0{partition}\0".encode())
        parts.append(key or b"")
        parts.append(value or b"")
    return crc32(b"".join(parts))
