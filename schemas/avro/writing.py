"""A writer of Avro's binary encoding for flat records (Apache Avro 1.12 specification, "Binary Encoding").

fastavro writes any schema; this module writes flat records alone and, compiled, takes a fraction of the time
(docs/decisions/0019-compiled-core.md).
"""

from collections.abc import Sequence
from typing import Any, Final

from librt.strings import BytesWriter, write_f64_le
from mypy_extensions import i64, u8

from schemas.avro.layout import BOOLEAN, BYTES, DECIMAL, DOUBLE, ENUM, INT, LONG, LONGS, STRING, STRINGS, Field

ABSENT: Final[u8] = 0
PRESENT: Final[u8] = 2
"""Indices 0 and 1 of a union, encoded as longs."""
SHORT_BITS: Final = 62
"""Bits of the integers that compiled code keeps in a machine word."""


def write_record(header: bytes, fields: list[Field], values: tuple[Any, ...]) -> bytes:
    """Returns the header and the encoded record of these values.

    Raises AssertionError for a decimal with too many digits, KeyError for a value that is no member of its enum.
    """
    assert len(values) == len(fields), f"{len(values)} values for {len(fields)} fields"
    out = BytesWriter()
    out.write(header)
    for place in range(len(fields)):
        field, value = fields[place], values[place]
        if field.optional:
            if value is None:
                out.append(ABSENT)
                continue
            out.append(PRESENT)
        _write(out, field, value)
    return out.getvalue()


def _write(out: BytesWriter, field: Field, value: Any) -> None:
    kind = field.kind
    if kind == STRING:
        _write_bytes(out, value.encode())
    elif kind == DECIMAL:
        _write_decimal(out, field, value)
    elif kind == ENUM:
        _write_long(out, field.places[value])
    elif kind in (LONG, INT):
        _write_long(out, value)
    elif kind == BOOLEAN:
        out.append(u8(1 if value else 0))
    elif kind == LONGS:
        _write_longs(out, value)
    elif kind == STRINGS:
        _write_strings(out, value)
    elif kind == BYTES:
        _write_bytes(out, value)
    else:
        assert kind == DOUBLE
        write_f64_le(out, value)


def _write_long(out: BytesWriter, number: i64) -> None:
    """Writes a number in zigzag encoding, seven bits per byte, lowest first."""
    rest = (number << 1) ^ (number >> 63)
    while rest & -128:
        out.append(u8((rest & 0x7F) | 0x80))
        rest = (rest >> 7) & 0x1FFFFFFFFFFFFFF
    out.append(u8(rest))


def _write_bytes(out: BytesWriter, data: bytes) -> None:
    _write_long(out, len(data))
    out.write(data)


def _write_decimal(out: BytesWriter, field: Field, number: int) -> None:
    """Writes the shortest big-endian two's complement of the unscaled integer."""
    bits = number.bit_length()
    if bits > field.sure_bits:
        assert -field.limit < number < field.limit, f"{field.name} {number} has too many digits for its decimal"
    if bits <= SHORT_BITS:
        _write_short_decimal(out, number)
        return
    if bits & 7 == 0 and number < 0:
        bits = (number + 1).bit_length()
    size = bits // 8 + 1
    _write_long(out, size)
    out.write(number.to_bytes(size, "big", signed=True))


def _write_short_decimal(out: BytesWriter, number: i64) -> None:
    size: i64 = 1
    rest = number >> 7
    while rest not in (0, -1):
        rest >>= 8
        size += 1
    _write_long(out, size)
    while size:
        size -= 1
        out.append(u8((number >> (8 * size)) & 0xFF))


def _write_longs(out: BytesWriter, numbers: Sequence[Any]) -> None:
    if len(numbers):
        _write_long(out, len(numbers))
        for number in numbers:
            _write_long(out, number)
    out.append(u8(0))


def _write_strings(out: BytesWriter, texts: Sequence[str]) -> None:
    if len(texts):
        _write_long(out, len(texts))
        for text in texts:
            _write_bytes(out, text.encode())
    out.append(u8(0))
