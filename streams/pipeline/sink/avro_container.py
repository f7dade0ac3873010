"""Avro container files made of encoded records: the place in Kafka is encoded here, the body is copied.

Avro records have no framing, so the encoded fields of the place followed by the original body are a record of a schema
with all these fields. Each record is a container block of its own. A body that is too short or too long can then not
shift the records behind it (measured: ClickHouse reads such files as fast as files with large blocks).

Source: the Apache Avro 1.12 specification, "Object Container Files" and "Binary Encoding".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
ONE_RECORD = b"\x02"
PLACE_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "run_id", "type": "string"},
    {"name": "partition", "type": "int"},
    {"name": "offset", "type": "long"},
    {"name": "kafka_timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
)


PLACE_NAMES = frozenset(field["name"] for field in PLACE_FIELDS)


class Row(NamedTuple):
    """A record that is to become a row.

    Attributes:
        timestamp_ms: Kafka's, UTC epoch milliseconds.
        body: Avro, without the header of the wire format.
    """

    partition: int
    offset: int
    timestamp_ms: int
    body: bytes


def _with_free_name(field: dict[str, Any]) -> dict[str, Any]:
    """Renames a writer's field that has the name of a place field. Neither name has a column for it."""
    return field | {"name": f"writers_{field['name']}"} if field["name"] in PLACE_NAMES else field


def encode_long(number: int) -> bytes:
    """Encodes an Avro int or long: zigzag, then 7 bits in each byte, the lowest first."""
    return _encode_unsigned((number << 1) ^ (number >> 63))


def _encode_unsigned(rest: int) -> bytes:
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def encode_bytes(data: bytes) -> bytes:
    """Encodes an Avro bytes or string."""
    return encode_long(len(data)) + data


# The offsets of a block differ mainly in their low bits. The 13 low bits of a number give two whole bytes of its zigzag
# encoding, which are looked up.
_LOW_BITS = 13
_LOW_MASK = (1 << _LOW_BITS) - 1
_SMALL = tuple(encode_long(n) for n in range(_LOW_MASK + 1))
_LOW = tuple(bytes((n << 1 & 0x7F | 0x80, n >> 6 | 0x80)) for n in range(_LOW_MASK + 1))


class ContainerWriter:
    """A builder of containers for one writer schema and run. Equal rows give equal bytes."""

    def __init__(self, schema: dict[str, Any], run_id: str) -> None:
        placed = schema | {"fields": [*PLACE_FIELDS, *map(_with_free_name, schema["fields"])]}
        text = json.dumps(placed, separators=(",", ":")).encode()
        metadata = {b"avro.schema": text, b"avro.codec": b"null"}
        pairs = b"".join(encode_bytes(key) + encode_bytes(value) for key, value in metadata.items())
        self._sync = hashlib.sha256(text).digest()[:SYNC_BYTES]
        self._header = MAGIC + encode_long(len(metadata)) + pairs + encode_long(0) + self._sync
        self._run_id = encode_bytes(run_id.encode())

    def build(self, rows: Iterable[Row]) -> bytes:
        """Builds the container of rows, in their order."""
        parts = [self._header]
        append, sync = parts.append, self._sync
        places: dict[int, bytes] = {}
        last_high, high = -1, b""
        last_timestamp: int | None = None
        time = b""
        for partition, offset, timestamp_ms, body in rows:
            if partition not in places:
                places[partition] = self._run_id + encode_long(partition)
            if timestamp_ms != last_timestamp:
                last_timestamp, time = timestamp_ms, encode_long(timestamp_ms)
            if offset <= _LOW_MASK:
                place = places[partition] + _SMALL[offset] + time
            else:
                if offset >> _LOW_BITS != last_high:
                    last_high, high = offset >> _LOW_BITS, _encode_unsigned(offset >> _LOW_BITS)
                place = places[partition] + _LOW[offset & _LOW_MASK] + high + time
            size = len(place) + len(body)
            append(ONE_RECORD + (_SMALL[size] if size <= _LOW_MASK else encode_long(size)) + place)
            append(body)
            append(sync)
        return b"".join(parts)
