"""Blocks in ClickHouse's Native format, which holds columns as in memory, so that an insert needs no parsing.

Source: the ClickHouse documentation, "Native format"; for LowCardinality its SerializationLowCardinality.cpp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import numpy as np

from streams.pipeline.sink.transpose import Cells, Column, ColumnField, Flags

PLAIN = {"string": "String", "int": "Int32", "long": "Int64", "boolean": "Bool", "nanos": "DateTime64(9, 'UTC')"}
KEYS_VERSION = struct.pack("<q", 1)
OWN_KEYS_BYTE_INDICES = 1 << 9
"""Flags: the block holds its own dictionary, and indices are bytes."""
LOW_CARDINALITY = struct.Struct("<qq")


def block(rows: int, columns: Iterable[bytes]) -> bytes:
    """Encodes a block. columns: encoded columns with as many rows each."""
    parts = list(columns)
    return b"".join((_size(len(parts)), _size(rows), *parts))


def column(pieces: Sequence[Column]) -> bytes:
    """Encodes the column of a field from its pieces, which follow each other."""
    field = pieces[0].field
    absent = [piece.absent for piece in pieces if piece.absent is not None]
    if field.kind == "enum":
        indices = np.concatenate([piece.cells for piece in pieces])
        return _enum(field, indices, np.concatenate(absent) if absent else None)
    kind = f"Decimal({field.digits}, {field.scale})" if field.kind == "decimal" else PLAIN[field.kind]
    head = _head(field.name, f"Nullable({kind})" if absent else kind)
    return b"".join((head, *(flags.tobytes() for flags in absent), *(piece.cells.tobytes() for piece in pieces)))


def numbers(name: str, kind: str, cells: Cells) -> bytes:
    """Encodes a column of numbers. kind: ClickHouse type, with the layout of the cells."""
    return _head(name, kind) + cells.tobytes()


def same_text(name: str, text: str, rows: int) -> bytes:
    """Encodes a column with the same text in all rows."""
    return _low_cardinality(name, "String", [text], np.zeros(rows, np.uint8))


def _enum(field: ColumnField, indices: Cells, absent: Flags | None) -> bytes:
    if absent is None:
        return _low_cardinality(field.name, "String", field.symbols, indices)
    # The first key stands for null.
    return _low_cardinality(field.name, "Nullable(String)", ("", *field.symbols), np.where(absent, 0, indices + 1))


def _low_cardinality(name: str, kind: str, keys: Iterable[str], indices: Cells) -> bytes:
    texts = [_text(key) for key in keys]
    head = _head(name, f"LowCardinality({kind})")
    counts = LOW_CARDINALITY.pack(OWN_KEYS_BYTE_INDICES, len(texts)), struct.pack("<q", len(indices))
    return b"".join((head, KEYS_VERSION, counts[0], *texts, counts[1], indices.astype(np.uint8).tobytes()))


def _head(name: str, kind: str) -> bytes:
    return _text(name) + _text(kind)


def _text(text: str) -> bytes:
    data = text.encode()
    return _size(len(data)) + data


def _size(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
