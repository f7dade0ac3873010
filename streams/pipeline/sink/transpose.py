"""Transposing encoded Avro records of one schema into columns: reads a field of all rows at once.

Reads only the canonical encoding. A record that an Avro writer of the schema would encode otherwise raises
UnusualRecord; its block then takes the path on which ClickHouse parses the records.

Source: the Apache Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.avro.arrays import BEYOND, MORE, MORES, PAYLOAD, WORD, WORD_BYTES, Bytes, join_groups, unzigzag
from schemas.records.messages import Ints

MARGIN = bytes(32)
"""Padding before and behind the records, because some values are read together with adjacent bytes."""
DECIMAL_BYTES_MAX = {18: 8, 38: 15}
"""Bytes of an unscaled number that fits in any case, by the decimal's digits."""
SYMBOLS_MAX = 64
"""Largest number of symbols whose indices take one byte."""
PRESENT = 2
"""Encoded index of a union's second type."""
TEXT_STEPS = (1 << 7, 1 << 14, 1 << 21)
"""Lengths from which ClickHouse's length field takes another byte."""

Cells = NDArray[Any]
Flags = NDArray[np.bool_]


class UnusualRecord(Exception):
    """A record that this reader does not handle."""


class ColumnField(NamedTuple):
    """A field that can be transposed. symbols: of an enum. digits, scale: of a decimal."""

    name: str
    kind: str
    nullable: bool
    symbols: tuple[str, ...] = ()
    digits: int = 0
    scale: int = 0


class Column(NamedTuple):
    """A field of all rows.

    cells: numbers of shape (n,); for a wide decimal its low and high words, shape (n, 2); for an enum the indices of
    its symbols; for text the bytes of all values, each after its length as ClickHouse writes it.
    absent: shape (n,), true if the field is null; None if the field is not nullable.
    """

    field: ColumnField
    cells: Cells
    absent: Flags | None


def fields_of(schema: dict[str, Any]) -> tuple[ColumnField, ...] | None:
    """Returns the fields of a writer's schema, or None if one has a type that can't be transposed."""
    fields = [_field(field["name"], field["type"]) for field in schema["fields"]]
    known = tuple(field for field in fields if field is not None)
    return known if len(known) == len(fields) else None


def _field(name: str, kind: Any) -> ColumnField | None:
    nullable = isinstance(kind, list)
    if nullable:
        if len(kind) != 2 or kind[0] != "null":
            return None
        kind = kind[1]
    form: dict[str, Any] = kind if isinstance(kind, dict) else {"type": kind}
    match form["type"], form.get("logicalType"):
        case "string" | "int" | "long" | "boolean" as plain, None:
            return ColumnField(name, plain, nullable)
        case "long", "timestamp-nanos":
            return ColumnField(name, "nanos", nullable)
        case "enum", None if len(form["symbols"]) <= SYMBOLS_MAX:
            return ColumnField(name, "enum", nullable, symbols=tuple(form["symbols"]))
        case "bytes", "decimal" if form["precision"] in DECIMAL_BYTES_MAX:
            return ColumnField(name, "decimal", nullable, digits=form["precision"], scale=form.get("scale", 0))
    return None


def transpose(values: Sequence[bytes], header: bytes, fields: Sequence[ColumnField]) -> list[Column]:
    """Returns the columns of records that all begin with the header, which has less than 8 bytes.

    Raises UnusualRecord.
    """
    reader = _Reader(values, header)
    try:
        columns = [reader.column(field) for field in fields]
    except IndexError as error:
        raise UnusualRecord("a record that goes on behind the last one's end") from error
    reader.demand_end()
    return columns


class _Reader:
    """A reader with a position in every row, which reads field by field.

    A damaged row may lead into the next one. Positions never go back, so such a row does not end at its own end, which
    demand_end() checks.
    """

    def __init__(self, values: Sequence[bytes], header: bytes) -> None:
        self._bytes = np.frombuffer(b"".join((MARGIN, *values, MARGIN)), np.uint8)
        # The word that begins at each byte.
        self._words = np.ndarray((len(self._bytes) - WORD_BYTES,), WORD, self._bytes, strides=(1,))
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        self._ends = np.cumsum(lengths) + len(MARGIN)
        starts = self._ends - lengths
        cut = np.uint64(8 * (WORD_BYTES - len(header)))
        if np.any(self._words[starts] << cut != np.frombuffer(header.rjust(WORD_BYTES, b"\0"), WORD)):
            raise UnusualRecord("a record with another header")
        self._at = starts + len(header)

    def column(self, field: ColumnField) -> Column:
        """Reads the next field of all rows."""
        if not field.nullable:
            cells, self._at = self._cells(field, self._at, self._ends)
            return Column(field, self._text(cells) if field.kind == "string" else cells, None)
        index = self._bytes[self._at]
        absent = index == 0
        self._at = self._at + 1
        rows = np.flatnonzero(index == PRESENT)
        if len(rows) + np.count_nonzero(absent) < len(index):
            raise UnusualRecord(f"{field.name}: the index of a union")
        some, self._at[rows] = self._cells(field, self._at[rows], self._ends[rows])
        cells = np.zeros((len(index), *some.shape[1:]), some.dtype)
        cells[rows] = some
        return Column(field, self._text(cells) if field.kind == "string" else cells, absent)

    def demand_end(self) -> None:
        """Raises UnusualRecord unless every row has been read exactly to its end."""
        if not np.array_equal(self._at, self._ends):
            raise UnusualRecord("a record whose fields don't end where it does")

    def _cells(self, field: ColumnField, at: Ints, ends: Ints) -> tuple[Cells, Ints]:
        """Reads the cells of some rows, and returns them with the new positions.

        For text, a cell is the index of its first byte and of its end, shape (n, 2).
        """
        match field.kind:
            case "string" | "decimal":
                lengths, at = self._small(at)
                behind = at + lengths
                if np.any(behind > ends):
                    raise UnusualRecord(f"{field.name}: longer than its record")
                if field.kind == "string":
                    return np.stack((at, behind), 1), behind
                return self._decimal(field, lengths, behind), behind
            case "boolean":
                flags = self._bytes[at]
                if np.any(flags > 1):
                    raise UnusualRecord(f"{field.name}: neither true nor false")
                return flags, at + 1
            case "enum":
                indices, at = self._small(at)
                if np.any(indices >= len(field.symbols)):
                    raise UnusualRecord(f"{field.name}: none of its symbols")
                return indices.astype(np.uint8), at
            case "int":
                numbers, at = self._long(at)
                narrow = numbers.astype(np.int32)
                if np.any(narrow != numbers):
                    raise UnusualRecord(f"{field.name}: more than 32 bits")
                return narrow, at
        numbers, at = self._long(at)
        return numbers, at

    def _small(self, at: Ints) -> tuple[Ints, Ints]:
        """Reads lengths or indices, which usually take one byte and are never negative."""
        first = self._bytes[at]
        if np.any(first >= MORE):
            numbers, at = self._long(at)
        else:
            numbers, at = unzigzag(first.astype(WORD)), at + 1
        if np.any(numbers < 0):
            raise UnusualRecord("a negative length or index")
        return numbers, at

    def _long(self, at: Ints) -> tuple[Ints, Ints]:
        words = self._words[at]
        stops = ~words & MORES
        below = (stops & -stops) - PAYLOAD.dtype.type(1)
        groups = join_groups(words & below & PAYLOAD)
        lengths = (np.bitwise_count(below) + 1).astype(np.int64) // WORD_BYTES
        longer = np.flatnonzero(stops == 0)
        if len(longer):
            ninth = self._bytes[at[longer] + WORD_BYTES]
            if np.any(ninth >= MORE):
                raise UnusualRecord("a number beyond 62 bits")
            groups[longer] |= ninth.astype(WORD) << BEYOND
            lengths[longer] += 1
        behind = at + lengths
        if np.any((self._bytes[behind - 1] == 0) & (lengths > 1)):
            raise UnusualRecord("a number with more bytes than it needs")
        return unzigzag(groups), behind

    def _decimal(self, field: ColumnField, lengths: Ints, behind: Ints) -> Cells:
        """Reads unscaled numbers: two's complement, the highest byte first."""
        if np.any(lengths > DECIMAL_BYTES_MAX[field.digits]) or np.any(lengths == 0):
            raise UnusualRecord(f"{field.name}: an unscaled number of no bytes, or of many")
        low = self._words[behind - WORD_BYTES].byteswap().view(np.int64)
        cut = 8 * (WORD_BYTES - np.minimum(lengths, WORD_BYTES))
        low = low << cut >> cut
        if field.digits == 18:
            if np.any(low >= 10**18) or np.any(low <= -(10**18)):
                raise UnusualRecord(f"{field.name}: more than 18 digits")
            narrow: Ints = low
            return narrow
        high = self._words[behind - 2 * WORD_BYTES].byteswap().view(np.int64)
        cut = 8 * (2 * WORD_BYTES - np.maximum(lengths, WORD_BYTES + 1))
        high = np.where(lengths > WORD_BYTES, high << cut >> cut, low >> 63)
        words: Ints = np.stack((low, high), 1)
        return words

    def _text(self, spans: Ints) -> Bytes:
        starts, behind = spans[:, 0], spans[:, 1]
        lengths = behind - starts
        heads = np.ones(len(lengths), np.int64)
        for step in TEXT_STEPS:
            if np.any(lengths >= step):
                heads += lengths >= step
        sizes = lengths + heads
        begins = np.cumsum(sizes) - sizes
        places = np.repeat(starts - heads - begins, sizes)
        places += np.arange(len(places))
        text: Bytes = self._bytes[places]
        text[begins] = lengths & 0x7F | (heads > 1) * MORE
        for number in range(1, int(heads.max(initial=1))):
            rows = np.flatnonzero(heads > number)
            text[begins[rows] + number] = lengths[rows] >> 7 * number & 0x7F | (heads[rows] > number + 1) * MORE
        return text
