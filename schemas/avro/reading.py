"""A strict reader of Avro's binary encoding: it accepts each value only in the form that writers use.

It refuses a negative index, a number in more bytes than it needs, and bytes that are no UTF-8, because readers (such as
ClickHouse) interpret them differently. Only arrays may come in blocks of any size, as the specification allows.
"""

from typing import Any, Final

from librt.strings import read_f64_le
from mypy_extensions import i64

from schemas.avro.layout import BOOLEAN, BYTES, DECIMAL, DOUBLE, ENUM, INT, LONG, LONGS, STRING, STRINGS, Field

DECIMAL_BYTES_MAX: Final = 20
WORD_BYTES: Final = 8
INT_MAX: Final = 2**31 - 1


class TooManyDigits(Exception):
    """A decimal exceeds its precision; the argument is the field's name."""


class Reader:
    """A reader of the bytes of one value. Every method raises EOFError or ValueError for malformed bytes."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at: i64 = at
        self._end: i64 = len(data)

    @property
    def left(self) -> int:
        """Number of bytes not yet read."""
        return self._end - self._at

    def record(self, fields: list[Field]) -> tuple[Any, ...]:
        """Returns the values of all fields. Raises TooManyDigits."""
        return tuple([self._value(field) for field in fields])

    def _value(self, field: Field) -> Any:
        if field.optional:
            branch = self._byte()
            if branch == 0:
                return None
            if branch != 2:
                raise ValueError(f"branch of the union {field.name}")
        kind = field.kind
        if kind == STRING:
            return self._bytes().decode()
        if kind == DECIMAL:
            return self._decimal(field)
        if kind == ENUM:
            return self._member(field)
        if kind == LONG:
            return self._long()
        if kind == INT:
            return self._int()
        if kind == BOOLEAN:
            return self._boolean()
        if kind == LONGS:
            return self._longs()
        if kind == STRINGS:
            return self._strings()
        if kind == BYTES:
            return self._bytes()
        assert kind == DOUBLE
        return self._double()

    def _byte(self) -> i64:
        if self._at >= self._end:
            raise EOFError("ends too early")
        byte: i64 = self._data[self._at]
        self._at += 1
        return byte

    def _long(self) -> i64:
        byte = self._byte()
        number = byte & 0x7F
        shift: i64 = 7
        while byte & 0x80:
            byte = self._byte()
            if byte == 0 or shift > 63 or (shift == 63 and byte > 1):
                raise ValueError("a number in more bytes than it needs")
            number |= (byte & 0x7F) << shift
            shift += 7
        return ((number >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(number & 1)

    def _length(self) -> i64:
        length = self._long()
        if length < 0:
            raise ValueError("a negative length")
        if length > self._end - self._at:
            raise EOFError("ends too early")
        return length

    def _bytes(self) -> bytes:
        return self._next(self._length())

    def _next(self, length: i64) -> bytes:
        start = self._at
        self._at += length
        return self._data[start : start + length]

    def _decimal(self, field: Field) -> int:
        length = self._length()
        if 0 < length <= WORD_BYTES:
            number = self._signed(length)
        elif length <= DECIMAL_BYTES_MAX:
            number = int.from_bytes(self._next(length), "big", signed=True)
        else:
            raise TooManyDigits(field.name)
        if length > field.sure_bytes and not -field.limit < number < field.limit:
            raise TooManyDigits(field.name)
        return number

    def _signed(self, length: i64) -> int:
        """Returns the big-endian two's complement of the next bytes, at most WORD_BYTES."""
        number = self._byte()
        if number & 0x80:
            number -= 0x100
        for _ in range(length - 1):
            number = (number << 8) | self._byte()
        return number

    def _member(self, field: Field) -> Any:
        place = self._long()
        if place < 0 or place >= len(field.members):
            raise ValueError(f"symbol of {field.name}")
        return field.members[place]

    def _int(self) -> i64:
        number = self._long()
        if number > INT_MAX or number < -INT_MAX - 1:
            raise ValueError("more than 32 bits")
        return number

    def _boolean(self) -> bool:
        byte = self._byte()
        if byte > 1:
            raise ValueError("a boolean is 0 or 1")
        return byte == 1

    def _double(self) -> float:
        if self._end - self._at < 8:
            raise EOFError("ends too early")
        start = self._at
        self._at += 8
        return read_f64_le(self._data, start)

    def _items(self) -> i64:
        """Returns the number of items in the next block of an array; 0 at its end. An item has at least one byte."""
        count = self._long()
        if count < 0:
            self._long()  # The block's size in bytes, for readers that skip it.
            count = -count
        if count < 0 or count > self._end - self._at:
            raise EOFError("ends too early")
        return count

    def _longs(self) -> list[int]:
        numbers: list[int] = []
        count = self._items()
        while count:
            for _ in range(count):
                numbers.append(self._long())
            count = self._items()
        return numbers

    def _strings(self) -> list[str]:
        texts: list[str] = []
        count = self._items()
        while count:
            for _ in range(count):
                texts.append(self._bytes().decode())
            count = self._items()
        return texts
