"""Brings a topic's records into its table in their order: whole blocks, and around records that can't be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Protocol

from infra.topics import DLQ_PREFIX
from schemas.catalog import MESSAGE_CLASSES, load_schema
from schemas.codec import HEADER, MAGIC, Codec, SchemaSource
from schemas.compatibility import unreadable
from schemas.errors import RegistryUnavailable, UndecodableRecord
from streams.errors import SinkError
from streams.journal.dead_letters import BadRecord, dead_letter
from streams.journal.records import RawOutput, RawRecord
from streams.sink import dead_letters
from streams.sink.container import PLACE_FIELDS, ContainerWriter, Row
from streams.sink.tables import Refused

NANOS_PER_MS = 1_000_000


class Target(Protocol):
    """Where blocks go: streams.sink.tables.Tables."""

    def insert(self, topic: str, rows: Sequence[Row], container: bytes) -> None:
        """Inserts a block or raises Refused."""
        ...


class Landing:
    """Lands the records of one run.

    All records of a partition before one that is inserted or dead-lettered have been so themselves: a restart may
    go on behind the highest.

    Args:
        write_dead_letter: returns when the broker has it.
    """

    def __init__(
        self, target: Target, source: SchemaSource, write_dead_letter: Callable[[RawOutput], None], run_id: str
    ) -> None:
        self._target = target
        self._source = source
        self._codec = Codec(source)
        self._write_dead_letter = write_dead_letter
        self._run_id = run_id
        self._writers: dict[tuple[str, bytes], ContainerWriter] = {}
        self._letters = ContainerWriter(dead_letters.SCHEMA, run_id)

    def land(self, topic: str, records: Sequence[RawRecord]) -> None:
        """Lands records of one topic; of each partition they are in the order of their offsets.

        Raises:
            SinkError: ClickHouse or the tables are not as they must be.
            RegistryUnavailable: a schema can't be had now.
            LogUnavailable: a dead letter could not be written.
        """
        if topic.startswith(DLQ_PREFIX):
            self._land_dead_letters(topic, records)
            return
        # A null value is a tombstone of a compacted topic: no record.
        present = [record for record in records if record.value is not None]
        present.sort(key=lambda record: record.partition)
        # All writers come first, so that an unreachable registry finds nothing half done.
        writers = {header: self._writer(topic, header) for header in dict.fromkeys(map(_header, present))}
        for header, run in groupby(present, key=_header):
            self._land_run(topic, writers[header], list(run))

    def _land_run(self, topic: str, writer: ContainerWriter | UndecodableRecord, records: list[RawRecord]) -> None:
        if isinstance(writer, UndecodableRecord):
            for record in records:
                self._bury(record, writer)
            return
        try:
            self._insert(topic, writer, records)
        except Refused:
            # Our decoder suspects most of the bad ones without asking; ClickHouse judges each of them alone.
            for suspect, run in groupby(records, key=lambda record: self._complaint(record) is not None):
                for part in [[record] for record in run] if suspect else [list(run)]:
                    self._land_by_halves(topic, writer, part)

    def _land_by_halves(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        try:
            self._insert(topic, writer, records)
        except Refused as refused:
            if len(records) == 1:
                reason = self._complaint(records[0])
                self._bury(records[0], reason or UndecodableRecord("REFUSED_BY_CLICKHOUSE", str(refused)))
                return
            middle = len(records) // 2
            self._land_by_halves(topic, writer, records[:middle])
            self._land_by_halves(topic, writer, records[middle:])

    def _insert(self, topic: str, writer: ContainerWriter, records: list[RawRecord]) -> None:
        rows = [Row(r.partition, r.offset, r.timestamp_ns // NANOS_PER_MS, _body(r)) for r in records]
        self._target.insert(topic, rows, writer.build(rows))

    def _land_dead_letters(self, topic: str, records: Sequence[RawRecord]) -> None:
        rows = [Row(r.partition, r.offset, r.timestamp_ns // NANOS_PER_MS, dead_letters.row_body(r)) for r in records]
        try:
            self._target.insert(topic, rows, self._letters.build(rows))
        except Refused as refused:
            raise SinkError(f"{topic}: ClickHouse refuses rows of dead_letters: {refused}") from refused

    def _bury(self, record: RawRecord, reason: UndecodableRecord) -> None:
        letter = dead_letter(record, dead_letters.STAGE, BadRecord(reason.error_class, str(reason)))
        # Another run may take the same record to its table: whose refusal this is decides where that run goes on.
        self._write_dead_letter(letter._replace(headers=(*letter.headers, ("run_id", self._run_id.encode()))))

    def _complaint(self, record: RawRecord) -> UndecodableRecord | None:
        """What our decoder says against a record, as far as it knows."""
        if record.topic not in MESSAGE_CLASSES:
            return None
        try:
            self._codec.decode(record.topic, record.value or b"")
        except UndecodableRecord as error:
            return error
        except RegistryUnavailable:
            return None
        return None

    def _writer(self, topic: str, header: bytes) -> ContainerWriter | UndecodableRecord:
        """The writer for a wire format header, or what is wrong with every record that begins so."""
        known = self._writers.get((topic, header))
        if known is not None:
            return known
        try:
            writer = ContainerWriter(self._writer_schema(topic, header), self._run_id)
        except UndecodableRecord as error:
            return error  # Not remembered: rubbish has no end, and an unknown id may be registered later.
        self._writers[topic, header] = writer
        return writer

    def _writer_schema(self, topic: str, header: bytes) -> dict[str, Any]:
        if not header:
            raise UndecodableRecord("EMPTY_VALUE", f"a record of {topic} needs a value in Confluent wire format")
        if len(header) < HEADER.size or header[0] != MAGIC:
            text = f"a record of {topic} must begin with byte 0 and a schema id of 4 bytes; it begins {header.hex()}"
            raise UndecodableRecord("WRONG_MAGIC", text)
        schema_id = HEADER.unpack(header)[1]
        schema = self._source.schema_by_id(schema_id)
        complaint = _difference(schema, load_schema(topic))
        if complaint:
            raise UndecodableRecord("WRONG_SCHEMA", f"schema id {schema_id} is none of {topic}: {complaint}")
        return schema


def _header(record: RawRecord) -> bytes:
    assert record.value is not None
    return record.value[: HEADER.size]


def _body(record: RawRecord) -> bytes:
    assert record.value is not None
    return record.value[HEADER.size :]


def _difference(writer: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Why a writer schema's records can't become rows; None where they can."""
    problems = unreadable(writer, ours)
    if problems:
        return problems[0]
    taken = {field["name"] for field in PLACE_FIELDS} & {field["name"] for field in writer["fields"]}
    return f"field {min(taken)} is the sink's own" if taken else None
