"""Avro encoding of columns of longs with numpy, without a Python object per number; the bytes equal fastavro's.

Source: the Apache Avro 1.12 specification, "Binary Encoding". A long is zigzag encoded, then written in 7 bits per
byte, lowest first, with the high bit set in each byte but the last. An array is a series of blocks, each a count and
its items; a count of 0 ends it.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.records.messages import Ints

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

LONG_BYTES_MAX = 10
WORD_BYTES = 8
MORE = 0x80
"""Bit that is set in a byte if another byte of the same number follows."""
WORD = np.dtype("<u8")


def _words(*numbers: int) -> Words:
    return np.array(numbers, WORD)


PAYLOAD, MORES, _ONE = _words(0x7F7F7F7F7F7F7F7F, 0x8080808080808080, 1)
BEYOND = np.uint64(56)
"""Number of payload bits in 8 bytes; higher bits are in the ninth and tenth byte."""
_FIRST_BYTES = (
    _words(*((1 << 8 * count) - 1 for count in range(WORD_BYTES + 1)))[
        np.minimum(np.arange(LONG_BYTES_MAX + 1), WORD_BYTES)
    ]
    & PAYLOAD
)
"""Mask of the payload bits in the first 8 bytes, by the length of a number in bytes."""
_LANES = tuple(
    (_words(low)[0], _words(low << half)[0], np.uint64(gap))
    for low, half, gap in ((0x007F007F007F007F, 8, 1), (0x00003FFF00003FFF, 16, 2), (0x000000000FFFFFFF, 32, 4))
)
"""Steps that move 7-bit groups together: low mask, high mask and shift for lanes of 16, 32 and 64 bits."""


def zigzag(numbers: Ints) -> Words:
    """Returns unsigned numbers that are small for numbers near 0."""
    found: Words = ((numbers << 1) ^ (numbers >> 63)).view(WORD)
    return found


def unzigzag(numbers: Words) -> Ints:
    """Reverses zigzag."""
    found: Ints = (numbers >> _ONE).view(np.int64) ^ -(numbers & _ONE).view(np.int64)
    return found


def join_groups(groups: Words) -> Words:
    """Returns the 56 payload bits of 8 bytes with 7 bits each."""
    for low, high, gap in _LANES:
        groups = (groups & low) | ((groups & high) >> gap)
    return groups


def encode_longs(numbers: Ints) -> tuple[Bytes, Ints]:
    """Returns the encoded numbers in one buffer, and the offset behind each of them."""
    rest = zigzag(np.ascontiguousarray(numbers, np.int64))
    groups = rest & _words((1 << 56) - 1)
    for low, high, gap in reversed(_LANES):
        groups = (groups & low) | (groups << gap & high)
    beyond = rest >> BEYOND
    above = (groups >> np.uint64(8)) | ((beyond != 0).astype(WORD) << BEYOND)
    for distance in (8, 16, 32):
        above |= above >> np.uint64(distance)
    # Set the bit in each byte with payload above it: adding 0x7F carries into it.
    followed = ((above & PAYLOAD) + PAYLOAD) & MORES
    table = np.empty((len(rest), LONG_BYTES_MAX), np.uint8)
    table[:, :WORD_BYTES] = (groups | followed)[:, None].view(np.uint8)
    table[:, WORD_BYTES] = beyond
    table[:, WORD_BYTES + 1] = 1
    lengths = np.bitwise_count(followed).astype(np.int64) + 1 + (beyond >= MORE)
    width = int(lengths.max(initial=0))
    if width * len(rest) == lengths.sum():
        return table[:, :width].ravel(), np.arange(1, len(rest) + 1) * width
    return table[np.arange(LONG_BYTES_MAX) < lengths[:, None]], np.cumsum(lengths)


def encode_array(numbers: Ints) -> bytes:
    """Returns an Avro array of longs as one block."""
    if not len(numbers):
        return b"\x00"
    count, _ = encode_longs(np.array([len(numbers)]))
    items, _ = encode_longs(numbers)
    return b"".join((count.tobytes(), items.tobytes(), b"\x00"))


def decode_longs(buffer: bytes, offset: int, count: int) -> tuple[Ints, int]:
    """Returns count numbers from an offset on, and the offset behind them.

    Raises EOFError if the buffer ends too early, ValueError for a number of more than 64 bits.
    """
    if not count:
        return np.zeros(0, np.int64), offset
    found = _Numbers(buffer[offset : offset + LONG_BYTES_MAX * count], count)
    if len(found.numbers) < count:
        raise EOFError(f"{len(found.numbers)} numbers, not {count}, from byte {offset} of {len(buffer)}")
    return found.numbers, offset + found.end(count)


def decode_arrays(buffer: bytes, offset: int, arrays: int) -> tuple[list[Ints], int]:
    """Returns consecutive arrays of longs, and the offset behind them. Raises the errors of decode_longs."""
    found = _Numbers(buffer[offset:])
    numbers, place = found.numbers, 0
    columns: list[Ints] = []
    try:
        for _ in range(arrays):
            blocks = []
            while count := int(numbers[place]):
                # The size of the block in bytes follows a negative count.
                place += 1 if count > 0 else 2
                blocks.append(numbers[place : place + abs(count)])
                place += abs(count)
            place += 1
            columns.append(blocks[0] if len(blocks) == 1 else np.concatenate([numbers[:0], *blocks]))
    except IndexError:
        raise EOFError(f"{len(columns)} arrays, not {arrays}, from byte {offset} of {len(buffer)}") from None
    return columns, offset + found.end(place)


class _Numbers:
    """The bytes of a buffer read as consecutive numbers: the first count of them, or all that are complete."""

    def __init__(self, buffer: bytes, count: int | None = None) -> None:
        padded = np.frombuffer(buffer + bytes(LONG_BYTES_MAX), np.uint8)
        self._ends = np.flatnonzero(padded[: len(buffer)] < MORE)[:count] + 1
        starts = np.concatenate([[0], self._ends[:-1]])[: len(self._ends)]
        self._lengths = self._ends - starts
        # Overlapping words, one at every byte.
        words: Words = np.ndarray((len(padded) - WORD_BYTES,), WORD, padded, strides=(1,))
        groups = words[starts] & _FIRST_BYTES[np.minimum(self._lengths, LONG_BYTES_MAX)]
        groups = join_groups(groups)
        self._wrong = len(self._ends)
        longer = np.flatnonzero(self._lengths > WORD_BYTES)
        if len(longer):
            groups[longer] |= self._beyond(padded, starts[longer], longer)
        self.numbers = unzigzag(groups)

    def _beyond(self, padded: Bytes, starts: Ints, longer: Ints) -> Words:
        """Returns the bits of these numbers behind their first 8 bytes; notes the first number that is too long."""
        lengths = self._lengths[longer]
        ninth = padded[starts + WORD_BYTES].astype(WORD)
        tenth = padded[starts + WORD_BYTES + 1].astype(WORD) * (lengths >= LONG_BYTES_MAX)
        wrong = longer[(lengths > LONG_BYTES_MAX) | (tenth > 1)]
        self._wrong = int(wrong[0]) if len(wrong) else self._wrong
        found: Words = (ninth & _words(MORE - 1)) << BEYOND | tenth << np.uint64(63)
        return found

    def end(self, count: int) -> int:
        """Returns the number of bytes of the first count numbers. Raises ValueError if one of them is too long."""
        if count > self._wrong:
            raise ValueError(f"number {self._wrong} of a column takes more than 64 bits")
        return int(self._ends[count - 1]) if count else 0
