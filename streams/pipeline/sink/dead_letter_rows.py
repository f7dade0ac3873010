"""What lies on the dlq topics as rows of the table dead_letters."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro

from streams.pipeline.journal.raw_records import RawRecord

STAGE = "sink"
DIGITS_MAX = 19
FROM_HEADERS = {"topic", "partition", "offset", "stage", "error_class", "message"}

# Keys, values and headers are bytes that nobody vouches for; ClickHouse takes them into String as they are.
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


def row_body(record: RawRecord) -> bytes:
    """A record of a dlq topic as a row of dead_letters. One without our headers has empty columns and place -1."""
    headers = dict(record.headers)
    source_partition, source_offset = place(headers)
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


def place(headers: dict[str, bytes]) -> tuple[int, int]:
    """Partition and offset of the record that a dead letter was; -1 for what its headers do not say."""
    return _number(headers.get("partition"), 2**31), _number(headers.get("offset"), 2**63)


def _number(text: bytes | None, limit: int) -> int:
    if text is None or not text.isdigit() or len(text) > DIGITS_MAX:
        return -1
    return int(text) if int(text) < limit else -1
