"""Conversion of the Native format from revision 0, which chDB writes, to the revision that clickhouse-go demands.

Grafana's data source uses clickhouse-go. From revision 54454 on, a block begins with its block info, and each column
has a byte that says whether its serialization is custom. A column has no length field: its end follows from its type.

Source: the ClickHouse documentation, "Native protocol" (Block, BlockInfo) and "Native format".
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.container import Array, Map, Nested, Tuple
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.datatypes.special import Nothing
from clickhouse_connect.datatypes.string import String

from infra.chdb import protocol
from infra.chdb.protocol import QueryError

CUSTOM_SERIALIZATION_REVISION = 54454
# Field 1: no overflow rows. Field 2: no bucket (-1). End of fields.
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
DEFAULT_SERIALIZATION = b"\x00"
LONG_BYTES = 8


def newer_blocks(chunks: Generator[bytes]) -> Generator[bytes]:
    """Converts chunks of whole blocks. Closing the generator closes the chunks."""
    try:
        for chunk in chunks:
            yield newer(chunk)
    finally:
        chunks.close()


def newer(data: bytes) -> bytes:
    """Converts whole blocks of revision 0.

    Raises:
        QueryError: the size of a column's type is unknown.
    """
    parts: list[bytes] = []
    start = 0
    while start < len(data):
        parts.append(BLOCK_INFO)
        columns = _varint(data, start)
        rows = _varint(data, columns.end)
        place = rows.end
        for _ in range(columns.value):
            place = _after_text(data, place)
            name = _varint(data, place)
            place = name.end + name.value
            parts += [data[start:place], DEFAULT_SERIALIZATION]
            start = place
            if rows.value:
                kind = get_from_name(data[name.end : place].decode())
                place = _after_column(kind, data, place + _prefix_bytes(kind), rows.value)
        parts.append(data[start:place])
        start = place
    return b"".join(parts)


class _Number(NamedTuple):
    value: int
    end: int


def _varint(data: bytes, place: int) -> _Number:
    value = shift = 0
    while data[place] & 0x80:
        value |= (data[place] & 0x7F) << shift
        shift += 7
        place += 1
    return _Number(value | data[place] << shift, place + 1)


def _after_text(data: bytes, place: int) -> int:
    size = _varint(data, place)
    return size.end + size.value


def _inner_types(kind: ClickHouseType) -> list[ClickHouseType]:
    if isinstance(kind, Array):
        return [kind.element_type]
    if isinstance(kind, Map):
        return [kind.key_type, kind.value_type]
    if isinstance(kind, Nested | Tuple):
        return list(kind.element_types)
    return []


def _prefix_bytes(kind: ClickHouseType) -> int:
    """Returns the size of a column's prefix, which holds the version of each dictionary in the column."""
    return (LONG_BYTES if kind.low_card else 0) + sum(map(_prefix_bytes, _inner_types(kind)))


def _after_column(kind: ClickHouseType, data: bytes, place: int, rows: int) -> int:
    """Returns the index behind the values of a column."""
    if not rows:
        return place
    if kind.low_card:
        return _after_dictionary(kind, data, place)
    if kind.nullable and not isinstance(kind, Nothing):
        place += rows
    if isinstance(kind, Array | Map | Nested):
        # The cumulative sizes come first.
        place += rows * LONG_BYTES
        rows = _long(data, place - LONG_BYTES)
    inner = _inner_types(kind)
    for element in inner:
        place = _after_column(element, data, place, rows)
    return place if inner else _after_plain(kind, data, place, rows)


def _after_plain(kind: ClickHouseType, data: bytes, place: int, rows: int) -> int:
    if isinstance(kind, String):
        for _ in range(rows):
            place = _after_text(data, place)
        return place
    if not kind.byte_size:
        raise QueryError.of(protocol.NOT_IMPLEMENTED, f"{kind.name} in Native of a newer revision; read another format")
    return place + rows * kind.byte_size


def _after_dictionary(kind: ClickHouseType, data: bytes, place: int) -> int:
    """Returns the index behind a LowCardinality column: flags (low byte: index width), keys, indexes."""
    index_bytes = 1 << (_long(data, place) & 0xFF)
    place += LONG_BYTES
    place = _after_plain(kind, data, place + LONG_BYTES, _long(data, place))
    return place + LONG_BYTES + _long(data, place) * index_bytes


def _long(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + LONG_BYTES], "little")
