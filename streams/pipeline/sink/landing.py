"""Brings a topic's records into its table in their order: whole blocks, and around records that can't be read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from infra.kafka.topics import BY_NAME, DLQ_PREFIX
from schemas.avro.codec import HEADER, MAGIC, Codec, SchemaSource
from schemas.avro.compatibility import unreadable
from schemas.avro.schema_resolution import NOT_A_SCHEMA
from schemas.errors import UndecodableRecord
from schemas.records.numbers import NANOS_PER_MS
from schemas.topic_schemas import MESSAGE_CLASSES, load_schema
from streams.errors import SinkError
from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.sink import dead_letter_rows
from streams.pipeline.sink.avro_container import ContainerWriter, Row
from streams.pipeline.sink.column_batch import ColumnBatch
from streams.pipeline.sink.column_writer import ColumnWriter, spans
from streams.pipeline.sink.tables import NATIVE, BlockRefused, Spans
from streams.pipeline.sink.transpose import UnusualRecord

COLUMNS_FROM = 500
"""Rows of a block from which transposing it costs less than ClickHouse's own reading of its records."""
SHARD_INPUTS = frozenset(topic for kind in KINDS for topic in kind.inputs)
"""Topics of which a shard writes the dead letters, in the transaction that takes the record."""

log = logging.getLogger(__name__)


class BlockTarget(Protocol):
    """Where blocks go: streams.pipeline.sink.tables.Tables."""

    def insert(self, topic: str, rows: Sequence[Row], container: bytes) -> None:
        """Inserts a block of encoded records or raises BlockRefused."""
        ...

    def insert_block(self, topic: str, spans: Spans, block: bytes, form: str) -> None:
        """Inserts a block in a format of ClickHouse's or raises BlockRefused."""
        ...


class InsertUnderWay(NamedTuple):
    """A block that is being inserted, how to do it again, and its records should it be refused."""

    topic: str
    batches: list[ColumnBatch]
    send: Callable[[], None]
    inserted: Future[None] | None


class Landing:
    """Lands the records of one run. A block of columns is inserted in a thread; the next is built, and waits for it.

    All records of a partition before one that is inserted are rows or dead letters themselves: a restart may go on
    behind the highest row. A record that a shard refuses has the shard's letter, and gets none here.

    Args:
        write_letters: streams.pipeline.sink.dead_letter_writer.DeadLetterWriter.write.
    """

    def __init__(
        self,
        target: BlockTarget,
        source: SchemaSource,
        write_letters: Callable[[Sequence[RawOutput]], None],
        run_id: str,
    ) -> None:
        self._target = target
        self._source = source
        self._codec = Codec(source)
        self._write_letters = write_letters
        self._run_id = run_id
        self._writers: dict[tuple[str, bytes | None], ContainerWriter] = {}
        self._inserter = ThreadPoolExecutor(1, thread_name_prefix="insert")
        self._under_way: InsertUnderWay | None = None
        self._column_writers: dict[tuple[str, bytes], ColumnWriter | None] = {}
        self._letters = ContainerWriter(dead_letter_rows.SCHEMA, run_id)

    def land(self, topic: str, batches: Sequence[ColumnBatch]) -> None:
        """Lands records of one topic; of each partition they are in the order of their offsets.

        Raises:
            SinkError: ClickHouse or the tables are not as they must be.
            RegistryUnavailable: a schema can't be had now.
            LogUnavailable: a dead letter could not be written.
        """
        batches = sorted(batches, key=lambda batch: batch.partition)
        if topic.startswith(DLQ_PREFIX):
            self.settle()
            self._land_dead_letters(topic, _records(batches))
            return
        # While the block before is inserted.
        block = self._columns(topic, batches)
        self.settle()
        if block is None:
            self._land_records(topic, _records(batches))
            return
        send = partial(self._target.insert_block, topic, spans(batches), block, NATIVE)
        self._under_way = InsertUnderWay(topic, batches, send, self._inserter.submit(send))

    @property
    def is_done(self) -> bool:
        """Whether settle() would not wait."""
        inserted = None if self._under_way is None else self._under_way.inserted
        return inserted is None or inserted.done()

    def settle(self) -> None:
        """Waits until all that was given to land() has landed. Raises as land() does; may be called again then."""
        if self._under_way is None:
            return
        topic, batches, send, inserted = self._under_way
        self._under_way = self._under_way._replace(inserted=None)
        try:
            send() if inserted is None else inserted.result()
        except BlockRefused as refused:
            log.info("%s: a block goes record by record: %.300s", topic, refused)
            self._land_records(topic, _records(batches))
        self._under_way = None

    def close(self) -> None:
        """Waits for the insert under way, which must not be wanted any more."""
        self._inserter.shutdown(cancel_futures=True)

    def _columns(self, topic: str, batches: list[ColumnBatch]) -> bytes | None:
        """A large block of like records that are all as they should be, as columns; None for any other."""
        values = [value for batch in batches for value in batch.values if value is not None]
        if len(values) < COLUMNS_FROM or len(values) < sum(map(len, batches)):
            return None
        writer = self._column_writer(topic, values[0][: HEADER.size])
        try:
            return None if writer is None else writer.build(batches, values)
        except UnusualRecord as reason:
            log.info("%s: a block goes record by record: %s", topic, reason)
            return None

    def _land_records(self, topic: str, records: list[RawRecord]) -> None:
        # A null value is a tombstone of a compacted topic: no record.
        present = [record for record in records if record.value is not None or not BY_NAME[topic].compacted]
        # All writers come first, so that an unreachable registry finds nothing half done.
        writers, complaints = self._judge(topic, {_header(record) for record in present})
        for bad, run in groupby(present, key=lambda record: _header(record) in complaints):
            if bad:
                self._bury([(record, complaints[_header(record)]) for record in run])
                continue
            for header, part in groupby(run, key=_header):
                self._land_run(topic, writers[header], list(part))

    def _land_run(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        try:
            self._insert(topic, writer, records)
        except BlockRefused:
            # Our decoder suspects most of the bad ones without asking; ClickHouse judges each of them alone.
            for suspect, run in groupby(records, key=lambda record: self._complaint(record) is not None):
                for part in [[record] for record in run] if suspect else [list(run)]:
                    self._land_by_halves(topic, writer, part)

    def _land_by_halves(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        try:
            self._insert(topic, writer, records)
        except BlockRefused as refused:
            if len(records) == 1:
                complaint = self._complaint(records[0])
                if complaint is not None:
                    self._bury([(records[0], complaint)])
                elif not self._land_as_understood(records[0]):
                    self._write_letters([_letter(records[0], UndecodableRecord("REFUSED_BY_CLICKHOUSE", str(refused)))])
                return
            middle = len(records) // 2
            self._land_by_halves(topic, writer, records[:middle])
            self._land_by_halves(topic, writer, records[middle:])

    def _land_as_understood(self, record: RawRecord) -> bool:
        """Lands what our decoder reads where ClickHouse's does not: a shard has processed it. Whether it did land."""
        if record.topic not in MESSAGE_CLASSES:
            return False
        value = self._codec.encode(record.topic, self._codec.decode(record.topic, record.value or b""))
        try:
            self._insert(record.topic, self._writer(record.topic, value[: HEADER.size]), [record._replace(value=value)])
        except BlockRefused:
            return False
        return True

    def _insert(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        rows = [Row(r.partition, r.offset, r.timestamp_ns // NANOS_PER_MS, _body(r)) for r in records]
        self._target.insert(topic, rows, writer.build(rows))

    def _land_dead_letters(self, topic: str, records: Sequence[RawRecord]) -> None:
        rows = [
            Row(r.partition, r.offset, r.timestamp_ns // NANOS_PER_MS, dead_letter_rows.row_body(r)) for r in records
        ]
        try:
            self._target.insert(topic, rows, self._letters.build(rows))
        except BlockRefused as refused:
            raise SinkError(f"{topic}: ClickHouse refuses rows of dead_letters: {refused}") from refused

    def _bury(self, unreadable_records: list[tuple[RawRecord, UndecodableRecord]]) -> None:
        """Of records that our decoder refuses, those that no shard reads get a letter."""
        letters = [_letter(*item) for item in unreadable_records if item[0].topic not in SHARD_INPUTS]
        if letters:
            self._write_letters(letters)

    def _complaint(self, record: RawRecord) -> UndecodableRecord | None:
        """What our decoder says against a record, where it knows the topic."""
        if record.topic not in MESSAGE_CLASSES:
            return None
        try:
            self._codec.decode(record.topic, record.value or b"")
        except UndecodableRecord as error:
            return error
        return None

    def _judge(
        self, topic: str, headers: set[bytes | None]
    ) -> tuple[dict[bytes | None, ContainerWriter], dict[bytes | None, UndecodableRecord]]:
        """Writers for wire format headers, and what is wrong with every record that begins with one of the others."""
        writers: dict[bytes | None, ContainerWriter] = {}
        complaints: dict[bytes | None, UndecodableRecord] = {}
        for header in headers:
            try:
                writers[header] = self._writer(topic, header)
            except UndecodableRecord as error:
                complaints[header] = error  # For this block: rubbish has no end, and an id may be registered later.
        return writers, complaints

    def _writer(self, topic: str, header: bytes | None) -> ContainerWriter:
        known = self._writers.get((topic, header))
        if known is None:
            known = self._writers[topic, header] = ContainerWriter(self._writer_schema(topic, header), self._run_id)
        return known

    def _column_writer(self, topic: str, header: bytes) -> ColumnWriter | None:
        if (topic, header) not in self._column_writers:
            try:
                schema = self._writer_schema(topic, header)
            except UndecodableRecord:
                return None
            self._column_writers[topic, header] = ColumnWriter.of(schema, load_schema(topic), self._run_id)
        return self._column_writers[topic, header]

    def _writer_schema(self, topic: str, header: bytes | None) -> dict[str, Any]:
        if header is None:
            raise UndecodableRecord("NULL_VALUE", f"a record of {topic} needs a value")
        if not header:
            raise UndecodableRecord("EMPTY_VALUE", f"a record of {topic} needs a value in Confluent wire format")
        if len(header) < HEADER.size or header[0] != MAGIC:
            text = f"a record of {topic} must begin with byte 0 and a schema id of 4 bytes; it begins {header.hex()}"
            raise UndecodableRecord("WRONG_MAGIC", text)
        schema_id = HEADER.unpack(header)[1]
        schema = self._source.schema_by_id(schema_id)
        try:
            problems = unreadable(schema, load_schema(topic))
        except NOT_A_SCHEMA as error:
            problems = [f"{type(error).__name__} {error}"]
        if problems:
            raise UndecodableRecord("WRONG_SCHEMA", f"schema id {schema_id} is none of {topic}: {problems[0]}")
        record_schema: dict[str, Any] = schema
        return record_schema


def _records(batches: Sequence[ColumnBatch]) -> list[RawRecord]:
    return [record for batch in batches for record in batch.records()]


def _letter(record: RawRecord, complaint: UndecodableRecord) -> RawOutput:
    return dead_letter(record, dead_letter_rows.STAGE, BadRecord(complaint.error_class, str(complaint)))


def _header(record: RawRecord) -> bytes | None:
    return None if record.value is None else record.value[: HEADER.size]


def _body(record: RawRecord) -> bytes:
    assert record.value is not None
    return record.value[HEADER.size :]
