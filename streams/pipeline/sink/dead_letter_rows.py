"""Records of the dlq topics as rows of the table dead_letters."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro

from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.journal.dead_letters import source_place
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.sink.avro_container import Row

STAGE = "sink"
REFUSED_BY_CLICKHOUSE = "REFUSED_BY_CLICKHOUSE"
"""The error class of a record that is one of its topic, but can't become a row."""
FROM_HEADERS = {"topic", "partition", "offset", "stage", "error_class", "message"}

# Keys, values and headers are arbitrary bytes, which ClickHouse stores unchanged in String columns.
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "DeadLetter",
    "fields": [
        {"name": "topic", "type": "string"},
        {"name": "record_key", "type": ["null", "bytes"]},
        {"name": "record_value", "type": "bytes"},
        {"name": "source_topic", "type": "bytes"},
        {"name": "source_partition", "type": "int"},
        {"name": "source_offset", "type": "long"},
        {"name": "stage", "type": "bytes"},
        {"name": "error_class", "type": "bytes"},
        {"name": "message", "type": "bytes"},
        {"name": "headers", "type": {"type": "map", "values": "bytes"}},
    ],
}
_PARSED = fastavro.parse_schema(SCHEMA)


def row_of(record: RawRecord) -> Row:
    """Returns a record of a dlq topic as a row. Without our headers, its columns are empty and its place is -1."""
    return Row(record.partition, record.offset, record.timestamp_ns // NANOS_PER_MS, _body(record))


def _body(record: RawRecord) -> bytes:
    headers = dict(record.headers)
    source_partition, source_offset = source_place(headers)
    buffer = BytesIO()
    row = {
        "topic": record.topic,
        "record_key": record.key,
        "record_value": record.value or b"",
        "source_topic": headers.get("topic", b""),
        "source_partition": source_partition,
        "source_offset": source_offset,
        "stage": headers.get("stage", b""),
        "error_class": headers.get("error_class", b""),
        "message": headers.get("message", b""),
        "headers": {name: value for name, value in headers.items() if name not in FROM_HEADERS},
    }
    fastavro.schemaless_writer(buffer, _PARSED, row)
    return buffer.getvalue()
