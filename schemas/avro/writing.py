"""A record's fields in Avro's binary encoding (Apache Avro 1.12 specification, "Binary Encoding").

fastavro does the same for any schema; this does it for flat records alone, and, compiled, in a fraction of the time
(docs/decisions/0019-compiled-core.md).
"""

from collections.abc import Sequence
from typing import Any, Final

from librt.strings import BytesWriter, write_f64_le
from mypy_extensions import i64

from schemas.avro.layout import BOOLEAN, BYTES, DECIMAL, DOUBLE, ENUM, INT, LONG, LONGS, STRING, STRINGS, Field

PRESENT: Final = 2
"""Branch 1 of a union, as a long."""


def written(header: bytes, fields: list[Field], values: tuple[Any, ...]) -> bytes:
    """The header, and after it the record of these values.

    Raises AssertionError for a decimal of too many digits, KeyError for what is no member of an enum.
    """
    assert len(values) == len(fields), f"{len(values)} values for {len(fields)} fields"
    out = BytesWriter()
    out.write(header)
    for place in range(len(fields)):
        field, value = fields[place], values[place]
        if field.optional:
            if value is None:
                out.append(0)
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
        out.append(1 if value else 0)
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
    """Zigzag, seven bits a byte, the lowest first."""
    rest = (number << 1) ^ (number >> 63)
    while rest & -128:
        out.append((rest & 0x7F) | 0x80)
        rest = (rest >> 7) & 0x1FFFFFFFFFFFFFF
    out.append(rest)


def _write_bytes(out: BytesWriter, data: bytes) -> None:
    _write_long(out, len(data))
    out.write(data)


def _write_decimal(out: BytesWriter, field: Field, number: int) -> None:
    """The shortest big-endian two's complement of the unscaled integer."""
    assert -field.limit < number < field.limit, f"{field.name} {number} has too many digits for its decimal"
    size = (number + (number < 0)).bit_length() // 8 + 1
    _write_long(out, size)
    out.write(number.to_bytes(size, "big", signed=True))


def _write_longs(out: BytesWriter, numbers: Sequence[Any]) -> None:
    if len(numbers):
        _write_long(out, len(numbers))
        for number in numbers:
            _write_long(out, number)
    out.append(0)


def _write_strings(out: BytesWriter, texts: Sequence[str]) -> None:
    if len(texts):
        _write_long(out, len(texts))
        for text in texts:
            _write_bytes(out, text.encode())
    out.append(0)
