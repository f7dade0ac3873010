"""Avro container files from encoded bodies: a record is its place in Kafka, encoded here, and its body as it came.

Avro records have no frame, so the fields of the place before the original body are a record of the schema that has
their fields first. Each record is a container block of its own: a body that is too short or too long then ends within
its block and can't shift what follows into rubbish that parses (measured: ClickHouse reads both forms equally fast).

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
    """A record on its way to a table.

    Attributes:
        timestamp_ms: Kafka's, UTC epoch milliseconds.
        body: Avro, without the header of the wire format.
    """

    partition: int
    offset: int
    timestamp_ms: int
    body: bytes


def _with_free_name(field: dict[str, Any]) -> dict[str, Any]:
    """A writer's own extra field may have the name of one of ours; no column takes it under any name."""
    return field | {"name": f"writers_{field['name']}"} if field["name"] in PLACE_NAMES else field


def encode_long(number: int) -> bytes:
    """An Avro int or long: zigzag, then 7 bits a byte from the lowest."""
    return _encode_unsigned((number << 1) ^ (number >> 63))


def _encode_unsigned(rest: int) -> bytes:
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def encode_bytes(data: bytes) -> bytes:
    """An Avro bytes or string."""
    return encode_long(len(data)) + data


# Offsets of a block differ in their low bits only. 13 bits of a number are 14 of its zigzag: two whole bytes.
_LOW_BITS = 13
_LOW_MASK = (1 << _LOW_BITS) - 1
_SMALL = tuple(encode_long(n) for n in range(_LOW_MASK + 1))
_LOW = tuple(bytes((n << 1 & 0x7F | 0x80, n >> 6 | 0x80)) for n in range(_LOW_MASK + 1))


class ContainerWriter:
    """Builds containers of one writer schema for one run. Equal rows give equal bytes."""

    def __init__(self, schema: dict[str, Any], run_id: str) -> None:
        placed = schema | {"fields": [*PLACE_FIELDS, *map(_with_free_name, schema["fields"])]}
        text = json.dumps(placed, separators=(",", ":")).encode()
        metadata = {b"avro.schema": text, b"avro.codec": b"null"}
        pairs = b"".join(encode_bytes(key) + encode_bytes(value) for key, value in metadata.items())
        self._sync = hashlib.sha256(text).digest()[:SYNC_BYTES]
        self._header = MAGIC + encode_long(len(metadata)) + pairs + encode_long(0) + self._sync
        self._run_id = encode_bytes(run_id.encode())

    def build(self, rows: Iterable[Row]) -> bytes:
        """The container of some rows, in their order."""
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
