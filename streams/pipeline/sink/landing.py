"""Landing: inserts a topic's records into its table in order, in whole blocks, and sorts out unreadable records."""

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
from streams.pipeline.sink.row_counts import RowCounts
from streams.pipeline.sink.tables import NATIVE, BlockRefused, Spans
from streams.pipeline.sink.transpose import UnusualRecord

COLUMNS_FROM = 500
"""Number of rows from which transposing a block is cheaper than letting ClickHouse parse its records."""
SHARD_INPUTS = frozenset(topic for kind in KINDS for topic in kind.inputs)
"""Topics whose dead letters a shard writes, in the transaction that takes the record."""

log = logging.getLogger(__name__)


class BlockTarget(Protocol):
    """The tables that blocks are inserted into; implemented by streams.pipeline.sink.tables.Tables."""

    def insert(self, topic: str, rows: Sequence[Row], container: bytes) -> None:
        """Inserts a block of encoded records. Raises BlockRefused."""
        ...

    def insert_block(self, topic: str, spans: Spans, block: bytes, form: str) -> None:
        """Inserts a block in a ClickHouse format. Raises BlockRefused."""
        ...


class InsertUnderWay(NamedTuple):
    """A block that is being inserted. batches: its records, needed if it is refused. send: inserts it again."""

    topic: str
    batches: list[ColumnBatch]
    send: Callable[[], None]
    inserted: Future[None] | None


class Landing:
    """The landing of a run's records. A thread inserts a block of columns while the next block is built.

    A record is inserted only after all earlier records of its partition have become rows or dead letters, so that a
    restart may continue behind the highest row. The sink writes no dead letter for a record that a shard refuses,
    because the shard writes one.

    Attributes:
        counts: the rows of each partition.

    Args:
        write_letters: writes dead letters, as DeadLetterWriter.write does.
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
        self.counts = RowCounts()

    def land(self, topic: str, batches: Sequence[ColumnBatch]) -> None:
        """Lands records of a topic, ordered by offset within a partition. May return while the block is being inserted.

        Raises:
            SinkError: ClickHouse stays away, or a table differs from its schema.
            RegistryUnavailable: the registry does not deliver a schema.
            LogUnavailable: a dead letter could not be written.
        """
        batches = sorted(batches, key=lambda batch: batch.partition)
        if topic.startswith(DLQ_PREFIX):
            self.settle()
            self._land_dead_letters(topic, _records(batches))
            return
        # The block is built while the one before it is being inserted.
        block = self._columns(topic, batches)
        self.settle()
        if block is None:
            self._land_records(topic, _records(batches))
            return
        send = partial(self._target.insert_block, topic, spans(batches), block, NATIVE)
        self._under_way = InsertUnderWay(topic, batches, send, self._inserter.submit(send))

    @property
    def is_done(self) -> bool:
        """True if settle() would not wait."""
        inserted = None if self._under_way is None else self._under_way.inserted
        return inserted is None or inserted.done()

    def settle(self) -> None:
        """Waits until all records that land() took have landed. Raises as land() does, and may then be called again."""
        if self._under_way is None:
            return
        topic, batches, send, inserted = self._under_way
        self._under_way = self._under_way._replace(inserted=None)
        try:
            send() if inserted is None else inserted.result()
        except BlockRefused as refused:
            log.info("%s: a block goes record by record: %.300s", topic, refused)
            self._land_records(topic, _records(batches))
        else:
            for number, span in spans(batches).items():
                self.counts.add((topic, number), span.last, span.rows)
        self._under_way = None

    def close(self) -> None:
        """Waits for the running insert, whose result is ignored."""
        self._inserter.shutdown(cancel_futures=True)

    def _columns(self, topic: str, batches: list[ColumnBatch]) -> bytes | None:
        """Builds a block of columns. Returns None if it is small, or if its records differ or are unusual."""
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
        # A null value in a compacted topic is a tombstone, not a record.
        present = [record for record in records if record.value is not None or not BY_NAME[topic].compacted]
        # All writers come first, so that nothing has been inserted yet if the registry does not answer.
        writers, errors = self._sort_headers(topic, {_header(record) for record in present})
        judged = [(record, errors.get(_header(record)) or self._own_error(record)) for record in present]
        for good, run in groupby(judged, key=lambda item: item[1] is None):
            if not good:
                self._refuse([(record, error) for record, error in run if error is not None])
                continue
            for header, part in groupby((record for record, _ in run), key=_header):
                self._land_run(topic, writers[header], list(part))

    def _land_run(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        try:
            self._insert(topic, writer, records)
        except BlockRefused:
            # The records that our decoder refuses are a shard's inputs here, so the shard writes their letters.
            readable = [record for record in records if self._decode_error(record) is None]
            if readable:
                self._land_by_halves(topic, writer, readable)

    def _land_by_halves(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        try:
            self._insert(topic, writer, records)
        except BlockRefused as refused:
            if len(records) == 1:
                if not self._land_as_understood(records[0]):
                    self._write_letters(
                        [_letter(records[0], UndecodableRecord(dead_letter_rows.REFUSED_BY_CLICKHOUSE, str(refused)))]
                    )
                return
            middle = len(records) // 2
            self._land_by_halves(topic, writer, records[:middle])
            self._land_by_halves(topic, writer, records[middle:])

    def _land_as_understood(self, record: RawRecord) -> bool:
        """Inserts a record, encoded anew, that our decoder can read and ClickHouse's can't. Returns whether it landed.

        It must not become a dead letter if it can land, because a shard may have processed it.
        """
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
        self._count(topic, rows)

    def _count(self, topic: str, rows: list[Row]) -> None:
        for row in rows:
            self.counts.add((topic, row.partition), row.offset)

    def _land_dead_letters(self, topic: str, records: Sequence[RawRecord]) -> None:
        rows = [dead_letter_rows.row_of(record) for record in records]
        try:
            self._target.insert(topic, rows, self._letters.build(rows))
        except BlockRefused as refused:
            raise SinkError(f"{topic}: ClickHouse refuses rows of dead_letters: {refused}") from refused
        self._count(topic, rows)

    def _refuse(self, unreadable_records: list[tuple[RawRecord, UndecodableRecord]]) -> None:
        """Writes dead letters for unreadable records, unless a shard reads their topic and writes the letters."""
        letters = [_letter(*item) for item in unreadable_records if item[0].topic not in SHARD_INPUTS]
        if letters:
            self._write_letters(letters)

    def _own_error(self, record: RawRecord) -> UndecodableRecord | None:
        """Returns our decoder's error for a record that no shard reads.

        ClickHouse takes some records that our decoder refuses, such as one with bytes behind its end.
        """
        return None if record.topic in SHARD_INPUTS else self._decode_error(record)

    def _decode_error(self, record: RawRecord) -> UndecodableRecord | None:
        """Returns our decoder's error for a record; None if it can read the record or does not know the topic."""
        if record.topic not in MESSAGE_CLASSES:
            return None
        try:
            self._codec.decode(record.topic, record.value or b"")
        except UndecodableRecord as error:
            return error
        return None

    def _sort_headers(
        self, topic: str, headers: set[bytes | None]
    ) -> tuple[dict[bytes | None, ContainerWriter], dict[bytes | None, UndecodableRecord]]:
        """Returns a writer for each usable wire format header, and the error of each other header."""
        ids = self._source.unknown(topic, {HEADER.unpack(item)[1] for item in headers if item and _is_header(item)})
        if ids:
            self._source.learn(topic, ids)
        writers: dict[bytes | None, ContainerWriter] = {}
        errors: dict[bytes | None, UndecodableRecord] = {}
        for header in headers:
            try:
                writers[header] = self._writer(topic, header)
            except UndecodableRecord as error:
                # Not cached: there may be any number of bad headers, and an unknown id may be registered later.
                errors[header] = error
        return writers, errors

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
        if not _is_header(header):
            text = f"a record of {topic} must begin with byte 0 and a schema id of 4 bytes; it begins {header.hex()}"
            raise UndecodableRecord("WRONG_MAGIC", text)
        schema_id = HEADER.unpack(header)[1]
        schema = self._source.schema_by_id(topic, schema_id)
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


def _letter(record: RawRecord, error: UndecodableRecord) -> RawOutput:
    return dead_letter(record, dead_letter_rows.STAGE, BadRecord(error.error_class, str(error)))


def _header(record: RawRecord) -> bytes | None:
    return None if record.value is None else record.value[: HEADER.size]


def _is_header(header: bytes) -> bool:
    return len(header) == HEADER.size and header[0] == MAGIC


def _body(record: RawRecord) -> bytes:
    assert record.value is not None
    return record.value[HEADER.size :]
